import { copyFileSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requiredProgram } from './programs.ts'

/** One container of a test bed: a shell script in a file system with nothing but busybox. */

export interface ContainerOptions {
  readonly name: string
  /** What its first process does, in the language of the shell. */
  readonly script: string
}

export interface BedContainer {
  readonly name: string
  /** Characters that its script has printed so far. */
  printed(): number
}

interface Place {
  /** Of libvirt's client, on the connection for containers. */
  virsh(...args: readonly string[]): Promise<string>
}

const PROGRAMS = ['sh', 'sleep', 'dd']
/** What containers need beside what machines need. */
export const CONTAINER_PROGRAMS = ['libvirt_lxc']
const MEMORY_MIB = 64

/** `folder` is the host's: what lies in its `run` is under /run inside. */
export async function startContainer(
  host: Place,
  folder: string,
  { name, script }: ContainerOptions,
): Promise<BedContainer> {
  const root = join(folder, 'run', `${name}.root`)
  for (const place of ['bin', 'dev', 'proc', 'sys']) mkdirSync(join(root, place), { recursive: true })
  copyFileSync(requiredProgram('busybox'), join(root, 'bin/busybox'))
  for (const program of PROGRAMS) symlinkSync('busybox', join(root, 'bin', program))
  const output = join(root, 'output')
  writeFileSync(output, '')
  writeFileSync(join(root, 'init'), `#!/bin/sh\nexec >>/output\n${script}\n`, { mode: 0o755 })
  const file = join(folder, `${name}.xml`)
  writeFileSync(file, domainXml(name))
  await host.virsh('define', file)
  await host.virsh('start', name)
  return { name, printed: () => statSync(output).size }
}

function domainXml(name: string): string {
  return `<domain type='lxc'>
  <name>${name}</name>
  <memory unit='MiB'>${MEMORY_MIB}</memory>
  <vcpu>1</vcpu>
  <os><type>exe</type><init>/init</init></os>
  <devices>
    <filesystem type='mount'><source dir='/run/${name}.root'/><target dir='/'/></filesystem>
    <console type='pty'/>
  </devices>
</domain>
`
}

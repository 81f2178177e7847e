import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BUILDING,
  cached,
  copy,
  kernelImage,
  packInitramfs,
  requiredKernel,
  sharedLibraries,
  stageBootModules,
  stampsOf,
  write,
} from './building.ts'
import { requiredProgram } from './programs.ts'

/** What a test machine boots from: Debian's kernel and an initial memory disk with busybox and QEMU's guest agent. */

const MODULES = ['virtio_pci', 'virtio_console', 'virtio_balloon', 'virtio_net', 'virtio_blk']

export interface VmImage {
  readonly kernel: string
  readonly initramfs: string
}

export function buildVmImage(): VmImage {
  const version = requiredKernel()
  const [busybox, agent] = [requiredProgram('busybox'), requiredProgram('qemu-ga')]
  const init = readFileSync(join(import.meta.dirname, 'vm-init.sh'))
  const builder = [import.meta.filename, BUILDING].map((path) => readFileSync(path, 'utf8'))
  const initramfs = cached('vm', [...builder, version, ...stampsOf([busybox, agent]), init], (stage, image) => {
    copy(busybox, join(stage, 'bin', 'busybox'))
    copy(agent, join(stage, 'usr', 'sbin', 'qemu-ga'))
    for (const library of sharedLibraries([agent])) copy(library, join(stage, library))
    stageBootModules(stage, version, MODULES)
    write(join(stage, 'init'), init, 0o755)
    packInitramfs(stage, image)
  })
  return { kernel: kernelImage(version), initramfs }
}

import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DomainPolicy, Match, Policy } from '#core/model/policy.ts'
import { type CgroupDriver, createCgroupDriver, sweep } from '#drivers/cgroup/driver.ts'
import { removeGroup } from '#drivers/cgroup/groups.ts'
import { baseDir, type Layout } from '#drivers/cgroup/layout.ts'
import { threadsOf } from '#drivers/cgroup/members.ts'
import type { Harness } from './conformance.ts'

/** Domains that are real commands in real groups, for the tests of the cgroup driver. */

/** Prints one character after each of its units of work, so that the length of its output is the work done. */
export const BUSY = 'while :; do n=0; while [ $n -lt 500 ]; do n=$((n+1)); done; printf x; done'
/** Asks for 100 MB at once, and goes on when that has been refused to it. */
export const EATER = 'sleep 1; while :; do dd if=/dev/zero of=/dev/null bs=100M count=100 2>/dev/null; sleep 1; done'

/** A command that the shell runs. Nobody in particular runs it. */
export function shell(script: string, user = 'nobody'): Match {
  return { kind: 'command', command: { argv: ['/bin/sh', '-c', script], user, directory: '/', environment: {} } }
}

/** A domain of which nothing is said but how it is found. */
export function domain(name: string, match: Match, more: Partial<DomainPolicy> = {}): DomainPolicy {
  return {
    name,
    driver: 'cgroup',
    match,
    parent: null,
    groups: [],
    mode: null,
    role: 'managed',
    controls: ['cpu', 'memory'] as unknown as DomainPolicy['controls'],
    enforcement: 'guarantee',
    shares: {},
    placement: { pin: null, near: [], apart: [] },
    metadata: null,
    pauseBelow: null,
    vcpus: null,
    drift: null,
    scheduling: { class: 'other', priority: 0, sliceMs: null },
    byActivity: null,
    affinity: null,
    ...more,
  }
}

/** Drivers look at nothing else of a policy. */
export function policyOf(...domains: DomainPolicy[]): Policy {
  return { domains, metrics: [], host: { libvirt: [] } } as unknown as Policy
}

/** Whatever an earlier run left under the same root goes first, also where that run was killed. */
export async function cgroupHarness(root: string, outputDir: string): Promise<Harness & { driver: CgroupDriver }> {
  await sweep(root)
  const driver = await createCgroupDriver({ root, outputDir })
  const path = (name: string) => `${driver.layout.rootPath}/${name}`
  return {
    driver,
    kind: driver.kind,
    async start() {
      const domains = ['left', 'right'].map((name) => domain(name, shell(BUSY)))
      const prepared = await driver.prepare(policyOf(...domains, domain('eater', shell(EATER))))
      const failed = prepared.filter((one) => one.status !== 'started')
      if (failed.length > 0) throw new Error(JSON.stringify(failed))
    },
    work: (name) => statSync(join(outputDir, `${name}.log`)).size,
    cpus: (name) => lastCpus(driver.layout, path(name)),
    destroy: async (name) => {
      await removeGroup(driver.layout, path(name))
    },
    async close() {
      await driver.stopCommands()
      await driver.close()
      rmSync(outputDir, { recursive: true })
    },
  }
}

/** The CPU on which each thread of a group ran last, but those with such names, which hardly ever run. */
export function lastCpus(layout: Layout, path: string, but = /^$/): number[] {
  const name = (thread: number) => readFileSync(`/proc/${thread}/comm`, 'utf8').trim()
  return threadsOf(layout, path)
    .filter((thread) => !but.test(name(thread)))
    .map(lastCpu)
}

/** Field 39 of /proc/PID/stat, counted behind the name, which may hold anything. */
function lastCpu(thread: number): number {
  const stat = readFileSync(`/proc/${thread}/stat`, 'latin1')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[36])
}

/** The directory that names the group of a domain under the driver's root. */
export function groupDir(driver: CgroupDriver, name = ''): string {
  return baseDir(driver.layout, name === '' ? driver.layout.rootPath : `${driver.layout.rootPath}/${name}`)
}

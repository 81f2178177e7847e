import type { DomainPolicy } from '#core/model/policy.ts'
import type { Layout } from '#drivers/cgroup/layout.ts'
import type { Connection } from './connection.ts'
import { type Container, containerOf } from './container.ts'
import type { DomainInfo } from './domain-list.ts'
import type { Link } from './link.ts'
import { MACHINE_STATS, type Machine, machineOf } from './machine.ts'
import { groupsOfContainers, groupsOfMachines } from './processes.ts'

/** What runs on one connection. */
export interface Inventory {
  /** Each in a control group of its own on this host. */
  readonly guests: readonly Guest[]
  /** Those that libvirt alone can tell of: on another host, or in no control group of their own. */
  readonly outside: readonly OutsideDomain[]
}

export type Guest = Machine | Container

/** A guest that the policy names. */
export interface Named {
  readonly guest: Guest
  readonly policy: DomainPolicy
}

export interface OutsideDomain extends DomainInfo {
  readonly link: Link
}

/** Asks a connection what runs there. `cpus` is how many CPUs this host has. */
export async function inventoryOf(
  connection: Connection,
  link: Link,
  layout: Layout,
  cpus: number,
): Promise<Inventory> {
  if (connection.hypervisor === 'QEMU') return machinesOn(connection, link, layout, cpus)
  const infos = await connection.domains()
  if (connection.hypervisor !== 'LXC') return { guests: [], outside: infos.map((info) => ({ ...info, link })) }
  const paths = groupsOfContainers(layout, infos)
  const guests = infos.flatMap((info) => {
    const path = paths.get(info.uuid) ?? null
    return path === null ? [] : [containerOf(info, link, path)]
  })
  return { guests, outside: outsideOf(infos, paths, link) }
}

/** What is taken to run on a connection that does not answer now: what ran there, with nothing that was counted then. */
export function withoutAnswer(guests: readonly Guest[], outside: readonly OutsideDomain[]): Inventory {
  const stale = guests.map((guest) =>
    guest.kind === 'machine' ? { ...guest, devices: { ...guest.devices, counters: {} } } : guest,
  )
  return { guests: stale, outside }
}

async function machinesOn(connection: Connection, link: Link, layout: Layout, cpus: number): Promise<Inventory> {
  const stats = await connection.stats(MACHINE_STATS)
  const paths = groupsOfMachines(layout, new Set(stats.map(({ uuid }) => uuid)))
  const guests: Machine[] = []
  for (const one of stats) {
    const path = paths.get(one.uuid) ?? null
    if (path === null) continue
    // One that ended while it was asked about is not there.
    const machine = await machineOf(connection, link, path, one, cpus).catch(() => null)
    if (machine !== null) guests.push(machine)
  }
  if (guests.length === stats.length) return { guests, outside: [] }
  return { guests, outside: outsideOf(await connection.domains(), paths, link) }
}

/** Where this host has no process of a domain that should run here, it has just ended, or is about to start. */
function outsideOf(
  infos: readonly DomainInfo[],
  paths: ReadonlyMap<string, string | null>,
  link: Link,
): OutsideDomain[] {
  const isRemote = hostOf(link.uri) !== ''
  return infos
    .filter(({ uuid }) => (isRemote ? typeof paths.get(uuid) !== 'string' : paths.get(uuid) === null))
    .map((info) => ({ ...info, link }))
}

/** `qemu+ssh://root@other/system` is on `other`, `qemu:///system` on this host. */
function hostOf(uri: string): string {
  return /^[^:]+:\/\/(?:[^/@]*@)?([^/]*)/.exec(uri)?.[1] ?? ''
}

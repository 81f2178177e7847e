import type { DomainPolicy } from '#core/model/policy.ts'
import type { Layout } from '#drivers/cgroup/layout.ts'
import { monotonicMs } from '#drivers/cgroup/monotonic.ts'
import type { Connection, StatsGroup } from './connection.ts'
import { type Container, containerOf } from './container.ts'
import type { DomainId, DomainInfo } from './domain-list.ts'
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

/** What a connection is asked, and what is known of it. */
export interface Question {
  readonly layout: Layout
  /** How many CPUs this host has. */
  readonly cpus: number
  /** Counters that are wanted of each machine. One that is not known yet is asked for all. */
  readonly stats: readonly StatsGroup[]
  readonly known: readonly Guest[]
}

/** Asks a connection what runs there. */
export async function inventoryOf(connection: Connection, link: Link, question: Question): Promise<Inventory> {
  if (connection.hypervisor === 'QEMU') return machinesOn(connection, link, question)
  const { layout } = question
  const infos = await connection.domains()
  if (connection.hypervisor !== 'LXC') return { guests: [], outside: infos.map((info) => ({ ...info, link })) }
  const paths = groupsOfContainers(layout, infos)
  const guests = infos.flatMap((info) => {
    const path = paths.get(info.uuid) ?? null
    return path === null ? [] : [containerOf(info, link, path)]
  })
  return { guests, outside: outsideOf(infos, paths, link) }
}

/** What is taken to run on a connection that does not answer now: what ran there, with nothing that was read then. */
export function withoutAnswer(guests: readonly Guest[], outside: readonly OutsideDomain[]): Inventory {
  const stale = guests.map((guest) => (guest.kind === 'machine' ? { ...guest, isToldNow: false } : guest))
  return { guests: stale, outside }
}

async function machinesOn(connection: Connection, link: Link, question: Question): Promise<Inventory> {
  const { layout, cpus } = question
  const known = new Map(question.known.map((guest) => [guest.uuid, guest]))
  /** The same machine since the same start, which is in the group that it was in. */
  const knownAs = ({ uuid, id }: DomainId): Machine | null => {
    const its = known.get(uuid)
    return its?.kind === 'machine' && its.id === id ? its : null
  }
  const isNew = (one: DomainId): boolean => knownAs(one) === null
  let stats = await connection.stats(question.stats, cpus)
  const lacksSome = question.stats.length < MACHINE_STATS.length
  if (lacksSome && stats.some(isNew)) stats = await connection.stats(MACHINE_STATS, cpus)
  const toldAtMs = monotonicMs()
  const wanted = new Set(stats.filter(isNew).map(({ uuid }) => uuid))
  const paths = wanted.size > 0 ? groupsOfMachines(layout, wanted) : new Map<string, string | null>()
  const guests: Machine[] = []
  for (const one of stats) {
    const its = knownAs(one)
    const path = its?.path ?? paths.get(one.uuid) ?? null
    if (path === null) continue
    paths.set(one.uuid, path)
    // One that ended while it was asked about is not there.
    const machine = await machineOf(connection, link, path, one, toldAtMs, its).catch(() => null)
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

import { parseCpuList } from '#lib/cpu-list.ts'
import type { Active } from './activity.ts'
import { type Affinity, affinities, type Follower, type Occupant } from './affinity.ts'
import type { FrameRow } from './frame.ts'
import type { DomainView, View } from './look.ts'
import type { DomainName } from './model/ids.ts'
import type { Cpu } from './model/observation.ts'
import type { Activity } from './model/policy.ts'
import { pinnedCpus, usedFreely } from './vcpus.ts'

/** Where a domain may run, and the rule that says so. */
export type Place =
  | { readonly cpus: readonly number[]; readonly rule: 'pin' | 'near' | 'apart' }
  | { readonly cpus: readonly number[]; readonly rule: 'activity'; readonly activity: Activity; readonly by: Affinity }

/** What each domain does, and whether anything is reallocated, so that domains may be moved with it. */
export interface Occasion {
  readonly active: Active
  readonly isTriggered: boolean
}

/**
 * Gives a CPU set to every domain whose policy pins it, keeps it near others or apart from them, or has it follow what
 * it does, where nothing of that is said; domains about which nothing is said run everywhere. CPUs that are lost
 * meanwhile fall out; a pin of which nothing is left gives way.
 *
 * Domains that must be apart divide the CPUs among them in proportion to their allocations, at least one each, in the
 * order of rows: 3 and 1 of four CPUs for allocations of 1500 and 500. What is near in hardware stays together. Where there are fewer CPUs than such domains,
 * the last CPU is shared, because running together is better than not running. As long as they are apart they move only
 * when something is reallocated.
 */
export function place(
  view: View,
  rows: readonly FrameRow[],
  allocation: Float64Array,
  occasion: Occasion,
): Map<DomainName, Place> {
  const online = view.seen.topology.cpus.toSorted(byHardware).map((cpu) => cpu.id)
  const places = new Map<DomainName, Place>()
  const managed = rows.filter((row) => row.view !== null && row.standing === 'managed')
  for (const row of managed) {
    const pinned = pinnedCpus(view, row.policy)
    if (pinned !== null) places.set(row.name, { cpus: pinned, rule: 'pin' })
  }
  separate(view, managed, rows, allocation, { online, isTriggered: occasion.isTriggered }, places)
  follow(view, rows, allocation, occasion, places)
  for (const row of managed) {
    if (places.has(row.name)) continue
    const beside = row.policy.placement.near.map((name) => places.get(name)).find((found) => found !== undefined)
    if (beside !== undefined) places.set(row.name, { cpus: beside.cpus, rule: 'near' })
  }
  return places
}

/** Siblings of a core one after the other, cores of a cache, and so on: a cut anywhere separates the least. */
function byHardware(one: Cpu, other: Cpu): number {
  const keys = ['node', 'socket', 'cache', 'core', 'id'] as const
  return keys.reduce((order, key) => order || one[key] - other[key], 0)
}

/** Places those who follow what they do, and of whom nothing else is said. */
function follow(
  view: View,
  rows: readonly FrameRow[],
  allocation: Float64Array,
  { active, isTriggered }: Occasion,
  places: Map<DomainName, Place>,
): void {
  const followers: Follower[] = []
  const doing = new Map<DomainName, Activity>()
  const occupants: Occupant[] = []
  for (const [index, row] of rows.entries()) {
    const { name, policy, standing } = row
    const given = allocation[index] ?? 0
    const placed = places.get(name)
    if (placed !== undefined) occupants.push({ cpus: placed.cpus, allocation: given })
    const activity = active.get(name)?.is
    if (standing !== 'managed' || policy.affinity === null || activity === undefined || placed !== undefined) continue
    const { pin, near, apart } = policy.placement
    if (pin !== null || near.length > 0 || apart.length > 0) continue
    const its = nowOf(view, row, isTriggered)
    if (its === null) continue
    doing.set(name, activity)
    followers.push({ name, rule: policy.affinity[activity], allocation: given, use: usedFreely(row), ...its })
  }
  if (followers.length === 0) return
  for (const [name, by] of affinities(view.seen.topology.cpus, occupants, followers)) {
    places.set(name, { cpus: by.cpus, rule: 'activity', activity: doing.get(name) as Activity, by })
  }
}

/** Where a domain runs now by what Reeve set, and what may be done about it; null where that is not for Reeve to say. */
function nowOf(view: View, { view: domain }: FrameRow, isTriggered: boolean): Pick<Follower, 'now' | 'may'> | null {
  if (domain === null || domain.settings['cpu.set'] === undefined) return null
  const set = setByReeve(view, domain)
  if (set === null) return { now: null, may: 'enter' }
  const { cpus, atMs } = set
  const isCooling = view.seen.at.monotonicMs - atMs < view.policy.host.cooldownMs
  return {
    now: cpus.length === 0 || cpus.length === view.seen.topology.cpus.length ? null : cpus,
    may: isCooling ? 'stay' : isTriggered ? 'move' : 'enter',
  }
}

/** What is left of the CPUs that Reeve gave a domain last, and when; what somebody else made of it is answered as drift. */
function setByReeve(
  view: View,
  { seen }: DomainView,
): { readonly cpus: readonly number[]; readonly atMs: number } | null {
  const set = view.known.set[seen.node]?.['cpu.set']
  if (set === undefined) return null
  const its = new Set(parseCpuList(`${set.value ?? ''}`))
  return { cpus: view.seen.topology.cpus.flatMap(({ id }) => (its.has(id) ? [id] : [])), atMs: set.atMs }
}

/** Divides the CPUs among each set of domains of which any must be apart from another. */
function separate(
  view: View,
  managed: readonly FrameRow[],
  rows: readonly FrameRow[],
  allocation: Float64Array,
  { online, isTriggered }: { readonly online: readonly number[]; readonly isTriggered: boolean },
  places: Map<DomainName, Place>,
): void {
  for (const group of apartGroups(managed, places)) {
    const sum = group.reduce((total, row) => total + (allocation[rows.indexOf(row)] ?? 0), 0)
    const free = cpusApart(group, managed, online, places)
    const kept = isTriggered ? null : apartAlready(view, group, free)
    if (kept !== null) {
      for (const [name, cpus] of kept) places.set(name, { cpus, rule: 'apart' })
      continue
    }
    let next = 0
    for (const [position, row] of group.entries()) {
      const share = sum > 0 ? (allocation[rows.indexOf(row)] ?? 0) / sum : 1 / group.length
      const left = group.length - position - 1
      const count = left === 0 ? free.length - next : Math.round(share * free.length)
      const cpus = free.slice(next, next + Math.max(1, Math.min(count, free.length - next - left)))
      places.set(row.name, { cpus: cpus.length > 0 ? cpus : free.slice(-1), rule: 'apart' })
      next = Math.min(next + cpus.length, free.length)
    }
  }
}

/** Where the members of a group run by what Reeve gave them last, if that keeps them apart on CPUs that they may have. */
function apartAlready(
  view: View,
  group: readonly FrameRow[],
  free: readonly number[],
): ReadonlyMap<DomainName, readonly number[]> | null {
  const sets = new Map<DomainName, readonly number[]>()
  for (const row of group) {
    const cpus = row.view === null ? [] : (setByReeve(view, row.view)?.cpus ?? [])
    const met = group.filter((other) => areApart(row, other)).flatMap((other) => sets.get(other.name) ?? [])
    if (cpus.length === 0 || cpus.some((cpu) => !free.includes(cpu) || met.includes(cpu))) return null
    sets.set(row.name, cpus)
  }
  return sets
}

/** The CPUs without those that somebody is pinned to whom one of the group must be apart from, if any are left. */
function cpusApart(
  group: readonly FrameRow[],
  managed: readonly FrameRow[],
  online: readonly number[],
  places: ReadonlyMap<DomainName, Place>,
): readonly number[] {
  const pinned = managed.filter((row) => places.has(row.name) && group.some((member) => areApart(row, member)))
  const taken = new Set(pinned.flatMap((row) => places.get(row.name)?.cpus ?? []))
  const free = online.filter((cpu) => !taken.has(cpu))
  return free.length > 0 ? free : online
}

/** Sets of unpinned domains connected by `apart`, each in the order of rows. */
function apartGroups(managed: readonly FrameRow[], places: ReadonlyMap<DomainName, Place>): FrameRow[][] {
  // Most domains need not be apart from anybody, which keeps the pairs few.
  const avoided = new Set(managed.flatMap((row) => row.policy.placement.apart))
  const isApart = (row: FrameRow): boolean => row.policy.placement.apart.length > 0 || avoided.has(row.name)
  const free = managed.filter((row) => !places.has(row.name) && isApart(row))
  const groups: FrameRow[][] = []
  for (const row of free) {
    const touching = groups.filter((group) => group.some((other) => areApart(row, other)))
    const merged = [...touching.flat(), row]
    groups.splice(0, groups.length, ...groups.filter((group) => !touching.includes(group)), merged)
  }
  return groups
    .filter(
      (group) => group.length > 1 || managed.some((row) => places.has(row.name) && areApart(row, group[0] as FrameRow)),
    )
    .map((group) => group.toSorted((one, other) => free.indexOf(one) - free.indexOf(other)))
}

function areApart(one: FrameRow, other: FrameRow): boolean {
  return one.policy.placement.apart.includes(other.name) || other.policy.placement.apart.includes(one.name)
}

/** CPUs as the kernel writes them: 0, 1, 2, 5 become `0-2,5`. */
export function cpuList(cpus: readonly number[]): string {
  const parts: string[] = []
  const sorted = cpus.toSorted((one, other) => one - other)
  for (let from = 0; from < sorted.length; ) {
    let to = from
    while (sorted[to + 1] === (sorted[to] as number) + 1) to++
    parts.push(from === to ? `${sorted[from]}` : `${sorted[from]}-${sorted[to]}`)
    from = to + 1
  }
  return parts.join(',')
}

import type { DomainName } from './model/ids.ts'
import type { Cpu } from './model/observation.ts'
import type { Activity, AffinityRule } from './model/policy.ts'
import { enoughCpus } from './vcpus.ts'

/**
 * Which CPUs suit what a domain does. Sources: document E, affinity by activity (near a device's interrupts, sharing or
 * keeping apart caches and SMT siblings); the kernel's Documentation/core-api/irq/irq-affinity.rst for interrupts.
 */

/** What a domain that follows its activity does, unless the policy says otherwise. */
export const AFFINITY_BY_ACTIVITY: Readonly<Record<Activity, AffinityRule>> = {
  idle: 'anywhere',
  // Threads that compute together find each other's data in the cache, and nobody evicts it for a packet.
  compute: 'cache',
  // What a device delivers lies in the cache of the CPU that it interrupted.
  network: 'network-interrupts',
  disk: 'disk-interrupts',
  interrupt: 'interrupts',
  // A busy SMT sibling takes up to half of a core.
  'time-critical': 'cores',
}

const KINDS = {
  'network-interrupts': ['network'],
  'disk-interrupts': ['disk'],
  interrupts: ['network', 'disk'],
} as const
/** Interrupts a second below which it does not matter who serves them, and from which on one CPU is kept from by others. */
const LEAST_ON_HOST = 100
const BUSY = 1000
/** Caches count as serving most from this part on, and go on doing so down to that. */
const MOST = 2 / 3
const STILL_MOST = 1 / 2
/** Who goes on to a set uses at most so much of it, and stays until it is used up to here. */
const USED_ANEW = 0.75
const USED_UP = 0.9
/** Once on a set a domain stays where allocations on it come to so much more than it has. */
const OVER = 0.1
/** What another cache has room for must be more by a CPU (millicores), and by this part of the cache, to be moved for. */
const ROOM_MORE = 1000
const PART_MORE = 0.25

export interface Follower {
  readonly name: DomainName
  readonly rule: AffinityRule
  /** Millicores that it is given. */
  readonly allocation: number
  /** Millicores that it uses, where it may use what others leave idle; else 0. */
  readonly use: number
  /** The CPUs that it was given; null where it runs everywhere. */
  readonly now: readonly number[] | null
  /** `stay` unless they are too few for its allocation; `enter` where it has none or they do not do; `move` to better ones. */
  readonly may: 'stay' | 'enter' | 'move'
}

/** Who runs on CPUs for another reason. */
export interface Occupant {
  readonly cpus: readonly number[]
  readonly allocation: number
}

export interface Affinity {
  readonly cpus: readonly number[]
  /** `anywhere` stands for all CPUs but those kept free for others. */
  readonly rule: AffinityRule
  /** Who serves the interrupts that it is near to; not always in the set. */
  readonly serving: readonly number[]
}

/**
 * CPU sets by what domains do; who is left out may run everywhere, as all do on a host with nothing to choose. Sets have
 * CPUs enough for those on them, or are none. What is in force stays unless it is clearly worse, so the order of
 * domains and what is a little more or less decide nothing twice.
 *
 * Worked: two caches of four CPUs each, 0-3 and 4-7; CPU 0 serves 9000 packets a second, CPU 4 serves 1000. A domain of
 * network traffic goes to 0-3, as they serve 0.9 of it. One that computes, of 2000 millicores, goes to 5-7: there is
 * more room than beside the other, and CPU 4 is left out, as three are enough.
 */
export function affinities(
  cpus: readonly Cpu[],
  occupants: readonly Occupant[],
  followers: readonly Follower[],
): Map<DomainName, Affinity> {
  const site = siteOf(cpus)
  for (const { cpus: its, allocation } of occupants) site.occupy(its, allocation)
  const found = new Map<DomainName, Affinity>()
  const reserved = new Map<DomainName, readonly number[]>()
  const settle = (group: readonly Follower[]): void => {
    for (const { now, allocation } of group) if (now !== null) site.occupy(now, allocation)
    for (const follower of group) {
      if (follower.now !== null) site.occupy(follower.now, -follower.allocation)
      reserved.delete(follower.name)
      const its = choose(site, follower, new Set([...reserved.values()].flat()))
      if (its === null || its.cpus.length >= cpus.length) continue
      found.set(follower.name, its)
      site.occupy(its.cpus, follower.allocation)
      if (follower.rule === 'cores') reserved.set(follower.name, its.cpus)
    }
  }
  const onCores = followers.filter(({ rule }) => rule === 'cores')
  for (const { name, now } of onCores) if (now !== null) reserved.set(name, now)
  settle(onCores)
  // Who is near interrupts can go to few places, who computes to any cache.
  settle(followers.filter(({ rule }) => rule in KINDS))
  settle(followers.filter(({ rule }) => rule === 'cache' || rule === 'anywhere'))
  return found
}

/** The host as the rules see it, filled domain by domain. */
interface Site {
  readonly cpus: readonly Cpu[]
  readonly caches: readonly (readonly Cpu[])[]
  readonly cores: readonly (readonly Cpu[])[]
  /** Adds millicores, evenly over the CPUs. */
  occupy(cpus: readonly number[], allocation: number): void
  /** Millicores that are left on these CPUs; below 0 where more was placed there than they have. */
  room(cpus: readonly number[]): number
}

function siteOf(cpus: readonly Cpu[]): Site {
  const load = new Map<number, number>()
  return {
    cpus,
    caches: groups(cpus, ({ cache }) => `${cache}`),
    // Cores are numbered anew in each socket, and in some on each die.
    cores: groups(cpus, ({ socket, cache, core }) => `${socket} ${cache} ${core}`),
    occupy(its, allocation) {
      for (const cpu of its) load.set(cpu, (load.get(cpu) ?? 0) + allocation / its.length)
    },
    room: (its) => its.reduce((room, cpu) => room + 1000 - (load.get(cpu) ?? 0), 0),
  }
}

function groups(cpus: readonly Cpu[], keyOf: (cpu: Cpu) => string): Cpu[][] {
  const byKey = new Map<string, Cpu[]>()
  for (const cpu of cpus) {
    const its = byKey.get(keyOf(cpu))
    if (its === undefined) byKey.set(keyOf(cpu), [cpu])
    else its.push(cpu)
  }
  return [...byKey.values()]
}

/** `reserved` are the CPUs on whose cores others must be alone. */
function choose(site: Site, follower: Follower, reserved: ReadonlySet<number>): Affinity | null {
  const { rule, now, may } = follower
  const kinds = rule in KINDS ? KINDS[rule as keyof typeof KINDS] : []
  const near = (cpus: readonly number[], its = rule) => ({ cpus, rule: its, serving: serving(site, cpus, kinds) })
  if (may === 'stay' && now === null) return null
  if (may === 'stay' && now !== null && isEnough(site, { ...follower, use: 0 }, now)) return near(now)
  if (rule === 'anywhere') return null
  const isFree = now?.every((cpu) => !reserved.has(cpu)) ?? false
  if (may !== 'move' && now !== null && isFree && isEnough(site, follower, now)) return near(now)
  const free = site.cpus.filter(({ id }) => !reserved.has(id))
  const its =
    rule === 'cores'
      ? wholeCores(site, follower, reserved)
      : rule === 'cache'
        ? oneCache(site, follower, free)
        : besideInterrupts(site, follower, free, kinds)
  if (its !== null) return near(its)
  const others = idsOf(free)
  const keepsAway = rule !== 'cores' && reserved.size > 0 && isEnough(site, follower, others)
  return keepsAway ? near(others, 'anywhere') : null
}

/** Whether the CPUs do for the domain, with those who are on them; a set that it is not on yet must do better. */
function isEnough(site: Site, { allocation, use, now }: Follower, cpus: readonly number[]): boolean {
  const isNow = now !== null && isSame(now, cpus)
  if (cpus.length < Math.max(1, enoughCpus(allocation, use, isNow ? USED_UP : USED_ANEW))) return false
  return allocation <= site.room(cpus) + (isNow ? OVER * cpus.length * 1000 : 1e-6)
}

/**
 * The CPUs of the fewest caches that serve most of the interrupts, where that is at most half of all caches. What is in
 * force does while it serves half.
 */
function besideInterrupts(
  site: Site,
  follower: Follower,
  free: readonly Cpu[],
  kinds: readonly Kind[],
): readonly number[] | null {
  const { now } = follower
  const served = (cpus: readonly Cpu[]) => cpus.reduce((sum, cpu) => sum + rate(cpu, kinds), 0)
  const all = served(site.cpus)
  const isFew = (caches: number) => caches * 2 <= site.caches.length
  if (now !== null && isEnough(site, follower, now) && isWithin(now, free)) {
    const its = site.caches.filter((cache) => cache.some(({ id }) => now.includes(id)))
    const isStillMost = all >= LEAST_ON_HOST * STILL_MOST && served(its.flat()) >= all * STILL_MOST
    if (isFew(its.length) && isStillMost) return idsOf(its.flat().filter((cpu) => free.includes(cpu)))
  }
  if (all < LEAST_ON_HOST) return null
  const taken: Cpu[] = []
  let caches = 0
  for (const cache of site.caches.toSorted((one, other) => served(other) - served(one))) {
    taken.push(...cache)
    caches++
    if (served(taken) >= all * MOST) break
  }
  const cpus = idsOf(taken.filter((cpu) => free.includes(cpu)))
  return isFew(caches) && isEnough(site, follower, cpus) ? cpus : null
}

/**
 * The cache with the most room. CPUs that serve many interrupts are left out where the others of some cache are enough;
 * one that is in the set stays up to twice as many, and one that was left out comes back at half as many.
 */
function oneCache(site: Site, follower: Follower, free: readonly Cpu[]): readonly number[] | null {
  const { now } = follower
  const isHere = (cache: readonly Cpu[]) => now !== null && isWithin(now, cache)
  const found = site.caches.flatMap((cache) => {
    const its = cache.filter((cpu) => free.includes(cpu))
    const calm = its.filter((cpu) => {
      const part = !isHere(cache) ? 1 : now?.includes(cpu.id) ? 2 : 1 / 2
      return rate(cpu, KINDS.interrupts) < BUSY * part
    })
    const isCalm = isEnough(site, follower, idsOf(calm))
    const cpus = idsOf(isCalm ? calm : its)
    return isCalm || isEnough(site, follower, cpus) ? [{ cache, cpus, isCalm, room: site.room(cpus) }] : []
  })
  const calmest = found.some(({ isCalm }) => isCalm)
  const options = found.filter(({ isCalm }) => isCalm === calmest)
  const most = Math.max(...options.map(({ room }) => room))
  const current = options.find(({ cache }) => isHere(cache))
  const worthMoving = Math.max(ROOM_MORE, PART_MORE * 1000 * (current?.cache.length ?? 0))
  if (current !== undefined && most - current.room <= worthMoving) return current.cpus
  return options.find(({ room }) => room === most)?.cpus ?? null
}

/**
 * The fewest whole cores that have CPUs enough, on one cache where they are there, away from interrupts and others.
 * Nothing on a host without SMT, where no core has a second CPU to keep free. One core too many is no reason to move.
 */
function wholeCores(site: Site, follower: Follower, reserved: ReadonlySet<number>): readonly number[] | null {
  if (site.cores.every((core) => core.length === 1)) return null
  const { now } = follower
  const free = site.cores.filter((core) => core.every(({ id }) => !reserved.has(id)))
  const fewest = (cores: readonly (readonly Cpu[])[]): readonly number[] | null => {
    const taken: number[] = []
    for (const core of cores) {
      taken.push(...idsOf(core))
      if (isEnough(site, follower, taken)) return taken
    }
    return null
  }
  const its = free.filter((core) => core.some(({ id }) => now?.includes(id)))
  if (now !== null && isSame(idsOf(its.flat()), now) && isEnough(site, follower, now)) {
    const enough = fewest(its) ?? now
    if (its.filter((core) => core.some(({ id }) => enough.includes(id))).length >= its.length - 1) return now
  }
  const served = (cores: readonly (readonly Cpu[])[]) =>
    Math.floor(cores.flat().reduce((sum, cpu) => sum + rate(cpu, KINDS.interrupts), 0) / BUSY)
  const suits = (one: readonly (readonly Cpu[])[], other: typeof one) =>
    served(one) - served(other) || site.room(idsOf(other.flat())) - site.room(idsOf(one.flat()))
  const inOrder = free.toSorted((one, other) => suits([one], [other]))
  const onOneCache = site.caches
    .map((cache) => inOrder.filter((core) => cache.includes(core[0] as Cpu)))
    .toSorted(suits)
    .map(fewest)
  return onOneCache.find((cpus) => cpus !== null) ?? fewest(inOrder)
}

type Kind = keyof NonNullable<Cpu['interrupts']>

function rate({ interrupts }: Cpu, kinds: readonly Kind[]): number {
  return kinds.reduce((sum, kind) => sum + (interrupts?.[kind] ?? 0), 0)
}

/** Who of the caches of these CPUs serves a tenth of what the busiest of the host serves, or more. */
function serving(site: Site, cpus: readonly number[], kinds: readonly Kind[]): number[] {
  const least = Math.max(1, ...site.cpus.map((cpu) => rate(cpu, kinds) / 10))
  const near = site.caches.filter((cache) => cache.some(({ id }) => cpus.includes(id))).flat()
  return idsOf(near.filter((cpu) => rate(cpu, kinds) >= least))
}

const idsOf = (cpus: readonly Cpu[]): number[] => cpus.map(({ id }) => id)

function isWithin(ids: readonly number[], cpus: readonly Cpu[]): boolean {
  return ids.every((id) => cpus.some((cpu) => cpu.id === id))
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((cpu) => other.includes(cpu))
}

import { Overlaps } from './overlaps.ts'

/**
 * How CPU time is divided: what the kernel's fair scheduler gives over a longer time, given at once. Amounts are
 * milliseconds of one CPU for a length in milliseconds; for a length of 1 they are CPUs.
 */

/** CPUs for which these domains, and nobody else in their place, compete: all of them run on nothing but these. */
export interface Competition {
  readonly cpus: number
  /** Indices of the domains. */
  readonly members: readonly number[]
}

/** All competitions that there may be, or, where sets overlap in too many ways for that, the sets. */
export type Contest = readonly Competition[] | Overlaps

/** More competitions than this that are not of one set are not listed: each is looked at whenever CPUs are divided. */
const JOINED_MOST = 256

/**
 * The competitions that follow from the domains' CPU sets: one for each union of sets, as far as they share CPUs. Together
 * they are all the limits there are, since CPU time can be laid out on the CPUs exactly where no group of domains gets
 * more than the CPUs it can reach (Hall's condition). A union of parts that share none is never tighter than the
 * tightest of them.
 *
 * Worked: sets {0}, {0, 1}, {1, 2} and {3} give themselves and {0, 1, 2}.
 */
export function competitions(cpuSets: readonly (readonly number[])[]): Contest {
  const sets = new Map(cpuSets.map((cpus) => [keyOf(cpus), new Set(cpus)]))
  const unions = new Map(sets)
  // Those that are found meanwhile are joined with others, too.
  for (const union of unions.values()) {
    for (const set of sets.values()) {
      // What is the wider of the two is there already.
      if (set.isDisjointFrom(union) || set.isSubsetOf(union) || union.isSubsetOf(set)) continue
      const wider = union.union(set)
      unions.set(keyOf([...wider]), wider)
      if (unions.size > sets.size + JOINED_MOST) return new Overlaps(cpuSets)
    }
  }
  return [...unions.values()].map((union) => ({
    cpus: union.size,
    members: cpuSets.flatMap((cpus, index) => (cpus.every((cpu) => union.has(cpu)) ? [index] : [])),
  }))
}

/** True where there is one competition, so that all CPU sets are the same. */
export function isOfAll(contest: Contest): contest is readonly [Competition] {
  return !(contest instanceof Overlaps) && contest.length === 1
}

const keyOf = (cpus: readonly number[]): string => cpus.toSorted((one, other) => one - other).join()

const OPEN = -1

/**
 * Weighted water-filling: everybody gets what he wants, or as much as the level of his competition gives for his
 * weight. The tightest competition is settled first; what its members leave unused of other CPUs is there for others.
 *
 * Worked: 10 ms of one CPU, weights 3 and 1, both want 10: 7.5 and 2.5. If the first wants 4: 4 and 6.
 */
export function divide(
  among: Contest,
  lengthMs: number,
  weights: Float64Array,
  wanted: Float64Array,
  granted: Float64Array,
): void {
  // All compete for the same CPUs, as they usually do.
  if (isOfAll(among) && among[0].members.length === granted.length) {
    const level = levelOfAll(among[0].cpus * lengthMs, weights, wanted)
    for (let index = 0; index < granted.length; index++) {
      granted[index] = Math.min(wanted[index] as number, level * (weights[index] as number))
    }
    return
  }
  granted.fill(OPEN)
  for (;;) {
    const tightest =
      among instanceof Overlaps
        ? tightestIn(among, lengthMs, weights, wanted, granted)
        : tightestOf(among, lengthMs, weights, wanted, granted)
    if (tightest === null) break
    for (const index of tightest.members) {
      if (granted[index] !== OPEN) continue
      granted[index] = Math.min(wanted[index] as number, tightest.level * (weights[index] as number))
    }
  }
  for (let index = 0; index < granted.length; index++) {
    if (granted[index] === OPEN) granted[index] = wanted[index] as number
  }
}

/** A competition in which somebody gets less than he wants, and what everybody gets there for his weight. */
interface Tightest {
  readonly members: readonly number[]
  readonly level: number
}

function tightestOf(
  among: readonly Competition[],
  lengthMs: number,
  weights: Float64Array,
  wanted: Float64Array,
  granted: Float64Array,
): Tightest | null {
  let tightest: Competition | null = null
  let lowest = Number.POSITIVE_INFINITY
  for (const one of among) {
    const level = levelOf(one, lengthMs, weights, wanted, granted)
    if (level >= lowest) continue
    lowest = level
    tightest = one
  }
  return tightest === null ? null : { members: tightest.members, level: lowest }
}

/**
 * The same where competitions are not listed. A competition that has too little while everybody may have what he wants
 * gives a level; one that has too little at that level gives a lower one, until at the level of the last all have
 * enough. Who competes in one of them was in the one before too, so there are no more of them than domains (the method
 * of Dinkelbach, Management Science 13 (1967), for the least of a ratio).
 */
function tightestIn(
  overlaps: Overlaps,
  lengthMs: number,
  weights: Float64Array,
  wanted: Float64Array,
  granted: Float64Array,
): Tightest | null {
  let tightest: Tightest | null = null
  const asked = granted.map((found, index) => (found === OPEN ? (wanted[index] as number) : found))
  for (;;) {
    const one = overlaps.overfull(asked, lengthMs)
    const level = one === null ? Number.POSITIVE_INFINITY : levelOf(one, lengthMs, weights, wanted, granted)
    if (one === null || level >= (tightest?.level ?? Number.POSITIVE_INFINITY)) return tightest
    tightest = { members: one.members, level }
    for (let index = 0; index < asked.length; index++) {
      if (granted[index] !== OPEN) continue
      asked[index] = Math.min(wanted[index] as number, level * (weights[index] as number))
    }
  }
}

/** The same as `levelOf` for one competition of everybody, of whom nobody has been granted anything. */
function levelOfAll(amount: number, weights: Float64Array, wanted: Float64Array): number {
  let most = 0
  for (let index = 0; index < wanted.length; index++) most += wanted[index] as number
  if (most <= amount) return Number.POSITIVE_INFINITY
  let level = 0
  for (;;) {
    let left = amount
    let weight = 0
    for (let index = 0; index < wanted.length; index++) {
      const its = weights[index] as number
      const want = wanted[index] as number
      if (want <= level * its) left -= want
      else weight += its
    }
    if (weight === 0) return Number.POSITIVE_INFINITY
    const higher = left / weight
    if (higher <= level) return level
    level = higher
  }
}

/** Time per unit of weight at which the competition's CPUs are used up; infinite where there is enough for all. */
function levelOf(
  { cpus, members }: Competition,
  lengthMs: number,
  weights: Float64Array,
  wanted: Float64Array,
  granted: Float64Array,
): number {
  // Usually there is enough for all, and that is soon seen.
  let most = 0
  for (const index of members) {
    const found = granted[index] as number
    most += found === OPEN ? (wanted[index] as number) : found
  }
  if (most <= cpus * lengthMs) return Number.POSITIVE_INFINITY
  let level = 0
  for (;;) {
    let left = cpus * lengthMs
    let weight = 0
    for (const index of members) {
      const its = weights[index] as number
      const want = wanted[index] as number
      if (granted[index] !== OPEN) left -= granted[index] as number
      else if (want <= level * its) left -= want
      else weight += its
    }
    if (weight === 0) return Number.POSITIVE_INFINITY
    const higher = left / weight
    if (higher <= level) return level
    level = higher
  }
}

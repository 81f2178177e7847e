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

/**
 * The competitions that follow from the domains' CPU sets: one for each union of sets that occur. Together they are all
 * the limits there are, since CPU time can be laid out on the CPUs exactly where no group of domains gets more than
 * the CPUs it can reach (Hall's condition).
 *
 * Worked: sets {0}, {0, 1} and {2} give unions {0}, {0, 1}, {2}, {0, 2} and {0, 1, 2}.
 */
export function competitions(cpuSets: readonly (readonly number[])[]): Competition[] {
  const unions = new Map<string, readonly number[]>()
  const distinct = new Map(cpuSets.map((cpus) => [keyOf(cpus), cpus]))
  for (const cpus of distinct.values()) {
    for (const union of [[], ...unions.values()]) {
      const wider = [...new Set([...union, ...cpus])]
      unions.set(keyOf(wider), wider)
    }
  }
  return [...unions.values()].map((union) => ({
    cpus: union.length,
    members: cpuSets.flatMap((cpus, index) => (cpus.every((cpu) => union.includes(cpu)) ? [index] : [])),
  }))
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
  among: readonly Competition[],
  lengthMs: number,
  weights: Float64Array,
  wanted: Float64Array,
  granted: Float64Array,
): void {
  const [only] = among
  // All compete for the same CPUs, as they usually do.
  if (among.length === 1 && only?.members.length === granted.length) {
    const level = levelOfAll(only.cpus * lengthMs, weights, wanted)
    for (let index = 0; index < granted.length; index++) {
      granted[index] = Math.min(wanted[index] as number, level * (weights[index] as number))
    }
    return
  }
  granted.fill(OPEN)
  for (;;) {
    let tightest: Competition | null = null
    let lowest = Number.POSITIVE_INFINITY
    for (const one of among) {
      const level = levelOf(one, lengthMs, weights, wanted, granted)
      if (level >= lowest) continue
      lowest = level
      tightest = one
    }
    if (tightest === null) break
    for (const index of tightest.members) {
      if (granted[index] !== OPEN) continue
      granted[index] = Math.min(wanted[index] as number, lowest * (weights[index] as number))
    }
  }
  for (let index = 0; index < granted.length; index++) {
    if (granted[index] === OPEN) granted[index] = wanted[index] as number
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

/** A class that does not fit: the three fairness rules, each on top of what the classes before it granted. */
import { BOUND, type Division, type Siblings } from './division.ts'
import { nameBound } from './grant.ts'
import { waterLevel } from './level.ts'
import { NOISE } from './sum.ts'

/** How a class was shared; NaN where the rule knows no such figure. */
export interface Shared {
  readonly level: number
  readonly fraction: number
}

/**
 * Shares `rise` among siblings that hold their amounts of `column - 1` and want those of `column`, by the fairness rule
 * of the problem. Wants 0 <= rise < the sum of the gaps.
 */
export function shareClass(division: Division, siblings: Siblings, column: number, rise: number): Shared {
  const { fairness } = division.problem
  if (fairness === 'proportional') return shareProportionally(division, siblings, column, rise)
  if (fairness === 'max-min') {
    return { level: shareByLevel(division, siblings, column, rise), fraction: Number.NaN }
  }
  const left = serveSmallestGaps(division, siblings, column, rise)
  return { level: shareByLevel(division, siblings, column, left), fraction: Number.NaN }
}

/** The same fraction of everyone's gap. Example: gaps 2 and 6, rise 4: half of each, 1 and 3. */
function shareProportionally(division: Division, siblings: Siblings, column: number, rise: number): Shared {
  const { problem, demand, entitlement, bound, boundClass } = division
  const { amounts, groups, totals } = demand
  const before = (column - 1) * problem.count
  const gaps = totals[column * groups.count + siblings.group]! - totals[(column - 1) * groups.count + siblings.group]!
  const fraction = rise / gaps
  for (let j = siblings.from; j < siblings.to; j++) {
    const row = groups.members[j]!
    const have = amounts[before + row]!
    const gap = amounts[before + problem.count + row]! - have
    if (gap <= 0 || fraction === 0) continue
    entitlement[row] = have + fraction * gap
    bound[row] = BOUND.level
    boundClass[row] = column - 1
  }
  return { level: Number.NaN, fraction }
}

/**
 * The smallest level at which the rows below their want in `column` use up `rise`; writes what they get by it.
 * Rows that have their want already (also those served whole just before) are no part of it.
 * Example: have 1, 4, want 3, 5, weights 1, 1, rise 2: levels 3 to 4 do, the smallest is 3; the second gets nothing.
 */
function shareByLevel(division: Division, siblings: Siblings, column: number, rise: number): number {
  if (rise <= NOISE * siblings.capacity) return 0
  const rough = waterLevel(division.rising, gatherRising(division, siblings, column), rise)
  const level = polishLevel(division, siblings, column, rise, rough)
  const { problem, demand, entitlement, bound, boundClass } = division
  const { members } = demand.groups
  for (let j = siblings.from; j < siblings.to; j++) {
    const row = members[j]!
    const have = entitlement[row]!
    const want = demand.amounts[column * problem.count + row]!
    if (have >= want) continue
    const at = demand.weight[row]! * level
    if (isFull(at, want)) {
      entitlement[row] = want
      nameBound(division, row, column)
    } else if (isRaised(at, have)) {
      entitlement[row] = at
      bound[row] = BOUND.level
      boundClass[row] = column - 1
    }
  }
  return level
}

/** Doubles that differ in their last digits are the same amount: a row that ends at a corner must not straddle it. */
const isFull = (at: number, want: number): boolean => at >= want * (1 - NOISE)
const isRaised = (at: number, have: number): boolean => at > have * (1 + NOISE)

function gatherRising({ problem, demand, entitlement, rising }: Division, { from, to }: Siblings, column: number) {
  const { members } = demand.groups
  let count = 0
  for (let j = from; j < to; j++) {
    const row = members[j]!
    const have = entitlement[row]!
    const want = demand.amounts[column * problem.count + row]!
    if (have >= want) continue
    rising.floor[count] = have
    rising.ceiling[count] = want
    rising.weight[count] = demand.weight[row]!
    count++
  }
  return count
}

/**
 * The level to the last digit, from a rough one that says who is full and who is in between: with compensated sums,
 * and, where nobody is in between, the smallest level that fills those who are full.
 */
function polishLevel(division: Division, { from, to }: Siblings, column: number, rise: number, rough: number): number {
  const { problem, demand, entitlement } = division
  const { members } = demand.groups
  let between = 0
  let highestFull = 0
  let sum = rise
  let lost = 0
  for (let j = from; j < to; j++) {
    const row = members[j]!
    const have = entitlement[row]!
    const want = demand.amounts[column * problem.count + row]!
    if (have >= want) continue
    const weight = demand.weight[row]!
    const at = weight * rough
    let term: number
    if (isFull(at, want)) {
      highestFull = Math.max(highestFull, want / weight)
      term = have - want
    } else if (isRaised(at, have)) {
      between += weight
      term = have
    } else continue
    const next = sum + term
    lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum
    sum = next
  }
  return between > 0 ? (sum + lost) / between : highestFull
}

/**
 * satisfy-most: whole wants, the smallest remaining gap first, ties by input order, until one does not fit. Returns what
 * is left for the others. Sorting bare gaps suffices: all below the last one served are served too, and of those equal
 * to it as many as fit, in input order.
 * Example: gaps 3, 1, 3, rise 5: the second and the first are served, 1 is left for the third.
 */
function serveSmallestGaps(division: Division, siblings: Siblings, column: number, rise: number): number {
  const { problem, demand, entitlement } = division
  const noise = NOISE * siblings.capacity
  const gaps = division.rising.floor.subarray(0, gatherGaps(division, siblings, column)).sort()
  const served = countServed(gaps, rise + noise)
  if (served === 0) return rise
  let firstTie = served - 1
  let lastTie = served - 1
  while (firstTie > 0 && gaps[firstTie]! - gaps[firstTie - 1]! <= noise) firstTie--
  while (lastTie + 1 < gaps.length && gaps[lastTie + 1]! - gaps[lastTie]! <= noise) lastTie++
  let ofTie = served - firstTie
  let left = rise
  for (let j = siblings.from; j < siblings.to; j++) {
    const row = demand.groups.members[j]!
    const want = demand.amounts[column * problem.count + row]!
    const gap = want - entitlement[row]!
    if (gap <= 0 || gap > gaps[lastTie]!) continue
    if (gap >= gaps[firstTie]! && ofTie-- <= 0) continue
    entitlement[row] = want
    left -= gap
    nameBound(division, row, column)
  }
  return Math.max(0, left)
}

function countServed(gaps: Float64Array, rise: number): number {
  let left = rise
  let served = 0
  while (served < gaps.length && gaps[served]! <= left) left -= gaps[served++]!
  return served
}

function gatherGaps({ problem, demand, entitlement, rising }: Division, { from, to }: Siblings, column: number) {
  const { members } = demand.groups
  let count = 0
  for (let j = from; j < to; j++) {
    const row = members[j]!
    const gap = demand.amounts[column * problem.count + row]! - entitlement[row]!
    if (gap > 0) rising.floor[count++] = gap
  }
  return count
}

/** A class that does not fit: the three fairness rules, each on top of what the classes before it granted. */
import { BOUND, type Division, type Siblings } from './division.ts'
import { nameBound, raisedBound } from './grant.ts'
import { waterLevel } from './level.ts'
import { settleResidue } from './residue.ts'
import { fits, NOISE, residueOf } from './sum.ts'

/** How a class was shared; NaN where the rule knows no such figure. */
export interface Shared {
  readonly level: number
  readonly fraction: number
}

/**
 * Shares `rise` among siblings that hold their amounts of `column - 1` and want those of `column`, by the fairness rule
 * of the problem, to the last digit, and names their bounds. Wants 0 <= rise < the sum of the gaps.
 */
export function shareClass(division: Division, siblings: Siblings, column: number, rise: number): Shared {
  const { fairness } = division.problem
  if (fairness === 'proportional') {
    return { level: Number.NaN, fraction: shareProportionally(division, siblings, column, rise) }
  }
  const left = fairness === 'max-min' ? rise : serveSmallestGaps(division, siblings, column, rise)
  return { level: shareByLevel(division, siblings, column, left), fraction: Number.NaN }
}

/** The same fraction of everyone's gap. Example: gaps 2 and 6, rise 4: half of each, 1 and 3. */
function shareProportionally(division: Division, siblings: Siblings, column: number, rise: number): number {
  const { problem, demand, entitlement, bound, boundClass } = division
  const { amounts, groups, totals } = demand
  const { group, from, to } = siblings
  const gaps = totals[column * groups.count + group]! - totals[(column - 1) * groups.count + group]!
  const fraction = rise / gaps
  for (let i = from; i < to; i++) {
    const have = entitlement[i]!
    const want = amounts[column * problem.count + i]!
    if (fits(want, have) || fraction === 0) {
      nameBound(division, i, column - 1)
      continue
    }
    entitlement[i] = have + fraction * (want - have)
    bound[i] = BOUND.level
    boundClass[i] = column - 1
  }
  settleResidue(division, siblings, column)
  return fraction
}

/**
 * The smallest level at which the rows below their want in `column` use up `rise`; writes what they get by it.
 * Rows that have their want already (also those served whole just before) are no part of it.
 * Example: have 1, 4, want 3, 5, weights 1, 1, rise 2: levels 3 to 4 do, the smallest is 3; the second gets nothing.
 */
function shareByLevel(division: Division, siblings: Siblings, column: number, rise: number): number {
  const { problem, demand, entitlement, bound } = division
  const { amounts, weight } = demand
  const { from, to, capacity } = siblings
  const ceilingAt = column * problem.count + from
  const risers = {
    floor: entitlement,
    floorAt: from,
    ceiling: amounts,
    ceilingAt,
    weight,
    weightAt: from,
    count: to - from,
  }
  const level = rise > NOISE * capacity ? waterLevel(risers, rise, division.rising) : 0
  const between = raiseTo(division, siblings, column, level)
  const residue = residueOf(capacity, entitlement, from, to)
  if (between === 0) {
    // All levels from the last one filled up to the next one touched give the same.
    const lowest = level > 0 ? highestFilled(division, siblings, column) : 0
    settleResidue(division, siblings, column, residue)
    return lowest
  }
  if (Math.abs(residue) <= 2 * Number.EPSILON * capacity) {
    settleResidue(division, siblings, column, residue)
    return level
  }
  // One more step of Newton's, from the exact sum: the search itself adds plainly.
  const polished = level + residue / between
  for (let i = from; i < to; i++) if (bound[i] === BOUND.level) entitlement[i] = weight[i]! * polished
  settleResidue(division, siblings, column)
  return polished
}

/** Raises the siblings to a level and names their bounds; returns the weight of those that end at the level. */
function raiseTo(division: Division, { from, to }: Siblings, column: number, level: number): number {
  const { problem, demand, entitlement, bound, boundClass } = division
  const { amounts, weight } = demand
  const offset = column * problem.count
  // Doubles that differ in their last digits are the same amount: nobody straddles the point where it ends.
  const above = 1 + NOISE
  const below = 1 - NOISE
  let between = 0
  for (let i = from; i < to; i++) {
    const have = entitlement[i]!
    const want = amounts[offset + i]!
    const at = weight[i]! * level
    if (want <= have * above) {
      nameBound(division, i, column)
    } else if (at >= want * below) {
      entitlement[i] = want
      bound[i] = raisedBound(division, i, column)
      boundClass[i] = column - 1
    } else if (at > have * above) {
      entitlement[i] = at
      between += weight[i]!
      bound[i] = BOUND.level
      boundClass[i] = column - 1
    } else {
      nameBound(division, i, column - 1)
    }
  }
  return between
}

/** The lowest level at which all those are full whom the level filled; 0 where it filled nobody. */
function highestFilled({ problem, demand, entitlement }: Division, { from, to }: Siblings, column: number): number {
  const { amounts, weight } = demand
  let highest = 0
  for (let i = from; i < to; i++) {
    const want = amounts[column * problem.count + i]!
    const isRaised = want > amounts[(column - 1) * problem.count + i]!
    if (isRaised && entitlement[i] === want) highest = Math.max(highest, want / weight[i]!)
  }
  return highest
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
  for (let i = siblings.from; i < siblings.to; i++) {
    const want = demand.amounts[column * problem.count + i]!
    const gap = want - entitlement[i]!
    if (gap <= 0 || gap > gaps[lastTie]!) continue
    if (gap >= gaps[firstTie]! && ofTie-- <= 0) continue
    entitlement[i] = want
    left -= gap
  }
  return Math.max(0, left)
}

function gatherGaps({ problem, demand, entitlement, rising }: Division, { from, to }: Siblings, column: number) {
  let count = 0
  for (let i = from; i < to; i++) {
    const gap = demand.amounts[column * problem.count + i]! - entitlement[i]!
    if (gap > 0) rising.floor[count++] = gap
  }
  return count
}

/** How many of the sorted gaps fit, one after the other. */
function countServed(gaps: Float64Array, rise: number): number {
  let left = rise
  let served = 0
  while (served < gaps.length && gaps[served]! <= left) left -= gaps[served++]!
  return served
}

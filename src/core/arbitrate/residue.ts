/** Makes the total of a divided group exact: what the rounding of doubles left over or overdrew goes to one row. */
import { BOUND, type Division, type Siblings } from './division.ts'
import { residueOf } from './sum.ts'

/**
 * Moves the entitlements of siblings by their last digits until their exact sum, rounded once, is the capacity. The
 * first row that ends at the level or in the surplus takes the residue, since there no request is missed by it; another
 * one only where there is none such.
 * Example: three rows at 10 / 3 sum to 9.999999999999998; the first becomes 3.3333333333333344 or so, the total 10.
 */
export function settleResidue(
  division: Division,
  siblings: Siblings,
  column: number,
  residue: number = residueOf(siblings.capacity, division.entitlement, siblings.from, siblings.to),
): void {
  if (isSettled(siblings.capacity, residue)) return
  const left = spread(division, siblings, column, residue, isElastic)
  if (!isSettled(siblings.capacity, left)) spread(division, siblings, column, left, (bound) => !isElastic(bound))
}

const isSettled = (capacity: number, residue: number): boolean => capacity - residue === capacity

const isElastic = (bound: number): boolean => bound === BOUND.level || bound === BOUND.surplus

/** Goes through the rows with such a bound, each taking what its want, its limit or zero allows. */
function spread(
  { problem, demand, entitlement, bound }: Division,
  siblings: Siblings,
  column: number,
  residue: number,
  takes: (bound: number) => boolean,
): number {
  let left = residue
  for (let i = siblings.from; i < siblings.to && !isSettled(siblings.capacity, left); i++) {
    if (!takes(bound[i]!)) continue
    const before = entitlement[i]!
    const want = demand.amounts[column * problem.count + i]!
    const most = bound[i] === BOUND.surplus ? problem.limit[demand.groups.rowAt[i]!]! : want
    // One last digit above the want is allowed: half a digit of a large row may fit into a small one alone.
    const highest = Math.max(before, most) * (1 + Number.EPSILON)
    const after = left > 0 ? Math.min(before + left, highest) : Math.max(before + left, 0)
    entitlement[i] = after
    // The difference of two doubles this close is exact.
    left -= after - before
  }
  return left
}

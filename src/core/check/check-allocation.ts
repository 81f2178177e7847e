/** Checks that what is enforced is the entitlements in whole grains: rounding, or what is in force where it will do. */
import type { Problem } from '#core/arbitrate/problem.ts'
import type { Violation } from '#core/model/decision.ts'

/** Parts of a grain lost in arithmetic. */
const NEARLY = 1e-6
/** Part of an amount that a double may lose when it is summed up; counts where amounts are millions of grains. */
const LAST_DIGITS = 1e-12

export interface AllocationToCheck {
  /** In the resource's unit, above 0. */
  readonly grain: number
  readonly entitlement: Float64Array
  readonly allocation: Float64Array
  /** `kept`: what was in force stays, and must respect limits and reservations itself. */
  readonly status: 'kept' | 'rounded'
}

/**
 * O(rows). Each part is whole grains, near its entitlement, and inside what its parent got; the total is neither above
 * the capacity nor, after rounding, more than a grain off the total of the entitlements.
 * Example: entitlements 3.5, 3.5, 3 in grains of 1: 4, 3, 3 passes; 4, 4, 3 breaks `conservation` (11 of 10).
 */
export function checkAllocation(problem: Problem, given: AllocationToCheck): Violation[] {
  const { count, capacity, parent, ids } = problem
  const { grain, entitlement, allocation, status } = given
  const found: Violation[] = []
  const add = (rule: string, row: number, message: string) => {
    found.push({ rule, subject: row === -1 ? 'top level' : ids[row]!, message })
  }
  if (allocation.length !== count) {
    add('shape', -1, `${allocation.length} allocations for ${count} rows`)
    return found
  }
  const slack = NEARLY * grain + LAST_DIGITS * capacity
  const isWhole = Math.abs(capacity / grain - Math.round(capacity / grain)) * grain <= slack
  const near = (isWhole || status === 'kept' ? grain : 1.5 * grain) + slack
  // By row + 1, slot 0 for the top: what the children of a row got, and were entitled to.
  const inside = new Float64Array(count + 1)
  const due = new Float64Array(count + 1)
  for (let row = 0; row < count; row++) {
    const [amount, exact] = [allocation[row]!, entitlement[row]!]
    inside[parent[row]! + 1]! += amount
    due[parent[row]! + 1]! += exact
    // What is in force was perhaps set by somebody else, who knows no grains. Written so that NaN fails.
    const isInGrains = Math.abs(amount - Math.round(amount / grain) * grain) <= slack
    if (!(amount >= 0 && (status === 'kept' || isInGrains)))
      add('grain', row, `${amount} is not whole grains of ${grain}`)
    if (!(Math.abs(amount - exact) <= near)) add('near', row, `${amount} is more than ${near} from ${exact}`)
    checkOwnBounds(add, problem, row, amount, exact, status === 'kept' ? slack : near)
  }
  if (inside[0]! > capacity + slack) add('conservation', -1, `${inside[0]} of ${capacity} are handed out`)
  if (status === 'rounded' && Math.abs(inside[0]! - Math.min(due[0]!, capacity)) > near) {
    add('conservation', -1, `${inside[0]} are handed out where ${due[0]} are due`)
  }
  for (let row = 0; row < count; row++) {
    if (inside[row + 1]! > allocation[row]! + slack) {
      add('inside', row, `its children hold ${inside[row + 1]} of its ${allocation[row]}`)
    }
  }
  return found
}

/** Never above the limit, nor under the reservation unless the entitlement is (capacity was lost), by more than `by`. */
function checkOwnBounds(
  add: (rule: string, row: number, message: string) => void,
  problem: Problem,
  row: number,
  amount: number,
  exact: number,
  by: number,
): void {
  const limit = problem.limit[row]!
  const reservation = problem.reservation[row]!
  if (amount > limit + by) add('limit', row, `${amount} is above its limit ${limit}`)
  if (amount < Math.min(reservation, exact) - by)
    add('reservation', row, `${amount} is under what is reserved, ${reservation}`)
}

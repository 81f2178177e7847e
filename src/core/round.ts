/**
 * Rounding of exact entitlements to what can be enforced: whole CPUs, pages, periods. By running sums, so that the
 * total never depends on how many amounts ended in a half; deliberately knows nothing of limits and reservations, which
 * a policy for a resource in whole units states in whole grains.
 */

/** Within this many grains of a half counts as a half, of a whole as whole. */
const NEARLY = 1e-9

/** The rows of a tree: a parent before its children, parent -1 at the top. */
export interface Rows {
  readonly count: number
  readonly parent: Int32Array
}

/**
 * Amounts in whole grains: each is the running sum, rounded half up and never above the whole grains in the capacity,
 * minus the one before. Inside a parent the sum goes on from where the parent's began, so that children never get more
 * than their parent. `grain` is above 0, in the unit of the amounts.
 * Example: 3.5, 3.5, 3 in grains of 1: the sums 3.5, 7, 10 round to 4, 7, 10, which gives 4, 3, 3.
 */
export function roundByRunningSums(
  { count, parent }: Rows,
  amounts: Float64Array,
  grain: number,
  capacity: number,
): Float64Array {
  const rounded = new Float64Array(count)
  // By row + 1, slot 0 for the top: the running sum of a row's children, and the most grains that it may reach.
  const sums = new Float64Array(count + 1)
  const most = new Float64Array(count + 1)
  most[0] = Math.floor(capacity / grain + NEARLY)
  for (let row = 0; row < count; row++) {
    const slot = parent[row]! + 1
    const before = sums[slot]!
    const after = before + amounts[row]!
    const end = grainsIn(after, grain, most[slot]!)
    rounded[row] = (end - grainsIn(before, grain, most[slot]!)) * grain
    sums[slot] = after
    sums[row + 1] = before
    most[row + 1] = end
  }
  return rounded
}

/** A sum in grains, rounded half up. */
const grainsIn = (sum: number, grain: number, most: number): number =>
  Math.min(most, Math.floor(sum / grain + 0.5 + NEARLY))

/** What rounding did: left the allocation in force, which is near enough, or rounded anew. */
export interface Rounding {
  readonly status: 'kept' | 'rounded'
  readonly allocation: Float64Array
}

/** Columns of one resource in one turn, as `keepOrRound` compares them. */
export interface Allocations extends Rows {
  /** Allocations in force; NaN where nothing is known, which keeps nothing. */
  readonly inForce: Float64Array
  /** Exact entitlements. */
  readonly entitlement: Float64Array
  /** Starts (reservations), which what is in force must not undercut. */
  readonly start: Float64Array
  readonly limit: Float64Array
}

/**
 * The allocation in force where it will do, else one by running sums. It does where, at every level, its parts sum up
 * to no more than what they divide, and each is within one grain of its entitlement, not below its start and not above
 * its limit. `capacity` is cut to whole grains by the caller.
 * Example: entitlements 3.5, 6.5 and 3, 7 in force, grain 1: kept; 2, 8 in force: rounded to 4, 6.
 */
export function keepOrRound(rows: Allocations, grain: number, capacity: number): Rounding {
  if (isInForceGood(rows, grain, capacity)) return { status: 'kept', allocation: rows.inForce.slice() }
  return { status: 'rounded', allocation: roundByRunningSums(rows, rows.entitlement, grain, capacity) }
}

function isInForceGood(rows: Allocations, grain: number, capacity: number): boolean {
  const { count, parent, inForce, entitlement, start, limit } = rows
  const nearly = NEARLY * grain
  const sums = new Float64Array(count + 1)
  for (let row = 0; row < count; row++) {
    const amount = inForce[row]!
    // Written so that NaN fails.
    if (!(Math.abs(amount - entitlement[row]!) <= grain + nearly)) return false
    if (amount < start[row]! - nearly || amount > limit[row]! + nearly) return false
    sums[parent[row]! + 1]! += amount
  }
  if (sums[0]! > capacity + nearly) return false
  for (let row = 0; row < count; row++) if (sums[row + 1]! > inForce[row]! + nearly) return false
  return true
}

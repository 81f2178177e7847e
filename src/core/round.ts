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
  const whole = Math.floor(capacity / grain + NEARLY)
  const rounded = new Float64Array(count)
  const began = new Float64Array(count)
  // Where the sum of the children of a row stands, in the amounts' unit; slot 0 is the top level.
  const sums = new Float64Array(count + 1)
  const lost = new Float64Array(count + 1)
  for (let row = 0; row < count; row++) {
    const slot = parent[row]! + 1
    const before = sums[slot]! + lost[slot]!
    addTo(sums, lost, slot, amounts[row]!)
    const after = sums[slot]! + lost[slot]!
    began[row] = before
    sums[row + 1] = before
    rounded[row] = (grainsIn(after, grain, whole) - grainsIn(before, grain, whole)) * grain
  }
  return rounded
}

const grainsIn = (sum: number, grain: number, whole: number): number =>
  Math.min(whole, Math.floor(sum / grain + 0.5 + NEARLY))

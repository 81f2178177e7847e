/** Rounding to grains by running sums, on plain objects: the oracle for the arbiter's own. */
import type { Problem } from '#core/arbitrate/problem.ts'

/** Within this many grains of a half counts as a half, of a whole as whole. */
const NEARLY = 1e-9

/**
 * Allocations in whole grains, from exact entitlements, in the order of the rows.
 * Example: 3.5, 3.5, 3 in grains of 1: the running sums 3.5, 7, 10 round to 4, 7, 10, so 4, 3, 3.
 */
export function roundReference(problem: Problem, entitlement: readonly number[], grain: number): number[] {
  const whole = Math.floor(problem.capacity / grain + NEARLY)
  const grainsAt = (sum: number) => Math.min(whole, Math.floor(sum / grain + 0.5 + NEARLY))
  const allocation = new Array<number>(problem.count).fill(0)
  const roundUnder = (parent: number, begin: number) => {
    let sum = begin
    for (let row = 0; row < problem.count; row++) {
      if (problem.parent[row] !== parent) continue
      const next = sum + entitlement[row]!
      allocation[row] = (grainsAt(next) - grainsAt(sum)) * grain
      roundUnder(row, sum)
      sum = next
    }
  }
  roundUnder(-1, 0)
  return allocation
}

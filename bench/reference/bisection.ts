/**
 * Twenty-five halvings of the level, amounts in whole units: what YARN's fair scheduler does (ComputeFairShares). Stands
 * beside the arbiter in the bench for its speed and for its error; never used by the program.
 */

const HALVINGS = 25

/** What everyone gets in whole units of a capacity that `want` does not fit into; weights are all 1. O(25 n). */
export function shareByBisection(start: Float64Array, want: Float64Array, capacity: number): Float64Array {
  let low = 0
  let high = 1
  while (used(start, want, high) < capacity) high *= 2
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2
    if (used(start, want, middle) < capacity) low = middle
    else high = middle
  }
  return start.map((have, i) => shareAt(have, want[i]!, high))
}

const shareAt = (have: number, want: number, level: number): number => Math.max(have, Math.min(want, Math.trunc(level)))

function used(start: Float64Array, want: Float64Array, level: number): number {
  let sum = 0
  for (let i = 0; i < start.length; i++) sum += shareAt(start[i]!, want[i]!, level)
  return sum
}

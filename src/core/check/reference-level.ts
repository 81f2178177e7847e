/**
 * The water level of max-min, found by walking along the points at which somebody starts or stops rising. Slow and
 * plain on purpose: the arbiter finds the same level in another way.
 */

/**
 * The smallest L >= 0 with sum(max(have, min(want, weight x L))) = capacity.
 * Example: have 0, 0, want 2, 6, weights 1, 1, capacity 5: at 2 both rose to 4 together, the last one goes on to 3,
 * so L = 3. Where even the highest level does not use the capacity up, that highest level.
 */
export function levelFor(
  have: readonly number[],
  want: readonly number[],
  weight: readonly number[],
  capacity: number,
): number {
  const corners = new Set([0])
  for (const [i, amount] of have.entries()) {
    corners.add(amount / weight[i]!)
    corners.add(want[i]! / weight[i]!)
  }
  let below = 0
  for (const corner of [...corners].sort((a, b) => a - b)) {
    if (usedAt(corner, have, want, weight) >= capacity) return between(below, corner, have, want, weight, capacity)
    below = corner
  }
  return below
}

/** What is used is a straight line between two neighbouring corners. */
function between(
  low: number,
  high: number,
  have: readonly number[],
  want: readonly number[],
  weight: readonly number[],
  capacity: number,
): number {
  const atLow = usedAt(low, have, want, weight)
  const atHigh = usedAt(high, have, want, weight)
  if (atLow >= capacity || atHigh === atLow) return low
  return low + ((high - low) * (capacity - atLow)) / (atHigh - atLow)
}

function usedAt(level: number, have: readonly number[], want: readonly number[], weight: readonly number[]): number {
  let used = 0
  for (const [i, amount] of have.entries()) used += Math.max(amount, Math.min(want[i]!, weight[i]! * level))
  return used
}

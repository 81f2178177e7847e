/**
 * Sums of many doubles. A plain sum of ten thousand amounts is off in its last three digits, which is enough to call a
 * class that just fits unsatisfied; a compensated one (Neumaier, 1974) is right to the last digit.
 */

/** Differences below this part of the capacity come from rounding doubles, not from the problem. */
export const NOISE = 1e-12

/**
 * Whether an amount fits into a capacity, doubles being what they are.
 * Example: 0.1 + 0.2 = 0.30000000000000004 fits into 0.3; 0.300001 does not.
 */
export function fits(amount: number, capacity: number): boolean {
  return amount <= capacity || amount - capacity <= NOISE * capacity
}

/** Compensated sum of values[from] up to, but not including, values[to]; none of them negative. */
export function sumOf(values: Float64Array, from: number, to: number): number {
  return -residueOf(0, values, from, to)
}

/** `capacity - sumOf(...)`, but with the digits that this subtraction would lose. */
export function residueOf(capacity: number, values: Float64Array, from: number, to: number): number {
  let sum = 0
  let lost = 0
  for (let i = from; i < to; i++) {
    const value = values[i]!
    const next = sum + value
    // Knuth's two-sum: exact whichever is larger, and no branch to guess wrong.
    const added = next - sum
    lost += sum - (next - added) + (value - added)
    sum = next
  }
  return capacity - sum - lost
}

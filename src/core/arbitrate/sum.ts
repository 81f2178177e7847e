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

/** Compensated sum of values[offset + rows[j]] for j in [from, to). */
export function sumOf(values: Float64Array, offset: number, rows: Int32Array, from: number, to: number): number {
  let sum = 0
  let lost = 0
  for (let j = from; j < to; j++) {
    const value = values[offset + rows[j]!]!
    const next = sum + value
    lost += sum >= value ? sum - next + value : value - next + sum
    sum = next
  }
  return sum + lost
}

/** Like `capacity - sumOf(...)`, but keeps the digits that this subtraction would lose. */
export function residueOf(capacity: number, values: Float64Array, rows: Int32Array, from: number, to: number): number {
  let sum = 0
  let lost = 0
  for (let j = from; j < to; j++) {
    const value = values[rows[j]!]!
    const next = sum + value
    lost += sum >= value ? sum - next + value : value - next + sum
    sum = next
  }
  return capacity - sum - lost
}

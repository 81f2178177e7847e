/** The middle of the values, or the upper of the two; NaN of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN
}

/** `from 1.20 to 3.40 ms in 5 rounds`: how far apart repeated measurements lie. */
export function spread(values: readonly number[], unit: string, what = 'rounds'): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toPrecision(3))
  return `from ${least} to ${most} ${unit} in ${values.length} ${what}`
}

/** Samples of the last while, from which quantiles are computed exactly. */
export interface SampleWindow {
  /** Times, of the monotonic clock in ms, never go back. Beyond the most that are kept, the oldest goes. */
  add(value: number, atMs: number): void
  /** How many samples the window has that ends now. */
  count(nowMs: number): number
  /**
   * The smallest sample that at least this part of them (0..1) does not exceed: of 1 to 20, the quantile 0.95 is 19.
   * NaN where there are none.
   */
  quantile(quantile: number, nowMs: number): number
}

/** Of products such as 0.07 x 100, which is 7.000000000000001. */
const NOISE = 1e-9

/** Keeps `most` samples at most, of the last `windowMs`. */
export function createSampleWindow(windowMs: number, most: number): SampleWindow {
  const values = new Float64Array(most)
  const times = new Float64Array(most)
  /** Where the oldest stands, and how many there are. */
  let first = 0
  let held = 0

  function dropOld(nowMs: number): void {
    while (held > 0 && nowMs - times[first]! > windowMs) {
      first = (first + 1) % most
      held--
    }
  }

  return {
    add(value, atMs) {
      dropOld(atMs)
      if (held === most) {
        first = (first + 1) % most
        held--
      }
      const at = (first + held) % most
      values[at] = value
      times[at] = atMs
      held++
    },
    count(nowMs) {
      dropOld(nowMs)
      return held
    },
    quantile(quantile, nowMs) {
      dropOld(nowMs)
      const sorted = Float64Array.from({ length: held }, (_, i) => values[(first + i) % most]!).sort()
      return sorted[Math.max(0, Math.ceil(quantile * held - NOISE) - 1)] ?? Number.NaN
    },
  }
}

/** Why a quantile cannot be told yet. */
export function tooFew(count: number, least: number, windowMs: number): string {
  return `${count} of the ${least} samples that a percentile takes have come in ${windowMs} ms`
}

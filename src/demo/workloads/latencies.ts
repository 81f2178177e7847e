import { build, type Histogram } from 'hdr-histogram-js'

/** Response times of one window, in ms, kept as a histogram of microseconds (three digits, up to a minute). */
export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 60_000_000,
    numberOfSignificantValueDigits: 3,
  })

  add(latencyMs: number): void {
    this.#histogram.recordValue(Math.min(Math.max(Math.round(latencyMs * 1000), 1), 60_000_000))
  }

  /** The window's figures, and begins the next one. */
  take(): { readonly count: number; readonly p95: number } {
    const count = this.#histogram.totalCount
    const p95 = count === 0 ? 0 : this.#histogram.getValueAtPercentile(95) / 1000
    this.#histogram.reset()
    return { count, p95 }
  }
}

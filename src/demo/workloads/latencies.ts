import { build, type Histogram } from 'hdr-histogram-js'

const newHistogram = (): Histogram =>
  build({ lowestDiscernibleValue: 1, highestTrackableValue: LONGEST_US, numberOfSignificantValueDigits: 3 })
const LONGEST_US = 60_000_000

export interface Figures {
  readonly count: number
  /** 0 where nothing was counted. */
  readonly p95: number
}

/** Response times of one window, in ms, kept as a histogram of microseconds (three digits, up to a minute). */
export class Latencies {
  readonly #histogram = newHistogram()

  add(latencyMs: number): void {
    this.#histogram.recordValue(Math.min(Math.max(Math.round(latencyMs * 1000), 1), LONGEST_US))
  }

  /** The window's figures, and begins the next one. */
  take(): Figures {
    const figures = figuresOf(this.#histogram)
    this.#histogram.reset()
    return figures
  }
}

/** Response times of the last few ticks: a window that slides, so that a reading is never much older than a tick. */
export class SlidingLatencies {
  readonly #slots: readonly Histogram[]
  #slot = 0

  constructor(ticks: number) {
    this.#slots = Array.from({ length: ticks }, newHistogram)
  }

  add(latencyMs: number): void {
    this.#slots[this.#slot]?.recordValue(Math.min(Math.max(Math.round(latencyMs * 1000), 1), LONGEST_US))
  }

  /** The figures of the last ticks, and begins another tick. */
  tick(): Figures {
    const all = newHistogram()
    for (const slot of this.#slots) all.add(slot)
    this.#slot = (this.#slot + 1) % this.#slots.length
    this.#slots[this.#slot]?.reset()
    return figuresOf(all)
  }
}

function figuresOf(histogram: Histogram): Figures {
  const count = histogram.totalCount
  return { count, p95: count === 0 ? 0 : histogram.getValueAtPercentile(95) / 1000 }
}

/** What happened in one simulated second of a domain that answers requests. */
export interface WindowFigures {
  /** When it ended, in milliseconds of simulated time. */
  readonly endedMs: number
  /**
   * 95th percentile of the response times in milliseconds, each counted from the request's arrival. Where nothing was
   * answered it is how long the oldest request has been waiting, and null where there is none.
   */
  readonly p95Ms: number | null
  /** Answers per second. */
  readonly throughput: number
  /** Arrivals per second. */
  readonly offered: number
}

export const WINDOW_MS = 1000

/** Collects what a domain's requests do and closes a window a second. */
export class Windows {
  readonly closed: WindowFigures[] = []
  answeredInAll = 0
  #responsesMs: number[] = []
  #offered = 0

  arrived(): void {
    this.#offered++
  }

  answered(responseMs: number): void {
    this.answeredInAll++
    this.#responsesMs.push(responseMs)
  }

  close(endedMs: number, oldestWaitMs: number | null): void {
    const responses = this.#responsesMs.sort((one, other) => one - other)
    const p95Ms = responses.length > 0 ? (responses[rank95(responses.length)] as number) : oldestWaitMs
    const perSecond = 1000 / WINDOW_MS
    this.closed.push({
      endedMs,
      p95Ms,
      throughput: responses.length * perSecond,
      offered: this.#offered * perSecond,
    })
    this.#responsesMs = []
    this.#offered = 0
  }
}

/** Nearest rank, from 0: of 20 sorted values the 19th. */
function rank95(count: number): number {
  return Math.ceil(0.95 * count) - 1
}

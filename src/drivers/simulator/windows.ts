/** What happened in one simulated second of a domain that answers requests. */
export interface WindowFigures {
  /** When it ended, in milliseconds of simulated time. */
  readonly endedMs: number
  /**
   * 95th percentile of the response times in milliseconds, each counted from the request's arrival; one that was turned
   * away counts as a minute. Where there was neither it is how long the oldest request has been waiting, and null where
   * there is none.
   */
  readonly p95Ms: number | null
  /** Answers per second. */
  readonly throughput: number
  /** Arrivals per second, with those that were turned away. */
  readonly offered: number
}

export const WINDOW_MS = 1000
/** What a request that is never answered counts as. */
export const NEVER_MS = 60_000

/** Collects what a domain's requests do and closes a window a second. */
export class Windows {
  /** The last of them, oldest first. */
  readonly closed: WindowFigures[] = []
  readonly #keptMost: number
  answeredInAll = 0
  arrivedInAll = 0
  #responsesMs: number[] = []
  #offered = 0
  #turnedAway = 0

  constructor(keptMost: number) {
    this.#keptMost = keptMost
  }

  arrived(): void {
    this.#offered++
    this.arrivedInAll++
  }

  turnedAway(): void {
    this.#turnedAway++
  }

  answered(responseMs: number): void {
    this.answeredInAll++
    this.#responsesMs.push(responseMs)
  }

  close(endedMs: number, oldestWaitMs: number | null): void {
    const responses = this.#responsesMs.sort((one, other) => one - other)
    const ended = responses.length + this.#turnedAway
    const p95Ms = ended > 0 ? (responses[rank95(ended)] ?? NEVER_MS) : oldestWaitMs
    const perSecond = 1000 / WINDOW_MS
    this.closed.push({
      endedMs,
      p95Ms,
      throughput: responses.length * perSecond,
      offered: this.#offered * perSecond,
    })
    if (this.closed.length > this.#keptMost) this.closed.shift()
    this.#responsesMs = []
    this.#offered = 0
    this.#turnedAway = 0
  }
}

/** Nearest rank, from 0: of 20 sorted values the 19th. */
function rank95(count: number): number {
  return Math.ceil(0.95 * count) - 1
}

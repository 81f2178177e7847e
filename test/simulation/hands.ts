import type { Clock } from '#ports.ts'

const NEVER_ABORTED = new AbortController().signal
const NO_WINDOWS = [] as const

/** The hands of the simulated host's clock, and what moves them by hand. Simulated time itself never jumps. */
export class Hands {
  /** Simulated time at which the host booted last: its monotonic clock counts from there. */
  bootedMs = 0
  boots = 1
  /** How far the wall clock was put forward. */
  utcShiftMs = 0
  readonly #clock: Clock

  /** `clock` is the simulator's, which nothing goes wrong with. */
  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Simulated time. */
  get nowMs(): number {
    return this.#clock.now(NO_WINDOWS).monotonicMs
  }

  sleep(ms: number): Promise<void> {
    return this.sleepUntil(this.nowMs + ms)
  }

  sleepUntil(timeMs: number): Promise<void> {
    return this.#clock.sleepUntil(timeMs, NEVER_ABORTED)
  }

  reboot(): void {
    this.boots++
    this.bootedMs = this.nowMs
  }
}

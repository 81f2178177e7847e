import { nextBeat } from '#lib/next-beat.ts'
import type { Clock } from '#ports.ts'

const NO_WINDOWS = [] as const

export interface Loop {
  /** The next turn begins now instead of at its beat; the beats stay where they were. */
  wake(): void
  /** Resolves when the turn under way has ended and no other will begin. */
  stop(): Promise<void>
}

/**
 * When turns happen: at a fixed rate of the monotonic clock, the first one at once. A turn that takes longer than an
 * interval makes the loop skip the beats it missed instead of running after them.
 */
export function startLoop(clock: Clock, intervalMs: () => number, turn: () => Promise<void>): Loop {
  const stopping = new AbortController()
  let waking = new AbortController()
  const now = () => clock.now(NO_WINDOWS).monotonicMs

  async function run(): Promise<void> {
    let beat = now()
    while (!stopping.signal.aborted) {
      await turn()
      beat = nextBeat(beat, now(), intervalMs())
      if (stopping.signal.aborted) return
      await clock.sleepUntil(beat, waking.signal)
      if (waking.signal.aborted) {
        waking = new AbortController()
        // The beat that was slept for is still to come.
        beat -= intervalMs()
      }
    }
  }

  const running = run()
  return {
    wake: () => waking.abort(),
    stop() {
      stopping.abort()
      waking.abort()
      return running
    },
  }
}

import { nextBeat } from '#lib/next-beat.ts'
import type { Clock } from '#ports.ts'

const NO_WINDOWS = [] as const

/**
 * Does `work` every interval (in ms), the first time at once and one at a time: where it takes longer than an interval,
 * the beats that it missed are skipped. `work` never throws, and ends soon after its signal is aborted. Returns how to
 * stop; what that gives resolves when nothing of it is under way any more.
 */
export function every(
  clock: Clock,
  intervalMs: number,
  work: (signal: AbortSignal) => Promise<void>,
): () => Promise<void> {
  const stopping = new AbortController()
  const now = () => clock.now(NO_WINDOWS).monotonicMs

  async function run(): Promise<void> {
    let beat = now()
    while (!stopping.signal.aborted) {
      await work(stopping.signal)
      beat = nextBeat(beat, now(), intervalMs)
      await clock.sleepUntil(beat, stopping.signal)
    }
  }

  const running = run()
  return () => {
    stopping.abort()
    return running
  }
}

import type { Found } from './board.ts'
import { withTimeout } from './with-timeout.ts'

/** Files answer in microseconds; one on a server that is gone answers never. */
const PATIENCE_MS = 2000

/**
 * A look at a file, which nobody can take back once it hangs: it is waited for so long at most, and no longer than until
 * the signal is aborted; the next look waits for the same, so that one hanging file keeps one thread and no more.
 */
export function unhurried(
  path: string,
  look: () => Promise<Found>,
  patienceMs = PATIENCE_MS,
): (signal: AbortSignal) => Promise<Found> {
  let underWay: Promise<Found> | null = null
  return (stopping) =>
    withTimeout(patienceMs, stopping, async (signal) => {
      underWay ??= look()
      const left = Promise.withResolvers<never>()
      const leave = () => left.reject(new Error(`cannot read ${path}: ${signal.reason.message}; its file system hangs`))
      signal.addEventListener('abort', leave)
      if (signal.aborted) leave()
      try {
        const found = await Promise.race([underWay, left.promise])
        underWay = null
        return found
      } catch (error) {
        if (!signal.aborted) underWay = null
        throw error
      } finally {
        signal.removeEventListener('abort', leave)
      }
    })
}

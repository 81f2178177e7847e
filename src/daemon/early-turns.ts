/** Events come in swarms (a machine that starts has a dozen): one early turn is enough for all of this time. */
export const EVENTS_TOGETHER_MS = 250

/**
 * Turns between the beats, for what is heard of. Guests cause events, and as many as they like: however many there are,
 * no more than one turn in an interval is begun for them.
 */
export function earlyTurns(intervalMs: () => number, begin: () => void): { hear(): void; stop(): void } {
  let timer: NodeJS.Timeout | null = null
  let lastMs = Number.NEGATIVE_INFINITY
  return {
    hear() {
      const waitMs = Math.max(EVENTS_TOGETHER_MS, lastMs + intervalMs() - performance.now())
      timer ??= setTimeout(() => {
        timer = null
        lastMs = performance.now()
        begin()
      }, waitMs)
    },
    stop() {
      if (timer !== null) clearTimeout(timer)
    },
  }
}

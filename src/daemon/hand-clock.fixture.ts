import type { Clock } from '#ports.ts'

/** A clock that stands still but for those who sleep, or move it. */
export function handClock(): Clock & { ms: number } {
  return {
    ms: 0,
    now() {
      return { bootId: 'boot', monotonicMs: this.ms, utcMs: this.ms, zones: {}, openWindows: [] }
    },
    async sleepUntil(ms) {
      this.ms = ms
    },
  }
}

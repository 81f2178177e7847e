/**
 * The first beat after `now` of what happens at a fixed rate, all in milliseconds: beats at 0, 1000, 2000 and work from
 * 0 to 2300 give 3000. Beats that were missed are skipped, never run after.
 */
export function nextBeat(beat: number, now: number, intervalMs: number): number {
  return beat + intervalMs * Math.max(1, Math.floor((now - beat) / intervalMs) + 1)
}

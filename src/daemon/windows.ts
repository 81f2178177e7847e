import { Cron } from 'croner'
import type { WindowPolicy } from '#core/model/policy.ts'

/** Which windows are open at a time, and what the local time is in their zones. */
export interface WindowState {
  readonly zones: Readonly<Record<string, string>>
  readonly openWindows: readonly string[]
}

/**
 * Watches the windows of one policy. A window is open in every minute that one of its patterns matches, so patterns
 * are matched once a minute; the local times are made anew for each instant.
 */
export function watchWindows(windows: readonly WindowPolicy[]): (utcMs: number) => WindowState {
  const zones = [...new Set(windows.map(({ zone }) => zone))].map((zone) => ({ zone, format: localFormat(zone) }))
  const patterns = windows.map(({ name, patterns, zone }) => ({
    name,
    // `paused`: a pattern is only ever asked; it schedules nothing.
    crons: patterns.map((pattern) => new Cron(pattern, { timezone: zone, paused: true })),
  }))
  let minute = Number.NaN
  let openWindows: readonly string[] = []
  return (utcMs) => {
    if (Math.floor(utcMs / 60_000) !== minute) {
      minute = Math.floor(utcMs / 60_000)
      const start = new Date(minute * 60_000)
      openWindows = patterns.filter(({ crons }) => crons.some((cron) => cron.match(start))).map(({ name }) => name)
    }
    return {
      zones: Object.fromEntries(zones.map(({ zone, format }) => [zone, format(utcMs)])),
      openWindows,
    }
  }
}

/** ISO local time without an offset, `2026-11-21T09:30:00`. */
function localFormat(timeZone: string): (utcMs: number) => string {
  // The Swedish format is the ISO one but for the letter in the middle.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
  return (utcMs) => format.format(utcMs).replace(' ', 'T')
}

import type { WindowPolicy } from '#core/model/policy.ts'
import { watchWindows } from '#daemon/windows.ts'
import type { Clock } from '#ports.ts'
import type { Chance } from './chance.ts'
import type { Story } from './draw-story.ts'
import type { Hands } from './hands.ts'

const START_UTC_MS = Date.UTC(2026, 0, 5, 8)

/**
 * The daemon's clock on the simulated host: it may be put forward or back, begin anew with a boot, wake too late, and tell
 * a UTC that goes faster than the time in which things happen.
 */
export function faultyClock(
  clock: Clock,
  hands: Hands,
  chance: Chance,
  { latenessMs, utcSpeed }: Pick<Story, 'latenessMs' | 'utcSpeed'>,
): Clock {
  const watched = new WeakMap<readonly WindowPolicy[], ReturnType<typeof watchWindows>>()
  return {
    now(windows) {
      const utcMs = START_UTC_MS + utcSpeed * hands.nowMs + hands.utcShiftMs
      const at = { bootId: `boot-${hands.boots}`, monotonicMs: hands.nowMs - hands.bootedMs, utcMs }
      if (windows.length === 0) return { ...at, zones: {}, openWindows: [] }
      const stateAt = watched.get(windows) ?? watchWindows(windows)
      watched.set(windows, stateAt)
      return { ...at, ...stateAt(utcMs) }
    },
    sleepUntil(monotonicMs, signal) {
      const late = latenessMs === 0 ? 0 : chance.between(0, latenessMs)
      return clock.sleepUntil(monotonicMs + hands.bootedMs + late, signal)
    },
  }
}

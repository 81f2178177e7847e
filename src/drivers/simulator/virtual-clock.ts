import type { WindowPolicy } from '#core/model/policy.ts'
import type { Clock } from '#ports.ts'
import type { World } from './world.ts'

/**
 * Makes what tells, at a time in UTC, which of a policy's windows are open and what the local times are. The daemon has
 * one; a simulator is given it, because drivers do not reach up.
 */
export type Calendar = (windows: readonly WindowPolicy[]) => (utcMs: number) => {
  readonly zones: Readonly<Record<string, string>>
  readonly openWindows: readonly string[]
}

export interface ClockOptions {
  readonly bootId: string
  /** UTC at simulated time 0. */
  readonly startUtcMs: number
  readonly calendar: Calendar | null
}

interface Sleeper {
  readonly wakeMs: number
  readonly wake: () => void
}

/**
 * The clock of a simulated world. Time stands still while anybody works and jumps to the next waking while all sleep:
 * so the daemon's own loop runs in it as fast as it can. Between two wakings the event loop gets a chance, so that
 * sockets are served meanwhile. Whoever waits for something real in between (a disk, a socket) finds that simulated
 * time has gone on.
 */
export function createVirtualClock(world: World, { bootId, startUtcMs, calendar }: ClockOptions): Clock {
  const sleepers: Sleeper[] = []
  const watched = new WeakMap<readonly WindowPolicy[], ReturnType<Calendar>>()
  let isDue = false

  function wakeNext(): void {
    isDue = false
    const next = sleepers.shift()
    if (next === undefined) return
    world.advanceTo(next.wakeMs)
    next.wake()
    arrange()
  }

  function arrange(): void {
    if (isDue || sleepers.length === 0) return
    isDue = true
    setImmediate(wakeNext)
  }

  return {
    now(windows) {
      const monotonicMs = world.nowMs
      const utcMs = startUtcMs + monotonicMs
      if (windows.length === 0) return { bootId, monotonicMs, utcMs, zones: {}, openWindows: [] }
      if (calendar === null) throw new Error('the policy has windows: the simulator needs a calendar to tell them')
      let stateAt = watched.get(windows)
      if (stateAt === undefined) {
        stateAt = calendar(windows)
        watched.set(windows, stateAt)
      }
      return { bootId, monotonicMs, utcMs, ...stateAt(utcMs) }
    },

    sleepUntil(wakeMs, signal) {
      if (signal.aborted) return Promise.resolve()
      const { promise, resolve } = Promise.withResolvers<void>()
      const sleeper: Sleeper = { wakeMs, wake: resolve }
      // Those who wake at one time do so in the order in which they fell asleep.
      const later = sleepers.findIndex((other) => other.wakeMs > wakeMs)
      sleepers.splice(later < 0 ? sleepers.length : later, 0, sleeper)
      const awaken = (): void => {
        const at = sleepers.indexOf(sleeper)
        if (at >= 0) sleepers.splice(at, 1)
        resolve()
      }
      signal.addEventListener('abort', awaken, { once: true })
      arrange()
      return promise.finally(() => signal.removeEventListener('abort', awaken))
    },
  }
}

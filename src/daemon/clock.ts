import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { WindowPolicy } from '#core/model/policy.ts'
import type { Clock } from '#ports.ts'
import { watchWindows } from './windows.ts'

/** Where the clock looks; tests put jumping hands here. */
export interface Hands {
  monotonicMs(): number
  utcMs(): number
}

const HOST_HANDS: Hands = {
  // CLOCK_MONOTONIC, which counts since the host started and which nobody can set: times of two runs of the daemon on
  // one boot can be compared. `performance.now()` counts from the start of the process and would not do.
  monotonicMs: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  utcMs: () => Date.now(),
}

/**
 * The host's clock. Only the monotonic hand decides when a turn is due and how long anything took: UTC may jump, and a
 * jump shows in nothing but the times that people read and the windows that are open.
 */
export function createClock(hands: Hands = HOST_HANDS, bootId: string = readBootId()): Clock {
  const watched = new WeakMap<readonly WindowPolicy[], ReturnType<typeof watchWindows>>()
  return {
    now(windows) {
      let stateAt = watched.get(windows)
      if (stateAt === undefined) {
        stateAt = watchWindows(windows)
        watched.set(windows, stateAt)
      }
      const utcMs = hands.utcMs()
      return { bootId, monotonicMs: hands.monotonicMs(), utcMs, ...stateAt(utcMs) }
    },

    async sleepUntil(monotonicMs, signal) {
      // A timer may fire up to a millisecond early, and no single one may be longer than 2^31 ms.
      for (let left = monotonicMs - hands.monotonicMs(); left > 0; left = monotonicMs - hands.monotonicMs()) {
        if (signal.aborted) return
        await delay(Math.min(Math.max(left, 1), 2 ** 30), undefined, { signal }).catch(() => undefined)
      }
    },
  }
}

/** Changes with every start of the host, so that monotonic times of two boots are never compared. */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch (error) {
    throw new Error('cannot read /proc/sys/kernel/random/boot_id to tell this boot from others; mount /proc', {
      cause: error,
    })
  }
}

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClock, type Hands } from './clock.ts'

const window = (patterns: string[], zone = 'Europe/Berlin') => [{ name: 'office', patterns, zone }]

function handsAt(iso: string): Hands & { utc: number; monotonic: number } {
  const hands = { utc: Date.parse(iso), monotonic: 5000, utcMs: () => hands.utc, monotonicMs: () => hands.monotonic }
  return hands
}

describe('the clock', () => {
  for (const [utc, patterns, zone, open, local] of [
    ['2026-11-20T09:30:00Z', ['* 9-16 * * 1-5'], 'Europe/Berlin', true, '2026-11-20T10:30:00'],
    ['2026-11-20T16:00:00Z', ['* 9-16 * * 1-5'], 'Europe/Berlin', false, '2026-11-20T17:00:00'],
    ['2026-11-20T15:59:59Z', ['* 9-16 * * 1-5'], 'Europe/Berlin', true, '2026-11-20T16:59:59'],
    ['2026-11-21T12:00:00Z', ['* 9-16 * * 1-5', '* 12 * * 6'], 'UTC', true, '2026-11-21T12:00:00'],
    // The night in which Berlin has 02:30 twice: both are in the window.
    ['2026-10-25T00:30:00Z', ['* 2 * * *'], 'Europe/Berlin', true, '2026-10-25T02:30:00'],
    ['2026-10-25T01:30:00Z', ['* 2 * * *'], 'Europe/Berlin', true, '2026-10-25T02:30:00'],
  ] as const) {
    it(`says that ${patterns.join(' | ')} in ${zone} is ${open ? 'open' : 'closed'} at ${utc}`, () => {
      const instant = createClock(handsAt(utc), 'boot').now(window([...patterns], zone))
      assert.deepEqual(instant.openWindows, open ? ['office'] : [])
      assert.deepEqual(instant.zones, { [zone]: local })
    })
  }

  it('notices a window that opens between two instants, and another policy', () => {
    const hands = handsAt('2026-11-20T07:59:59Z')
    const clock = createClock(hands, 'boot')
    const nine = window(['* 9 * * *'])
    assert.deepEqual(clock.now(nine).openWindows, [])
    hands.utc += 1000
    assert.deepEqual(clock.now(nine).openWindows, ['office'])
    assert.deepEqual(clock.now(window(['* 10 * * *'])).openWindows, [])
  })

  it('sleeps by the monotonic hand alone: UTC that jumps by a year in either direction changes nothing', async () => {
    for (const jumpMs of [365 * 86_400_000, -365 * 86_400_000]) {
      let jumped = 0
      const hands = { monotonicMs: () => performance.now(), utcMs: () => Date.now() + jumped }
      const clock = createClock(hands, 'boot')
      const from = clock.now([]).monotonicMs
      const slept = clock.sleepUntil(from + 40, new AbortController().signal)
      jumped = jumpMs
      await slept
      const took = clock.now([]).monotonicMs - from
      assert.ok(took >= 40 && took < 1000, `slept ${took} ms instead of 40`)
    }
  })

  it('wakes early when aborted', async () => {
    const abort = new AbortController()
    const clock = createClock()
    const slept = clock.sleepUntil(clock.now([]).monotonicMs + 60_000, abort.signal)
    abort.abort()
    await slept
  })
})

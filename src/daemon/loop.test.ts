import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClock } from './clock.ts'
import { handClock } from './hand-clock.fixture.ts'
import { startLoop } from './loop.ts'

describe('the loop', () => {
  it('keeps the rate whatever the turns take, and skips what it missed', async () => {
    const clock = handClock()
    const begun: number[] = []
    const takesMs = [0, 70, 0, 0]
    const done = Promise.withResolvers<void>()
    const loop = startLoop(
      clock,
      () => 50,
      async () => {
        begun.push(clock.ms)
        clock.ms += takesMs[begun.length - 1] ?? 0
        if (begun.length === 4) done.resolve()
      },
    )
    await done.promise
    await loop.stop()
    assert.deepEqual(begun.slice(0, 4), [0, 50, 150, 200])
  })

  it('begins a turn at once when it is woken', async () => {
    const clock = createClock()
    const second = Promise.withResolvers<void>()
    let turns = 0
    const loop = startLoop(
      clock,
      () => 60_000,
      async () => {
        if (++turns === 2) second.resolve()
      },
    )
    setTimeout(() => loop.wake(), 5)
    await second.promise
    await loop.stop()
    assert.equal(turns, 2)
  })
})

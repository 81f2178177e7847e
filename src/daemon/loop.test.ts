import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createClock } from './clock.ts'
import { nextBeat, startLoop } from './loop.ts'

describe('beats', () => {
  for (const [beat, now, expected, what] of [
    [0, 0, 1000, 'a turn that takes no time'],
    [0, 300, 1000, 'a short turn'],
    [0, 999, 1000, 'a turn that nearly fills its interval'],
    [0, 1000, 2000, 'a turn that ends on the next beat'],
    [0, 2300, 3000, 'a turn that misses two beats'],
    [1000, 500, 2000, 'a turn that was woken before its beat'],
  ] as const) {
    it(`${what}: from ${beat}, at ${now}, the next is ${expected}`, () =>
      assert.equal(nextBeat(beat, now, 1000), expected))
  }
})

describe('the loop', () => {
  it('keeps the rate whatever the turns take, and skips what it missed', async () => {
    const clock = createClock()
    const begun: number[] = []
    const done = Promise.withResolvers<void>()
    const loop = startLoop(
      clock,
      () => 50,
      async () => {
        begun.push(clock.now([]).monotonicMs)
        if (begun.length === 2) await clock.sleepUntil((begun[1] as number) + 70, new AbortController().signal)
        if (begun.length === 4) done.resolve()
      },
    )
    await done.promise
    await loop.stop()
    const beats = begun.map((ms) => Math.round((ms - (begun[0] as number)) / 50))
    assert.deepEqual(beats, [0, 1, 3, 4])
    assert.equal(begun.length, 4)
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

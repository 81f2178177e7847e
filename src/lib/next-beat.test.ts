import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nextBeat } from './next-beat.ts'

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

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPrng } from '#lib/prng.ts'
import { Agenda } from './agenda.ts'

describe('an agenda', () => {
  it('has nobody who comes first until somebody has a time', () => {
    const agenda = new Agenda(3)
    assert.equal(agenda.firstMs, Number.POSITIVE_INFINITY)
    agenda.set(2, 7)
    assert.deepEqual([agenda.first, agenda.firstMs], [2, 7])
    agenda.set(2, Number.POSITIVE_INFINITY)
    assert.equal(agenda.firstMs, Number.POSITIVE_INFINITY)
  })

  for (const parties of [1, 2, 7, 8, 50]) {
    it(`finds the first of ${parties} as looking at all of them does, the lower index of equal ones`, () => {
      const prng = createPrng(parties, 'agenda')
      const agenda = new Agenda(parties)
      const times = new Array<number>(parties).fill(Number.POSITIVE_INFINITY)
      for (let round = 0; round < 500; round++) {
        const party = prng.integer(parties)
        const time = prng.integer(20)
        times[party] = time
        agenda.set(party, time)
        const least = Math.min(...times)
        assert.deepEqual([agenda.firstMs, agenda.first], [least, times.indexOf(least)])
      }
    })
  }
})

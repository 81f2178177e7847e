import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { observed, predictedTime, type Queue, slackFor } from './queue.ts'

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) <= 1e-9 * expected, `expected ${expected}, got ${actual}`)

describe('the model of a queue', () => {
  const known: Queue = { work: 40_000, most: 700, off: 0.1, trials: 9 }

  it('begins with what one reading says', () => {
    assert.deepEqual(observed(null, 100, 600, 1000), { work: 40_000, most: 600, off: 0, trials: 0 })
  })

  it('follows a reading by three tenths, in the work and in what it is off by', () => {
    const { work, off, trials } = observed(known, 200, 600, 1000)
    near(work, 40_000 * 2 ** 0.3)
    near(off, 0.1 + 0.3 * (Math.log(2) - 0.1))
    assert.equal(trials, 10)
  })

  it('is moved by an outlier no further than by one of three times as much, and is told to be off by all of it', () => {
    near(observed(known, 100_000, 600, 1000).work, 40_000 * 3 ** 0.3)
    near(observed(known, 0.1, 600, 1000).work, 40_000 * 3 ** -0.3)
    near(observed(known, 100_000, 600, 1000).off, 0.1 + 0.3 * (Math.log(1000) - 0.1))
  })

  it('keeps the most that was ever used at once', () => {
    assert.equal(observed(known, 100, 600, 1000).most, 700)
    assert.equal(observed(known, 100, 800, 1200).most, 800)
  })

  it('says how long it takes with so much unused, and the other way round', () => {
    near(predictedTime(known, 400), 100)
    near(slackFor(known, 50), 800)
  })
})

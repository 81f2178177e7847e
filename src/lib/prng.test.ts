import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPrng, type Prng } from './prng.ts'

const draw = (prng: Prng, count: number): number[] => Array.from({ length: count }, () => prng.next())
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe('prng', () => {
  it('repeats itself for the same seed and stream', () => {
    assert.deepEqual(draw(createPrng(7, 'arrivals'), 100), draw(createPrng(7, 'arrivals'), 100))
  })

  it('tells seeds apart, and streams of one seed', () => {
    const first = draw(createPrng(7, 'arrivals'), 20)
    for (const other of [createPrng(8, 'arrivals'), createPrng(7, 'faults'), createPrng(7, '')]) {
      assert.equal(
        draw(other, 20).some((value) => first.includes(value)),
        false,
      )
    }
  })

  it('is uniform: in range, with a twentieth in each twentieth', () => {
    const values = draw(createPrng(1, 'uniform'), 100_000)
    assert.ok(values.every((value) => value >= 0 && value < 1))
    const counts = new Array<number>(20).fill(0)
    for (const value of values) counts[Math.floor(value * 20)]!++
    // The standard deviation of each count is 69: five of them are exceeded once in 1.7 million.
    for (const count of counts) assert.ok(Math.abs(count - 5000) < 345, `${count}`)
  })

  it('does not follow the number before', () => {
    const values = draw(createPrng(2, 'pairs'), 100_001)
    const products = values.slice(1).map((value, at) => (value - 0.5) * ((values[at] as number) - 0.5))
    assert.ok(Math.abs(mean(products)) < 0.0015)
  })

  it('draws exponential gaps with the mean and the spread asked for', () => {
    const prng = createPrng(3, 'gaps')
    const gaps = Array.from({ length: 100_000 }, () => prng.exponential(40))
    const average = mean(gaps)
    assert.ok(Math.abs(average - 40) < 0.7, `${average}`)
    const deviation = Math.sqrt(mean(gaps.map((gap) => (gap - average) ** 2)))
    assert.ok(Math.abs(deviation - 40) < 1.2, `${deviation}`)
  })

  it('draws every whole number below the bound', () => {
    const prng = createPrng(4, 'integers')
    const seen = new Set(Array.from({ length: 1000 }, () => prng.integer(6)))
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5])
  })
})

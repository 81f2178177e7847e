import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPrng } from '#lib/prng.ts'
import { NoisyCounters } from './noisy-counters.ts'

const NOISE = 0.1

/** What is read of a counter that grows by these, and what it is. */
function read(growths: readonly number[], { seed = 1, noise = NOISE } = {}) {
  const counters = new NoisyCounters(seed, noise)
  let exact = 0
  return growths.map((growth) => {
    exact += growth
    return { growth, exact, told: counters.read('cpu', 'shop', 'shop@1', exact) }
  })
}

describe('a noisy counter', () => {
  const prng = createPrng(1, 'growths')
  // Looks far apart and close together, and times in which nothing is counted.
  const growths = Array.from({ length: 5000 }, () => prng.integer(3) * 10 ** prng.integer(5) * prng.next())

  it('never goes backwards, and grows by so much more or less than it should', () => {
    const all = read(growths)
    const off: number[] = []
    for (const [index, { growth, told }] of all.entries()) {
      if (index === 0) continue
      const seen = told - (all[index - 1]?.told ?? 0)
      assert.ok(seen >= 0, `${seen}`)
      if (growth === 0) assert.equal(seen, 0)
      // Of less the digits of so large a counter tell nothing.
      else if (growth >= 1) off.push(seen / growth - 1)
    }
    assert.ok(Math.min(...off) >= -NOISE - 1e-6 && Math.min(...off) < -0.98 * NOISE, `${Math.min(...off)}`)
    assert.ok(Math.max(...off) <= NOISE + 1e-6 && Math.max(...off) > 0.98 * NOISE, `${Math.max(...off)}`)
  })

  it('does not drift', () => {
    const most = NOISE * Math.max(...growths)
    for (const { exact, told } of read(growths)) assert.ok(Math.abs(told - exact) <= most * (1 + 1e-9))
    const steady = read(new Array<number>(5000).fill(1000))
    for (const { exact, told } of steady) assert.ok(Math.abs(told - exact) <= 100 + 1e-6, `${told} of ${exact}`)
  })

  it('is the same for the same seed, and as it is without noise', () => {
    assert.deepEqual(read(growths), read(growths))
    assert.notDeepEqual(read(growths), read(growths, { seed: 2 }))
    for (const { exact, told } of read(growths, { noise: 0 })) assert.equal(told, exact)
  })

  it('begins anew, with what was counted until then, where another has its name', () => {
    const counters = new NoisyCounters(1, NOISE)
    assert.equal(counters.read('cpu', 'shop', 'shop@1', 1000), 1000)
    assert.notEqual(counters.read('cpu', 'shop', 'shop@1', 2000), 2000)
    assert.equal(counters.read('cpu', 'shop', 'shop@2', 500), 500)
  })
})

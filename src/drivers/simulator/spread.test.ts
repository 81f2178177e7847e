import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { check, integer, property, uniqueArray } from 'fast-check'
import { reachOf, Spread } from './spread.ts'

const CORES = 4

/** Busy CPUs on each of four cores with two threads after each of these was laid, in their order. */
function busy(...laid: readonly (readonly [cpus: readonly number[], busy: number])[]): number[] {
  const spread = new Spread(CORES, 2 * CORES)
  const parts = new Float64Array(CORES)
  for (const [cpus, amount] of laid)
    spread.lay(
      reachOf(cpus, (cpu) => cpu % CORES),
      amount,
      parts,
    )
  return [...spread.busy]
}
const ALL = [0, 1, 2, 3, 4, 5, 6, 7]

describe('work on cores', () => {
  it('is spread evenly over all that may be used', () => {
    assert.deepEqual(busy([ALL, 2]), [0.5, 0.5, 0.5, 0.5])
    assert.deepEqual(busy([[0, 1, 4], 1]), [0.5, 0.5, 0, 0])
  })

  it('goes to idle cores before it goes to the siblings of busy ones', () => {
    assert.deepEqual(busy([[0], 1], [ALL, 1.5]), [1, 0.5, 0.5, 0.5])
    assert.deepEqual(busy([[0], 1], [ALL, 5]), [1.5, 1.5, 1.5, 1.5])
  })

  it('fills no CPU twice', () => {
    // Core 0 has one CPU of the set, and what is left of it is what the first one left.
    assert.deepEqual(busy([[0], 0.75], [[0, 1], 1]), [0.875, 0.875, 0, 0])
    assert.deepEqual(busy([[0], 1], [[0, 1], 1]), [1, 1, 0, 0])
    assert.deepEqual(busy([ALL, 8]), [2, 2, 2, 2])
  })

  it('goes to the less busy of two siblings', () => {
    // The sibling takes the 0.2, so that CPU 0 has room for 0.2 more and not for all of the 0.5.
    assert.deepEqual(busy([[0], 0.8], [[0, 4], 0.2], [[0], 0.5]), [1.2, 0, 0, 0])
  })

  it('leaves out what finds no room', () => {
    const spread = new Spread(CORES, 2 * CORES)
    const reach = reachOf([0], (cpu) => cpu)
    assert.equal(spread.lay(reach, 1.5, new Float64Array(CORES)), 1)
  })

  it('always adds up, within what each core has', () => {
    const sets = uniqueArray(integer({ min: 0, max: 7 }), { minLength: 1 })
    const tried = check(
      property(sets, sets, integer({ min: 1, max: 80 }), integer({ min: 1, max: 80 }), (one, other, first, second) => {
        const spread = new Spread(CORES, 2 * CORES)
        let placed = 0
        for (const [cpus, tenths] of [[one, first] as const, [other, second] as const]) {
          const parts = new Float64Array(CORES)
          const amount = tenths / 10
          const found = spread.lay(
            reachOf(cpus, (cpu) => cpu % CORES),
            amount,
            parts,
          )
          assert.ok(parts.every((part) => part >= 0))
          assert.ok(found <= amount + 1e-9 && Math.abs(parts.reduce((sum, part) => sum + part, 0) - found) < 1e-9)
          placed += found
        }
        assert.ok(Math.abs(spread.busy.reduce((sum, part) => sum + part, 0) - placed) < 1e-9)
        assert.ok(spread.busy.every((part) => part <= 2 + 1e-9))
        assert.ok(placed >= Math.min(one.length, first / 10) - 1e-9)
      }),
    )
    assert.equal(tried.failed, false, JSON.stringify(tried.counterexample))
  })
})

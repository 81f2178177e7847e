import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { competitions, divide } from './water-filling.ts'

interface Case {
  readonly says: string
  readonly cpuSets: readonly (readonly number[])[]
  readonly weights: readonly number[]
  readonly wanted: readonly number[]
  readonly granted: readonly number[]
}

const CASES: readonly Case[] = [
  { says: 'by weight', cpuSets: [[0], [0]], weights: [3, 1], wanted: [10, 10], granted: [7.5, 2.5] },
  { says: 'what one leaves to the other', cpuSets: [[0], [0]], weights: [3, 1], wanted: [4, 10], granted: [4, 6] },
  { says: 'all where there is enough', cpuSets: [[0], [0]], weights: [1, 9], wanted: [4, 5], granted: [4, 5] },
  { says: 'nothing to who wants nothing', cpuSets: [[0], [0]], weights: [1, 1], wanted: [0, 20], granted: [0, 10] },
  {
    says: 'a CPU that only one may use to that one',
    cpuSets: [[0], [0], [0, 1]],
    weights: [1, 1, 1],
    wanted: [10, 10, 20],
    granted: [5, 5, 10],
  },
  {
    says: 'in a chain of sets, by the tightest place first',
    cpuSets: [[0], [0, 1], [1, 2]],
    weights: [1, 1, 1],
    wanted: [10, 20, 20],
    granted: [10, 10, 10],
  },
  {
    says: 'the tightest place first, wherever it stands',
    cpuSets: [[0, 1, 2], [0], [0]],
    weights: [1, 1, 1],
    wanted: [30, 10, 10],
    granted: [20, 5, 5],
  },
  {
    says: 'weights across sets that overlap',
    cpuSets: [[0, 1], [0, 1], [1]],
    weights: [2, 1, 1],
    wanted: [20, 20, 10],
    granted: [10, 5, 5],
  },
]

describe('water-filling gives', () => {
  for (const { says, cpuSets, weights, wanted, granted } of CASES) {
    it(says, () => {
      const out = new Float64Array(weights.length)
      divide(competitions(cpuSets), 10, Float64Array.from(weights), Float64Array.from(wanted), out)
      for (const [index, amount] of granted.entries()) {
        assert.ok(Math.abs((out[index] as number) - amount) < 1e-9, `${[...out]} instead of ${granted}`)
      }
    })
  }

  it('never more than the CPUs that anybody can reach', () => {
    const found = competitions([[0], [0, 1], [2]]).map(({ cpus, members }) => [cpus, [...members]])
    assert.deepEqual(
      found.sort(),
      [
        [1, [0]],
        [1, [2]],
        [2, [0, 1]],
        [2, [0, 2]],
        [3, [0, 1, 2]],
      ].sort(),
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createPrng, type Prng } from '#lib/prng.ts'
import { Overlaps } from './overlaps.ts'
import { type Competition, type Contest, competitions, divide } from './water-filling.ts'

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

  it('what can be laid out on CPUs, of unions of sets that share some', () => {
    const found = competitions([[0], [0, 1], [1, 2], [3]]) as readonly Competition[]
    assert.deepEqual(
      found.map(({ cpus, members }) => [cpus, [...members]]),
      [
        [1, [0]],
        [2, [0, 1]],
        [2, [2]],
        [1, [3]],
        [3, [0, 1, 2]],
      ],
    )
  })

  it('the same as all unions of sets would, listed or not', () => {
    const prng = createPrng(1, 'sets')
    for (let round = 0; round < 500; round++) {
      const domains = 1 + prng.integer(7)
      const cpus = 1 + prng.integer(6)
      const cpuSets = Array.from({ length: domains }, () => drawSet(prng, cpus))
      const weights = Float64Array.from(cpuSets, () => 1 + prng.integer(9))
      const wanted = Float64Array.from(cpuSets, () => prng.integer(3) * prng.next() * 2)
      const given = (contest: Contest) => {
        const granted = new Float64Array(domains)
        divide(contest, 1, weights, wanted, granted)
        return granted
      }
      const right = given(allUnions(cpuSets))
      for (const contest of [competitions(cpuSets), new Overlaps(cpuSets)]) {
        for (const [index, amount] of given(contest).entries()) {
          const off = Math.abs(amount - (right[index] as number))
          assert.ok(off < 1e-8, `${JSON.stringify(cpuSets)}: ${amount} to ${index} instead of ${right[index]}`)
        }
      }
    }
  })

  it('a CPU to each of 40 who are pinned apart, beside one who may use all', () => {
    const cpuSets = Array.from({ length: 40 }, (_, cpu) => [cpu])
    const found = competitions([...cpuSets, cpuSets.flat()]) as readonly Competition[]
    assert.equal(found.length, 41)
    const granted = new Float64Array(41)
    divide(found, 1, new Float64Array(41).fill(1), new Float64Array(41).fill(2), granted)
    assert.ok(Math.abs((granted[40] as number) - 40 / 41) < 1e-9, `${granted[40]}`)
  })

  it('what weights say where 24 sets of one CPU each share another, in too many ways to list', () => {
    const cpuSets = Array.from({ length: 24 }, (_, cpu) => [cpu, 24])
    const contest = competitions(cpuSets)
    assert.ok(contest instanceof Overlaps)
    const granted = new Float64Array(24)
    const weights = Float64Array.from(cpuSets, (_, index) => (index === 2 ? 1.2 : 1))
    const wanted = Float64Array.from(cpuSets, (_, index) => (index < 3 ? 2 : 0.5))
    divide(contest, 1, weights, wanted, granted)
    // Four CPUs among three, of which the weights make 1.25, 1.25 and 1.5.
    for (const [index, amount] of granted.entries()) {
      const right = index === 2 ? 1.5 : index < 2 ? 1.25 : 0.5
      assert.ok(Math.abs(amount - right) < 1e-9, `${amount} to ${index}`)
    }
  })
})

function drawSet(prng: Prng, cpus: number): readonly number[] {
  const set = Array.from({ length: cpus }, (_, cpu) => cpu).filter(() => prng.next() < 0.4)
  return set.length > 0 ? set : [prng.integer(cpus)]
}

/** Every group of domains with all CPUs that it reaches, whatever they share. */
function allUnions(cpuSets: readonly (readonly number[])[]): Competition[] {
  return Array.from({ length: 2 ** cpuSets.length - 1 }, (_, group) => {
    const union = new Set(cpuSets.flatMap((cpus, index) => (((group + 1) >> index) & 1 ? cpus : [])))
    const members = cpuSets.flatMap((cpus, index) => (cpus.every((cpu) => union.has(cpu)) ? [index] : []))
    return { cpus: union.size, members }
  })
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { keepOrRound, roundByRunningSums } from './round.ts'

interface RoundingCase {
  readonly name: string
  readonly granularity: number
  readonly in: readonly number[]
  readonly out: readonly number[]
}
const flat = (count: number) => ({ count, parent: new Int32Array(count).fill(-1) })
const round = (amounts: readonly number[], grain: number, capacity: number) => [
  ...roundByRunningSums(flat(amounts.length), Float64Array.from(amounts), grain, capacity),
]

test('the tables of the reference documents', () => {
  const text = readFileSync(new URL('../../test/cases/arbitration.json', import.meta.url), 'utf8')
  for (const { name, granularity, in: amounts, out } of JSON.parse(text).rounding as RoundingCase[]) {
    const capacity = Math.ceil(amounts.reduce((sum, amount) => sum + amount, 0))
    assert.deepEqual(round(amounts, granularity, capacity), out, name)
  }
})

test('halves, whole grains, and the capacity count within 1e-9 of a grain', () => {
  assert.deepEqual(round([0.5 - 1e-10, 1], 1, 2), [1, 1])
  assert.deepEqual(round([0.5 - 1e-8, 1], 1, 2), [0, 1])
  assert.deepEqual(round([1.5, 1.5], 1, 3 - 1e-10), [2, 1])
  assert.deepEqual(round([1.5, 1.2], 1, 2.7), [2, 0])
})

test('inside a parent the sum goes on from where the parent began', () => {
  const rows = { count: 4, parent: Int32Array.of(-1, -1, 1, 1) }
  assert.deepEqual([...roundByRunningSums(rows, Float64Array.of(0.4, 2.2, 1.1, 1.1), 1, 3)], [0, 3, 2, 1])
})

test('what is in force stays where it will do', () => {
  const base = {
    ...flat(2),
    entitlement: Float64Array.of(3.5, 6.5),
    start: Float64Array.of(0, 0),
    limit: Float64Array.of(Infinity, Infinity),
  }
  const table = [
    { name: 'within one grain', inForce: [3, 7], status: 'kept', allocation: [3, 7] },
    { name: 'two grains away', inForce: [2, 8], status: 'rounded', allocation: [4, 6] },
    { name: 'above the capacity', inForce: [4, 7], status: 'rounded', allocation: [4, 6] },
    { name: 'unknown', inForce: [Number.NaN, 7], status: 'rounded', allocation: [4, 6] },
    { name: 'under a reservation', inForce: [3, 7], start: [3.2, 0], status: 'rounded', allocation: [4, 6] },
    { name: 'above a limit', inForce: [3, 7], limit: [9, 6.6], status: 'rounded', allocation: [4, 6] },
  ]
  for (const { name, inForce, start, limit, ...expected } of table) {
    const rows = {
      ...base,
      inForce: Float64Array.from(inForce),
      ...(start && { start: Float64Array.from(start) }),
      ...(limit && { limit: Float64Array.from(limit) }),
    }
    const { status, allocation } = keepOrRound(rows, 1, 10)
    assert.deepEqual({ status, allocation: [...allocation] }, expected, name)
  }
})

test('children in force must fit into their parent in force', () => {
  const rows = {
    count: 3,
    parent: Int32Array.of(-1, 0, 0),
    inForce: Float64Array.of(2, 1, 2),
    entitlement: Float64Array.of(2.4, 1.2, 1.2),
    start: new Float64Array(3),
    limit: new Float64Array(3).fill(Infinity),
  }
  assert.equal(keepOrRound(rows, 1, 3).status, 'rounded')
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { arbitrate } from '#core/arbitrate/arbitrate.ts'
import { checkAllocation } from './check-allocation.ts'
import { pick, problemOf, randomFrom, randomProblem } from './problems.fixture.ts'
import { roundReference } from './reference-rounding.ts'

const flat = problemOf({ capacity: 10, domains: [{ id: 'a', limit: 4 }, { id: 'b', reservation: 3 }, { id: 'c' }] })
const nested = problemOf({ capacity: 10, domains: [{ id: 'team', domains: [{ id: 'a' }, { id: 'b' }] }, { id: 'c' }] })

const cases = [
  { name: 'running sums', problem: flat, exact: [3.5, 3.5, 3], given: [4, 3, 3], rules: [] },
  { name: 'a grain too many', problem: flat, exact: [3.5, 3.5, 3], given: [4, 4, 3], rules: ['conservation'] },
  { name: 'half a grain', problem: flat, exact: [3.5, 3.5, 3], given: [3.5, 3.5, 3], rules: ['grain', 'grain'] },
  { name: 'too far off', problem: flat, exact: [3.5, 3.5, 3], given: [2, 4, 4], rules: ['near'] },
  { name: 'not a number', problem: flat, exact: [3.5, 3.5, 3], given: [NaN, 3, 3], rules: ['grain', 'near'] },
  { name: 'above the limit', problem: flat, exact: [4, 3, 3], given: [6, 3, 1], rules: ['near', 'limit', 'near'] },
  { name: 'reserved, yet taken', problem: flat, exact: [4, 3, 3], given: [5, 1, 4], rules: ['near', 'reservation'] },
  { name: 'capacity unused', problem: flat, exact: [4, 3, 3], given: [3, 3, 2], rules: ['conservation'] },
  { name: 'children above parent', problem: nested, exact: [7, 3.5, 3.5, 3], given: [7, 4, 4, 3], rules: ['inside'] },
]

describe('checkAllocation', () => {
  for (const { name, problem, exact, given, rules } of cases) {
    test(name, () => {
      const amounts = { entitlement: Float64Array.from(exact), allocation: Float64Array.from(given) }
      const found = checkAllocation(problem, { grain: 1, status: 'rounded', ...amounts })
      assert.deepEqual(
        found.map(({ rule }) => rule),
        rules,
      )
    })
  }

  test('what is kept in force must respect the limit itself', () => {
    const amounts = { entitlement: Float64Array.of(4, 3, 3), allocation: Float64Array.of(4.5, 3, 2.5) }
    const found = checkAllocation(flat, { grain: 1, status: 'kept', ...amounts })
    assert.deepEqual(
      found.map(({ rule }) => rule),
      ['limit'],
    )
  })

  test('accepts the running sums of 1,000 random arbitrations, and none with four grains more in one row', () => {
    const random = randomFrom(4)
    for (let i = 0; i < 1000; i++) {
      const problem = problemOf(randomProblem(random))
      const grain = pick(random, [0.01, 0.25, 1])
      const { entitlement } = arbitrate(problem)
      const allocation = Float64Array.from(roundReference(problem, [...entitlement], grain))
      const given = { grain, entitlement, status: 'rounded' } as const
      assert.deepEqual(checkAllocation(problem, { ...given, allocation }), [])
      allocation[Math.floor(random() * problem.count)]! += 4 * grain
      assert.notDeepEqual(checkAllocation(problem, { ...given, allocation }), [])
    }
  })
})

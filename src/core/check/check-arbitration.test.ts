import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { arbitrate } from '#core/arbitrate/arbitrate.ts'
import { checkArbitration } from './check-arbitration.ts'
import { MUTATIONS } from './mutations.fixture.ts'
import { type CaseProblem, pick, problemOf, randomFrom, randomProblem } from './problems.fixture.ts'
import { solveReference } from './reference.ts'

describe('checkArbitration', () => {
  test('accepts 1,000 random arbitrations, which agree with the reference solver', () => {
    const random = randomFrom(1)
    for (let i = 0; i < 1000; i++) {
      const stated = randomProblem(random)
      const problem = problemOf(stated)
      const result = arbitrate(problem)
      assert.deepEqual(checkArbitration(problem, result), [], JSON.stringify(stated))
      for (const [row, due] of solveReference(problem).entitlement.entries()) {
        const difference = Math.abs(result.entitlement[row]! - due)
        assert.ok(difference <= 1e-9 * problem.capacity, `${problem.ids[row]}: ${due} in ${JSON.stringify(stated)}`)
      }
    }
  })

  test('rejects all of 1,000 mutated arbitrations', () => {
    const random = randomFrom(2)
    const passed: string[] = []
    const tried = new Map<string, number>()
    for (let i = 0; i < 1000; ) {
      const stated = randomProblem(random)
      const problem = problemOf(stated)
      const { kind, apply } = pick(random, MUTATIONS)
      const wrong = apply(random, problem, arbitrate(problem))
      if (wrong === null) continue
      i++
      tried.set(kind, (tried.get(kind) ?? 0) + 1)
      if (checkArbitration(problem, wrong).length === 0) passed.push(`${kind}: ${JSON.stringify(stated)}`)
    }
    assert.deepEqual(passed, [])
    for (const { kind } of MUTATIONS) assert.ok((tried.get(kind) ?? 0) >= 20, `${kind} was hardly tried`)
  })

  for (const { rule, stated, wrong } of wrongOnes()) {
    test(`names the rule that does not hold: ${rule}`, () => {
      const problem = problemOf(stated)
      const right = arbitrate(problem)
      const entitlement = wrong ? Float64Array.from(wrong) : right.entitlement
      const rules = checkArbitration(problem, { ...right, entitlement }).map((violation) => violation.rule)
      assert.ok(rules.includes(rule), `found ${rules}`)
    })
  }
})

function wrongOnes(): { rule: string; stated: CaseProblem; wrong: number[] }[] {
  const [a, b] = [
    { id: 'a', requests: [2], reservation: 1, limit: 4 },
    { id: 'b', requests: [6] },
  ]
  const flat: CaseProblem = { capacity: 6, domains: [a, b] }
  const nested: CaseProblem = { capacity: 6, domains: [{ id: 'team', domains: [a] }, b] }
  return [
    { rule: 'share', stated: flat, wrong: [3, 3] },
    { rule: 'conservation', stated: flat, wrong: [2, 5] },
    { rule: 'start', stated: flat, wrong: [0.5, 5.5] },
    { rule: 'limit', stated: flat, wrong: [5, 1] },
    { rule: 'amount', stated: flat, wrong: [NaN, 4] },
    { rule: 'inside', stated: nested, wrong: [1.5, 2, 4.5] },
    { rule: 'remainder', stated: { ...flat, remainder: 'hold' }, wrong: [1, 1] },
    { rule: 'smallest-gap-first', stated: { ...flat, fairness: 'satisfy-most', capacity: 6.5 }, wrong: [1, 5.5] },
  ]
}

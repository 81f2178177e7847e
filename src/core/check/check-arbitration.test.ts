import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { arbitrate } from '#core/arbitrate/arbitrate.ts'
import { type Arbitration, BOUNDS, type BoundKind, type GroupOutcome, type Problem } from '#core/arbitrate/problem.ts'
import type { ProblemText } from '#test/arbiter/problems.ts'
import { checkArbitration } from './check-arbitration.ts'
import { MUTATIONS } from './mutations.fixture.ts'
import { pick, problemOf, randomFrom, randomProblem } from './problems.fixture.ts'
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

  test('accepts 1,000 arbitrations in whole units, where gaps tie and wants use the capacity up exactly', () => {
    const random = randomFrom(7)
    for (let i = 0; i < 1000; i++) {
      const problem = inWholeUnits(problemOf(randomProblem(random)))
      assert.deepEqual(checkArbitration(problem, arbitrate(problem)), [], `problem ${i}`)
    }
  })

  test('accepts 1,000 arbitrations of requests that rise by their last digit only from class to class', () => {
    const random = randomFrom(8)
    for (let i = 0; i < 1000; i++) {
      const stated = randomProblem(random)
      const problem = problemOf(stated)
      const requests = problem.requests.map((_, at) => {
        const first = problem.requests[at % problem.count] as number
        return first * (1 + Math.floor(at / problem.count) * Number.EPSILON)
      })
      const close = { ...problem, requests }
      assert.deepEqual(checkArbitration(close, arbitrate(close)), [], `${JSON.stringify(stated)}`)
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

  for (const { name, rule, stated, wrong } of consistentButWrong()) {
    test(`rejects what is consistent in itself: ${name}`, () => {
      const problem = problemOf(stated)
      const found = checkArbitration(problem, claim(arbitrate(problem), wrong))
      assert.deepEqual(
        found.map((violation) => violation.rule),
        [rule],
      )
    })
  }
})

/** Limits are left out: rounded up they might end under a start. */
function inWholeUnits(problem: Problem): Problem {
  const reservation = problem.reservation.map(Math.ceil)
  return {
    ...problem,
    capacity: Math.ceil(problem.capacity),
    minimum: 1,
    requests: problem.requests.map(Math.ceil),
    reservation,
    own: problem.own.map((own, row) => Math.max(Math.ceil(own), reservation[row]! || 0)),
    limit: problem.limit.map(() => Infinity),
  }
}

interface Claim {
  readonly entitlement: readonly number[]
  readonly bound: readonly BoundKind[]
  readonly boundClass: readonly number[]
  readonly top: Partial<GroupOutcome>
}

function claim(right: Arbitration, { entitlement, bound, boundClass, top }: Claim): Arbitration {
  return {
    entitlement: Float64Array.from(entitlement),
    bound: Uint8Array.from(bound, (kind) => BOUNDS.indexOf(kind)),
    boundClass: Int16Array.from(boundClass),
    groups: [{ ...right.groups[0]!, ...top }],
  }
}

/** Decisions that nobody could tell from right ones by sums and figures alone. */
function consistentButWrong(): { name: string; rule: string; stated: ProblemText; wrong: Claim }[] {
  const two = (a: number, b: number) => [
    { id: 'a', requests: [a] },
    { id: 'b', requests: [b] },
  ]
  const byGap = { fairness: 'satisfy-most' } as const
  return [
    {
      name: 'the larger gap served first',
      rule: 'smallest-gap-first',
      stated: { ...byGap, capacity: 3, domains: two(2, 3) },
      wrong: { entitlement: [0, 3], bound: ['start', 'request'], boundClass: [0, 1], top: { level: 0 } },
    },
    {
      name: 'the later of two equal gaps served',
      rule: 'smallest-gap-first',
      stated: { ...byGap, capacity: 3, domains: two(2, 2) },
      wrong: { entitlement: [1, 2], bound: ['level', 'request'], boundClass: [1, 1], top: { level: 1 } },
    },
    {
      name: 'a gap left open that fits',
      rule: 'smallest-gap-first',
      stated: { ...byGap, capacity: 3, domains: two(2, 3) },
      wrong: { entitlement: [1.5, 1.5], bound: ['level', 'level'], boundClass: [1, 1], top: { level: 1.5 } },
    },
    {
      name: 'a level higher than the smallest',
      rule: 'level',
      stated: {
        capacity: 4,
        domains: [
          { id: 'a', requests: [1] },
          { id: 'b', reservation: 3, requests: [5] },
        ],
      },
      wrong: { entitlement: [1, 3], bound: ['request', 'start'], boundClass: [1, 0], top: { level: 2 } },
    },
    {
      name: 'an inversion: class 2 served while class 1 is not',
      rule: 'class',
      stated: {
        capacity: 4,
        domains: [
          { id: 'a', requests: [1, 3] },
          { id: 'b', requests: [5, 5] },
        ],
      },
      wrong: { entitlement: [2, 2], bound: ['level', 'level'], boundClass: [2, 2], top: { stoppedAt: 2, level: 2 } },
    },
    {
      name: 'a step larger than the last one needs',
      rule: 'surplus',
      stated: { capacity: 9, surplus: 'equal', domains: [{ id: 'a', requests: [1], limit: 3 }] },
      wrong: { entitlement: [3], bound: ['surplus'], boundClass: [1], top: { surplusStep: 4 } },
    },
  ]
}

function wrongOnes(): { rule: string; stated: ProblemText; wrong: number[] }[] {
  const [a, b] = [
    { id: 'a', requests: [2], reservation: 1, limit: 4 },
    { id: 'b', requests: [6] },
  ]
  const flat: ProblemText = { capacity: 6, domains: [a, b] }
  const nested: ProblemText = { capacity: 6, domains: [{ id: 'team', domains: [a] }, b] }
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

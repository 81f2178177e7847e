import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SmallestChange } from '#core/arbitrate/problem.ts'
import { smallestChanges } from '#core/smallest-change.ts'
import { checkSmallestChange } from './check-smallest-change.ts'
import { problemOf, randomFrom, randomProblem } from './problems.fixture.ts'

const even = problemOf({
  capacity: 10,
  domains: [
    { id: 'a', requests: [6] },
    { id: 'b', requests: [6] },
  ],
})
const later = problemOf({
  capacity: 10,
  domains: [
    { id: 'a', requests: [0, 6] },
    { id: 'b', requests: [4, 9] },
  ],
})
/** Starts that do not quite fit: what a misses is next to nothing, but more than doubles are off by. */
const nearlyFits = problemOf({
  capacity: 1000,
  domains: [
    { id: 'a', reservation: 500 },
    { id: 'b', reservation: 500.0000005 },
  ],
})
const smallInside = problemOf({
  capacity: 950,
  domains: [
    { id: 'parent', domains: [{ id: 'a', reservation: 0.01 }] },
    { id: 'b', reservation: 1060 },
  ],
})
const limited = problemOf({ capacity: 10, domains: [{ id: 'a', requests: [6], limit: 2 }] })

const cases: { name: string; problem: typeof even; change: SmallestChange; rules: string[] }[] = [
  { name: 'capacity', problem: even, change: { change: 'capacity', from: 10, to: 12 }, rules: [] },
  { name: 'capacity, too little', problem: even, change: { change: 'capacity', from: 10, to: 11 }, rules: ['met'] },
  { name: 'capacity, too much', problem: even, change: { change: 'capacity', from: 10, to: 13 }, rules: ['smallest'] },
  { name: 'capacity, not as it is', problem: even, change: { change: 'capacity', from: 9, to: 12 }, rules: ['from'] },
  { name: 'less capacity', problem: even, change: { change: 'capacity', from: 10, to: 8 }, rules: ['direction'] },
  { name: 'limit', problem: limited, change: { change: 'limit', from: 2, to: 6 }, rules: [] },
  { name: 'limit, too much', problem: limited, change: { change: 'limit', from: 2, to: 7 }, rules: ['smallest'] },
  { name: 'weight', problem: even, change: { change: 'weight', from: 1, to: 1.5 }, rules: [] },
  { name: 'weight, too little', problem: even, change: { change: 'weight', from: 1, to: 1.49 }, rules: ['met'] },
  { name: 'weight, too much', problem: even, change: { change: 'weight', from: 1, to: 1.51 }, rules: ['smallest'] },
  { name: 'request', problem: even, change: { change: 'request', of: 'b', from: 6, to: 4 }, rules: [] },
  {
    name: 'request, too little',
    problem: even,
    change: { change: 'request', of: 'b', from: 6, to: 5 },
    rules: ['met'],
  },
  { name: 'its own', problem: even, change: { change: 'request', of: 'a', from: 6, to: 4 }, rules: ['from'] },
  { name: 'nobody', problem: even, change: { change: 'request', of: 'x', from: 6, to: 4 }, rules: ['from'] },
  { name: 'priority', problem: later, change: { change: 'priority', from: 2, to: 1 }, rules: [] },
  { name: 'priority 0', problem: later, change: { change: 'priority', from: 2, to: 0 }, rules: ['direction'] },
]

describe('checkSmallestChange', () => {
  for (const { name, problem, change, rules } of cases) {
    test(`${name}: ${rules.length === 0 ? 'accepted' : rules}`, () => {
      const found = checkSmallestChange(problem, 1, { row: 0, priority: problem.classes }, change)
      assert.deepEqual(
        found.map(({ rule }) => rule),
        rules,
      )
    })
  }

  test('a share of next to nothing is missed where it is, also inside a parent that has no more', () => {
    const capacity = (problem: typeof even, row: number) =>
      smallestChanges(problem, row, problem.classes, 10).filter(({ change }) => change === 'capacity')
    assert.deepEqual(capacity(nearlyFits, 0), [{ change: 'capacity', from: 1000, to: 1010 }])
    assert.deepEqual(capacity(smallInside, 1), [{ change: 'capacity', from: 950, to: 1070 }])
    for (const [problem, row] of [
      [nearlyFits, 0],
      [smallInside, 1],
    ] as const) {
      const missed = { row, priority: problem.classes }
      for (const claim of capacity(problem, row)) assert.deepEqual(checkSmallestChange(problem, 10, missed, claim), [])
    }
  })

  test('accepts what is found for 200 random misses, and nothing that takes two grains more', () => {
    const random = randomFrom(6)
    let claims = 0
    for (let i = 0; i < 200; i++) {
      const problem = problemOf(randomProblem(random))
      const missed = { row: Math.floor(random() * problem.count), priority: problem.classes }
      for (const claim of smallestChanges(problem, missed.row, missed.priority, 0.1)) {
        claims++
        assert.deepEqual(checkSmallestChange(problem, 0.1, missed, claim), [], JSON.stringify(claim))
        if (claim.change !== 'capacity' && claim.change !== 'limit') continue
        const more = checkSmallestChange(problem, 0.1, missed, { ...claim, to: claim.to + 0.2 })
        assert.deepEqual(
          more.map(({ rule }) => rule),
          ['smallest'],
        )
      }
    }
    assert.ok(claims > 50, `only ${claims} claims`)
  })
})

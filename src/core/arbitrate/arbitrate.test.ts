import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ProblemText, problemOf } from '#test/arbiter/problems.ts'
import { arbitrate } from './arbitrate.ts'
import { because } from './because.ts'
import { waterLevel } from './level.ts'

interface Row {
  readonly name: string
  readonly problem: ProblemText
  readonly entitlements: readonly number[]
  readonly bounds: readonly string[]
}

const leaves = (...requests: readonly number[][]) => requests.map((row, i) => ({ id: `d${i}`, requests: row }))

const TABLE: readonly Row[] = [
  {
    name: 'max-min: one level for who is not full',
    problem: { capacity: 10, domains: leaves([2], [6], [6]) },
    entitlements: [2, 4, 4],
    bounds: ['request', 'level', 'level'],
  },
  {
    name: 'who asks for a last digit more than its limit is stopped by the limit',
    problem: { capacity: 10, domains: [{ id: 'e', requests: [6 + 1e-14], limit: 6 }, ...leaves([2])] },
    entitlements: [6, 2],
    bounds: ['limit', 'request'],
  },
  {
    name: 'a higher class is never taken back',
    problem: { capacity: 10, domains: leaves([8, 9], [0, 9]) },
    entitlements: [8, 2],
    bounds: ['request', 'level'],
  },
  {
    name: 'satisfy-most: the smallest gaps whole, ties by input order, the rest by level',
    problem: { capacity: 8, fairness: 'satisfy-most', domains: leaves([3], [1], [3], [3]) },
    entitlements: [3, 1, 3, 1],
    bounds: ['request', 'request', 'request', 'level'],
  },
  {
    name: 'satisfy-most: gaps that differ in their last digit only are a tie',
    problem: {
      capacity: 4,
      minimum: 0,
      fairness: 'satisfy-most',
      domains: [...leaves([1.8]), { id: 'e', requests: [2.8], reservation: 1 }],
    },
    entitlements: [1.8, 2.2],
    bounds: ['request', 'level'],
  },
  {
    name: 'proportional: the same fraction of every gap',
    problem: { capacity: 6, fairness: 'proportional', minimum: 1, domains: leaves([3], [7]) },
    entitlements: [2, 4],
    bounds: ['fraction', 'fraction'],
  },
  {
    name: 'an owner gets its own back before class 1, no more than it asks for where it lends',
    problem: {
      capacity: 10,
      domains: [
        { id: 'lends', requests: [0, 3], own: 5 },
        { id: 'keeps', requests: [0], own: 4, lend: false },
        { id: 'asks', requests: [9] },
      ],
    },
    entitlements: [3, 4, 3],
    bounds: ['own', 'own', 'level'],
  },
  {
    name: 'who does not borrow asks for its own at most',
    problem: { capacity: 10, surplus: 'hold', domains: [{ id: 'a', requests: [9], own: 4, borrow: false }] },
    entitlements: [4],
    bounds: ['own'],
  },
  {
    name: 'class 0 that does not fit is shared and all stops',
    problem: {
      capacity: 6,
      domains: [
        { id: 'a', own: 4, lend: false },
        { id: 'b', own: 4, lend: false },
        { id: 'c', requests: [1] },
      ],
    },
    entitlements: [3, 3, 0],
    bounds: ['level', 'level', 'start'],
  },
  {
    name: 'spread: by weight up to the limits',
    problem: {
      capacity: 10,
      surplus: 'spread',
      domains: [
        { id: 'a', requests: [1] },
        { id: 'b', requests: [1], weight: 2, limit: 3 },
      ],
    },
    entitlements: [7, 3],
    bounds: ['surplus', 'surplus'],
  },
  {
    name: 'equal: the same for everyone',
    problem: { capacity: 10, surplus: 'equal', domains: leaves([1], [3]) },
    entitlements: [4, 6],
    bounds: ['surplus', 'surplus'],
  },
  {
    name: 'default: in order, up to the limits',
    problem: {
      capacity: 10,
      surplus: { default: ['b', 'a'] },
      domains: [
        { id: 'a', requests: [1] },
        { id: 'b', requests: [1], limit: 4 },
      ],
    },
    entitlements: [6, 4],
    bounds: ['surplus', 'surplus'],
  },
  {
    name: 'a limit stops whoever asks for more',
    problem: { capacity: 10, domains: [{ id: 'a', requests: [9], limit: 4 }] },
    entitlements: [4],
    bounds: ['limit'],
  },
  {
    name: 'one parent with three children competes as one domain',
    problem: {
      capacity: 8,
      domains: [
        { id: 'team', weight: 1, domains: leaves([4], [4], [4]) },
        { id: 'alone', requests: [6] },
      ],
    },
    entitlements: [4, 4 / 3, 4 / 3, 4 / 3, 4],
    bounds: ['level', 'level', 'level', 'level', 'level'],
  },
  {
    name: "a parent's reservation is used inside it by all classes",
    problem: {
      capacity: 8,
      domains: [
        { id: 'team', reservation: 5, domains: leaves([1, 9]) },
        { id: 'alone', requests: [6] },
      ],
    },
    entitlements: [5, 5, 3],
    bounds: ['start', 'level', 'level'],
  },
]

test('each rule, with the bound that it names', () => {
  for (const { name, problem: text, entitlements, bounds } of TABLE) {
    const problem = problemOf(text)
    const arbitration = arbitrate(problem)
    for (const [row, expected] of entitlements.entries()) {
      assert.ok(Math.abs(arbitration.entitlement[row]! - expected) < 1e-9, `${name}: ${arbitration.entitlement}`)
    }
    assert.deepEqual(
      problem.ids.map((_, row) => because(problem, arbitration, row).bound),
      bounds,
      name,
    )
  }
})

test('the smallest of all levels that do', () => {
  const problem = problemOf({ capacity: 7, domains: leaves([1, 3], [4, 5]) })
  assert.equal(arbitrate(problem).groups[0]!.level, 3)
  // Here the search steps over the corner at 3 and ends on the flat beyond it.
  const flat = problemOf({ capacity: 106, domains: leaves([0, 3], [2, 3], [100, 200]) })
  assert.equal(arbitrate(flat).groups[0]!.level, 3)
})

test('lost capacity shrinks the starts in proportion', () => {
  const problem = {
    ...problemOf({
      capacity: 8,
      domains: [
        { id: 'a', reservation: 2 },
        { id: 'b', reservation: 6 },
      ],
    }),
    capacity: 4,
  }
  const arbitration = arbitrate(problem)
  assert.deepEqual([...arbitration.entitlement], [1, 3])
  assert.deepEqual(because(problem, arbitration, 1), { bound: 'shrunk', start: 6, fraction: 0.5 })
})

test('no domains, no classes, no capacity', () => {
  const problem = problemOf({ capacity: 0, domains: [{ id: 'a' }] })
  assert.deepEqual([...arbitrate(problem).entitlement], [0])
  const nobody = { ...problem, count: 0, ids: [], parent: new Int32Array(0), weight: new Float64Array(0) }
  assert.equal(arbitrate(nobody).entitlement.length, 0)
})

test('the level of many rows, whatever their spacing and order', () => {
  const count = 3000
  const spacings: readonly ((j: number) => number)[] = [
    (j) => 1 + j,
    (j) => count - j,
    (j) => 2 ** (j / 5 - 300),
    (j) => (j % 16 === 0 ? 1e-6 : 1e6 + j),
    () => 1,
    (j) => 1 + 2 ** -(j % 50),
  ]
  for (const [which, spacing] of spacings.entries()) {
    const floor = Float64Array.from({ length: count }, (_, j) => (j % 3 === 0 ? spacing(j) / 2 : 0))
    const ceiling = Float64Array.from({ length: count }, (_, j) => spacing(j))
    const weight = Float64Array.from({ length: count }, (_, j) => 1 + (j % 7))
    const room = ceiling.reduce((sum, top, j) => sum + top - floor[j]!, 0)
    for (const part of [1e-6, 0.1, 0.5, 0.99]) {
      const risers = { floor, floorAt: 0, ceiling, ceilingAt: 0, weight, weightAt: 0, count }
      const scratch = { floor: floor.slice(), ceiling: floor.slice(), weight: floor.slice() }
      const level = waterLevel(risers, room * part, scratch)
      const used = ceiling.reduce(
        (sum, top, j) => sum + Math.max(floor[j]!, Math.min(top, weight[j]! * level)) - floor[j]!,
        0,
      )
      assert.ok(
        Math.abs(used - room * part) <= 1e-9 * room * part,
        `spacing ${which}, ${part}: ${used} of ${room * part}`,
      )
    }
  }
})

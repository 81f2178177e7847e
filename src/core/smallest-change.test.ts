import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problemOf } from '#test/arbiter/problems.ts'
import { arbitrate } from './arbitrate/arbitrate.ts'
import type { Problem, SmallestChange } from './arbitrate/problem.ts'
import { smallestChanges } from './smallest-change.ts'

const changesOf = (problem: Problem, row: number, priority: number, grain: number) =>
  Object.fromEntries(smallestChanges(problem, row, priority, grain).map((change) => [change.change, change]))

test('two that want 6 of 10: capacity, weight or the other one', () => {
  const problem = problemOf({
    capacity: 10,
    domains: [
      { id: 'a', requests: [6] },
      { id: 'b', requests: [6] },
    ],
  })
  const { capacity, weight, request, limit, priority } = changesOf(problem, 0, 1, 1)
  assert.deepEqual(capacity, { change: 'capacity', from: 10, to: 12 })
  assert.deepEqual(request, { change: 'request', of: 'b', from: 6, to: 4 })
  assert.deepEqual(weight, { change: 'weight', from: 1, to: 1.5 })
  assert.equal(limit, undefined)
  assert.equal(priority, undefined)
})

test('its own limit, where nothing else is short', () => {
  const problem = problemOf({
    capacity: 10,
    domains: [
      { id: 'a', requests: [6], limit: 4 },
      { id: 'b', requests: [2] },
    ],
  })
  assert.deepEqual(smallestChanges(problem, 0, 1, 0.5), [{ change: 'limit', from: 4, to: 6 }])
})

test('an earlier priority, the latest that helps', () => {
  const problem = problemOf({
    capacity: 10,
    domains: [
      { id: 'a', requests: [0, 0, 0, 6] },
      { id: 'b', requests: [2, 4, 9, 9] },
    ],
  })
  assert.deepEqual(changesOf(problem, 0, 4, 1).priority, { change: 'priority', from: 4, to: 2 })
})

test('nothing is missed, nothing would change it', () => {
  const problem = problemOf({ capacity: 10, domains: [{ id: 'a', requests: [6] }] })
  assert.deepEqual(smallestChanges(problem, 0, 1, 1), [])
})

test('every change found is met as stated and missed with one grain less', () => {
  const grain = 0.25
  const problem = problemOf({
    capacity: 20,
    minimum: 0.5,
    fairness: 'max-min',
    domains: [
      {
        id: 'shop',
        limit: 12,
        domains: [
          { id: 'web', requests: [4, 6, 9] },
          { id: 'db', requests: [3, 5, 6] },
        ],
      },
      { id: 'batch', requests: [1, 8, 14], weight: 3 },
      { id: 'mail', requests: [0, 2, 4] },
    ],
  })
  const row = problem.ids.indexOf('web')
  for (const [priority, need] of [
    [2, 6],
    [3, 9],
  ] as const) {
    const changes = smallestChanges(problem, row, priority, grain)
    assert.notEqual(changes.length, 0)
    for (const change of changes) {
      assert.ok(entitledTo(problem, row, change, 0) >= need - 1e-9, `${JSON.stringify(change)} meets ${need}`)
      assert.ok(
        entitledTo(problem, row, change, 1) < need - 1e-9,
        `one grain less than ${JSON.stringify(change)} misses`,
      )
    }
  }

  function entitledTo(problem: Problem, row: number, change: SmallestChange, less: number): number {
    return arbitrate(changed(problem, row, change, less)).entitlement[row]!
  }

  function changed(problem: Problem, row: number, change: SmallestChange, less: number): Problem {
    switch (change.change) {
      case 'capacity':
        return { ...problem, capacity: change.to - less * grain }
      case 'limit':
        return { ...problem, limit: problem.limit.with(row, change.to - less * grain) }
      case 'weight':
        return { ...problem, weight: problem.weight.with(row, change.to - less * 0.01) }
      case 'priority': {
        const asked = Math.max(
          ...[1, 2, 3].map((k) => problem.requests[(k - 1) * problem.count + row]!).slice(0, change.from),
        )
        return withRequests(problem, row, (k, request) => (k >= change.to + less ? Math.max(request, asked) : request))
      }
      case 'request':
        return withRequests(problem, problem.ids.indexOf(change.of), (_, request) =>
          Math.min(request, change.to + less * grain),
        )
    }
  }

  function withRequests(problem: Problem, row: number, next: (k: number, request: number) => number): Problem {
    const requests = problem.requests.slice()
    for (let k = 1; k <= problem.classes; k++) {
      const at = (k - 1) * problem.count + row
      requests[at] = next(k, requests[at]!)
    }
    return { ...problem, requests }
  }
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Window } from '#demo/workloads/link.ts'
import type { Act } from './acts.ts'
import { figuresOf, type Played } from './measure.ts'

const BEGAN_MS = 1_000_000

const ACT: Act = {
  name: 'test',
  seconds: 16,
  demands: () => ({}),
  terms: [
    {
      second: 0,
      terms: { goals: [{ service: 'shop', kind: 'rate', target: 50, priority: 1 }], capped: [], fileBytes: null },
    },
    {
      second: 8,
      terms: { goals: [{ service: 'shop', kind: 'rate', target: 50, priority: 2 }], capped: [], fileBytes: null },
    },
  ],
  steps: [{ second: 8, service: 'shop' }],
  fitting: [1],
}

/** One window a second, by whether the goal held in it. */
function played(held: string, changes: Played['changes'] = []): Played {
  const shop = [...held].map(
    (one, second): Window => ({
      startMs: BEGAN_MS + second * 1000,
      offered: 60,
      answered: 60,
      throughput: one === '#' ? 50 : 49,
      p95Ms: 1,
    }),
  )
  return {
    contender: 'nobody',
    family: 'II',
    acts: [{ act: ACT, beganMs: BEGAN_MS }],
    windows: { shop, api: [], search: [], store: [] },
    changes,
    seconds: 16,
    work: 0,
    ownCpuSeconds: 0,
    stolenCpuSeconds: 0,
    generatorWaits: { waitedMs: 0, times: 1 },
  }
}

const figures = (held: string, changes?: Played['changes']) => {
  const [only] = figuresOf(played(held, changes))
  assert.ok(only)
  return only
}

describe('measure', () => {
  it('counts from the fourth second, and by the priority that the goal had then', () => {
    const { held } = figures('....#.##' + '....####')
    assert.deepEqual(
      held.map(({ priority, fits, held: met, counted, heldAll, countedAll }) => [
        priority,
        fits,
        met,
        counted,
        heldAll,
        countedAll,
      ]),
      [
        [1, true, 3, 5, 3, 5],
        [2, false, 4, 5, 4, 8],
      ],
    )
  })
  it('a window that is missing is one in which the goal did not hold', () => {
    const { held } = figures('########')
    assert.deepEqual(held[1], {
      service: 'shop',
      priority: 2,
      fits: false,
      held: 0,
      counted: 5,
      heldAll: 0,
      countedAll: 8,
    })
  })
  it('a reaction ends with the first of two windows in a row', () => {
    assert.deepEqual(figures('########' + '..#.##..').reactions, [{ service: 'shop', seconds: 4 }])
    assert.deepEqual(figures('########' + '########').reactions, [{ service: 'shop', seconds: 0 }])
    assert.deepEqual(figures('########' + '#.#.#.#.').reactions, [{ service: 'shop', seconds: null }])
  })
  it('counts changes of the domain that had the most, after the change-over', () => {
    const at = (second: number, domain: string) => ({ atMs: BEGAN_MS + second * 1000, domain })
    const changes = [at(1, 'shop'), at(4, 'shop'), at(5, 'shop'), at(4, 'api'), at(17, 'shop')]
    assert.equal(figures('', changes).changesPerMinute, (2 * 60) / 13)
  })
})

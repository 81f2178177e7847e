import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GoalMemory } from '#core/model/knowledge.ts'
import { allocated, domain, goal, metric, policy, World } from '#core/world.fixture.ts'
import { metricSight, readingMemory } from './reading.ts'

/** A turn each second, or as often as said, of a domain that uses so much in each, with a reading of 7 when one is due. */
function turns(uses: readonly (number | undefined)[], readAt: (second: number) => number, every = 1) {
  let memory: GoalMemory = {}
  return uses.map((use, turn) => {
    const second = turn * every
    const takenAtMs = readAt(second) * 1000
    const reading = { metric: 'm', domain: null, takenAtMs, value: 7 }
    const sight = metricSight({ policy: metric('m'), reading }, memory, use, second * 1000)
    const isNew = sight.kind === 'fresh' && !sight.isRepeated && use !== undefined
    // As of an estimator that keeps what it is given.
    memory = { ...memory, ...readingMemory(memory, sight, isNew ? takenAtMs : null, use, second * 1000) }
    if (sight.kind !== 'fresh') return sight.kind
    return sight.isRepeated ? 'repeated' : (sight.use ?? 'new')
  })
}

describe('a reading', () => {
  it('is new every turn where it comes every turn, beside what was used in that turn', () => {
    assert.deepEqual(
      turns([100, 200, 300], (second) => second),
      ['new', 200, 300],
    )
  })

  it('that is told late stands beside what was used until it was taken', () => {
    assert.deepEqual(
      turns([300, 300, 100, 500, 500], (second) => second - 0.25),
      ['new', 300, 150, 400, 500],
    )
    // Told in the turn after the one in which it was taken: of the turns before it counts the mean.
    assert.deepEqual(
      turns([300, 300, 300, 100, 100], (second) => second - 1.25),
      ['new', 300, 300, 300, 140],
    )
  })

  it('that comes more often than once a second stands beside what was used in about a second', () => {
    assert.deepEqual(
      turns([400, 400, 800, 800], (second) => second, 0.25),
      ['new', 400, 500, 575],
    )
    // Each of the readings tells of a second here, however short turns are.
    assert.deepEqual(turns([400, 400, 400, 400, 400, 800, 800, 800, 800], Math.floor, 0.25), [
      'new',
      ...Array(3).fill('repeated'),
      400,
      ...Array(3).fill('repeated'),
      800,
    ])
  })

  it('that comes less often is new once, beside what was used since the one before', () => {
    const every3 = (second: number) => second - (second % 3)
    assert.deepEqual(turns([100, 300, 400, 500, 10, 20, 60], every3), [
      'new',
      'repeated',
      'repeated',
      400,
      'repeated',
      'repeated',
      30,
    ])
  })

  it('by which nothing can be measured yet is new in the turn after', () => {
    assert.deepEqual(
      turns([undefined, 200, 300], () => 0),
      ['new', 'new', 'repeated'],
    )
  })

  it('that comes again says nothing of the time in which none counted', () => {
    const uses = Array<number>(21).fill(100)
    const told = turns(uses, (second) => (second < 20 ? 0 : 20))
    assert.deepEqual(told.slice(4, 8), ['repeated', 'repeated', 'held', 'held'])
    assert.deepEqual(told.slice(-3), ['lost', 'lost', 'new'])
  })

  it('gives a goal reason for one step, however many turns it counts for', () => {
    const p95 = { kind: 'performance', metric: 'p95', direction: 'below', target: 200 } as const
    const its = policy([domain('a'), domain('b')], [goal('a', 1, p95)])
    const slow = { ...metric('p95'), intervalMs: 15_000, staleMs: 75_000 }
    const world = new World({ ...its, metrics: [slow] }, { a: { use: 200, waitMs: 30 }, b: { use: 1500 } })
    world.readings = { p95: 150 }
    world.run(15)
    const before = allocated(world.step(), 'a')
    const after = Array.from({ length: 15 }, (_, second) => {
      world.readings = { p95: 240 }
      world.ages = { p95: second * 1000 }
      const now = allocated(world.step(), 'a')
      world.tenants['a'] = { use: 0.9 * now, waitMs: 0.1 * now }
      return now
    })
    const most = Math.max(...after)
    assert.ok(most <= before * 1.3, `${before} became ${most}`)
  })
})

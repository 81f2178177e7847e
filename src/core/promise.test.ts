import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision, GoalDecision } from './model/decision.ts'
import { CPU } from './model/resource.ts'
import { domain, goal, policy, World } from './world.fixture.ts'

const aim = { kind: 'performance', metric: 'p95', direction: 'below', target: 200 } as const

/** A shop that is measured at `p95` once it has what it asked for, beside a batch job. */
const STEPS = { without: ['model'] } as const
function world(its = policy([domain('shop'), domain('batch')], [goal('shop', 1, aim)], STEPS)): World {
  const world = new World(its, { shop: { use: 400 }, batch: { use: 1200 } })
  world.readings['p95'] = 150
  world.run(60)
  return world
}

const of = ({ goals }: Decision) => goals[0] as GoalDecision

/** Steps until something is promised to the first goal, at most so long, and returns the turn. */
function promisedIn(world: World, seconds = 20): GoalDecision {
  for (let second = 0; second < seconds; second++) {
    const its = of(world.step())
    if (its.promised !== null) return its
  }
  throw new Error('nothing was promised')
}

function gradedIn(world: World, seconds: number): NonNullable<GoalDecision['graded']> | null {
  for (let second = 0; second < seconds; second++) {
    const { graded } = of(world.step())
    if (graded !== null) return graded
  }
  return null
}

describe('promise', () => {
  it('is made with a change of allocation for the goal, and never without one', () => {
    const its = world()
    its.readings['p95'] = 150
    for (const { promised } of Array.from({ length: 20 }, () => of(its.step()))) assert.equal(promised, null)
    its.tenants['shop'] = { use: 900 }
    its.readings['p95'] = 260
    assert.deepEqual(promisedIn(its).promised, { by: 'feedback', predicted: 200 })
  })

  it('is made to those whose allocation is changed, and to no others', () => {
    const both = policy(
      [domain('shop'), domain('batch'), domain('api')],
      [goal('shop', 1, aim), goal('api', 1, { kind: 'utilization', resource: CPU, target: 0.5 })],
    )
    const its = new World(both, { shop: { use: 400 }, batch: { use: 800 }, api: { use: 100 } })
    its.readings['p95'] = 150
    its.run(60)
    its.tenants['api'] = { use: 200 }
    const made = Array.from({ length: 5 }, () => its.step().goals.map(({ promised }) => promised?.by ?? null))
    assert.ok(
      made.every(([shop]) => shop === null),
      JSON.stringify(made),
    )
    assert.ok(made.some(([, api]) => api === 'utilization'))
  })

  it('is graded by the mean of what came from 10 s on, 30 s after it was made, as kept within a tenth', () => {
    for (const [came, isKept] of [
      [100, true],
      [215, true],
      [230, false],
    ] as const) {
      const its = world()
      its.tenants['shop'] = { use: 900 }
      its.readings['p95'] = 260
      promisedIn(its)
      const madeIn = its.knowledge.turn
      // Nothing of the first 10 s counts.
      its.readings['p95'] = 190
      its.run(9)
      its.readings['p95'] = came
      const graded = gradedIn(its, 22)
      assert.ok(graded !== null)
      assert.deepEqual([graded.came, graded.isKept, graded.turn >= madeIn], [came, isKept, true])
      assert.ok(Math.abs(graded.off - Math.max(0, (came - 200) / 200)) < 1e-9)
      if (came === 100) assert.equal(its.knowledge.turn - graded.turn, 30)
    }
  })

  it('counts what was kept, and in the mean how much worse came', () => {
    const its = world()
    const before = of(its.step()).record ?? { made: 0, kept: 0 }
    let { made, kept } = before
    for (let round = 0; round < 6; round++) {
      its.tenants['shop'] = { use: round % 2 === 0 ? 900 : 300 }
      its.readings['p95'] = round % 3 === 0 ? 400 : 100
      for (let second = 0; second < 50; second++) {
        const { graded, record } = of(its.step())
        if (graded !== null) {
          made++
          if (graded.isKept) kept++
        }
        if (record !== null) assert.deepEqual([record.made, record.kept], [made, kept])
      }
    }
    assert.ok(made > kept && kept > 0, `${kept} of ${made}`)
  })

  it('is not made where less is granted than asked for, nor while paused', () => {
    const rich = policy(
      [domain('shop'), domain('batch')],
      [goal('batch', 1, { kind: 'fixed', amounts: { [CPU]: 1700 } }), goal('shop', 2, aim)],
    )
    const short = new World(rich, { shop: { use: 250 }, batch: { use: 1700 } })
    short.readings['p95'] = 900
    for (let second = 0; second < 60; second++) assert.equal(short.step().goals[1]?.promised, null)
    const paused = world()
    paused.paused = true
    paused.tenants['shop'] = { use: 900 }
    paused.readings['p95'] = 260
    for (let second = 0; second < 20; second++) assert.equal(of(paused.step()).promised, null)
  })

  it('takes the prediction of an estimator that has one, and for more of what is better, less is worse', () => {
    const its = new World(
      policy([domain('shop'), domain('batch')], [goal('shop', 1, { kind: 'throughput', metric: 'rate', target: 100 })]),
      { shop: { use: 200 }, batch: { use: 1200 } },
    )
    its.readings['rate'] = 80
    assert.deepEqual(promisedIn(its).promised, { by: 'work-cost', predicted: 100 })
    its.readings['rate'] = 50
    its.tenants['shop'] = { use: 125 }
    const graded = gradedIn(its, 40)
    assert.deepEqual([graded?.isKept, graded?.off], [false, 0.5])
  })
})

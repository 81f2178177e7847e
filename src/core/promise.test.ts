import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision, GoalDecision } from './model/decision.ts'
import { CPU } from './model/resource.ts'
import { domain, goal, policy, World } from './world.fixture.ts'

const aim = { kind: 'throughput', metric: 'rate', target: 100 } as const

/** So many units a second at so many millicores for each: what one costs, and nothing else, tells what is needed. */
function work(world: World, rate: number, cost: number): void {
  world.readings['rate'] = rate
  world.tenants['shop'] = { use: rate * cost }
}

/** A shop that does its 100 units a second, beside a batch job. */
function world(its = policy([domain('shop'), domain('batch')], [goal('shop', 1, aim)])): World {
  const world = new World(its, { shop: { use: 400 }, batch: { use: 1200 } })
  work(world, 100, 4)
  world.run(60)
  return world
}

const of = ({ goals }: Decision) => goals[0] as GoalDecision

/** Steps until something is promised to the first goal, and returns what. */
function promisedIn(world: World): GoalDecision['promised'] {
  for (let second = 0; second < 20; second++) {
    const { promised } = of(world.step())
    if (promised !== null) return promised
  }
  throw new Error('nothing was promised')
}

function gradedIn(world: World, seconds: number): GoalDecision['graded'] {
  for (let second = 0; second < seconds; second++) {
    const { graded } = of(world.step())
    if (graded !== null) return graded
  }
  return null
}

describe('promise', () => {
  it('is made with a change of allocation for the goal, and never without one', () => {
    const its = world()
    for (const { promised } of Array.from({ length: 20 }, () => of(its.step()))) assert.equal(promised, null)
    work(its, 100, 6)
    assert.deepEqual(promisedIn(its), { by: 'work-cost', predicted: 100 })
  })

  it('is not made to a goal that may ask for less than it needs', () => {
    const wish = goal('shop', 1, aim, { upTo: { [CPU]: 500 } })
    const its = world(policy([domain('shop'), domain('batch')], [wish]))
    work(its, 50, 10)
    const decisions = Array.from({ length: 20 }, () => of(its.step()))
    assert.ok(decisions.some(({ cut }) => (cut[CPU] ?? 0) > 500))
    for (const { promised } of decisions.filter(({ cut }) => CPU in cut)) assert.equal(promised, null)
  })

  it('is made to those whose allocation is changed, and to no others', () => {
    const both = policy(
      [domain('shop'), domain('batch'), domain('api')],
      [goal('shop', 1, aim), goal('api', 1, { kind: 'utilization', resource: CPU, target: 0.5 })],
    )
    const its = new World(both, { shop: { use: 400 }, batch: { use: 800 }, api: { use: 100 } })
    work(its, 100, 4)
    its.run(60)
    its.tenants['api'] = { use: 200 }
    const made = Array.from({ length: 5 }, () => its.step().goals.map(({ promised }) => promised?.by ?? null))
    assert.ok(
      made.every(([shop]) => shop === null),
      JSON.stringify(made),
    )
    assert.ok(made.some(([, api]) => api === 'utilization'))
  })

  for (const [came, isKept] of [
    [120, true],
    [93, true],
    [85, false],
  ] as const) {
    it(`is graded by the mean of what came 10 to 30 s after it was made: ${came} of 100 is ${isKept ? '' : 'not '}kept`, () => {
      const its = world()
      work(its, 100, 6)
      promisedIn(its)
      const madeIn = its.knowledge.turn
      // Nothing of the first 10 s counts.
      work(its, 50, 6)
      its.run(9)
      work(its, came, 6)
      const graded = gradedIn(its, 25)
      assert.ok(graded !== null)
      assert.deepEqual([graded.came, graded.isKept, its.knowledge.turn - graded.turn], [came, isKept, 30])
      assert.ok(graded.turn >= madeIn)
      assert.ok(Math.abs(graded.off - Math.max(0, (100 - came) / 100)) < 1e-9)
    })
  }

  it('is over with the next change, also with one that promises nothing', () => {
    const both = policy(
      [domain('shop'), domain('batch')],
      [goal('batch', 1, { kind: 'fixed', amounts: { [CPU]: 100 } }), goal('shop', 2, aim)],
      { cooldownMs: 0 },
    )
    const its = new World(both, { shop: { use: 400 }, batch: { use: 100 } })
    work(its, 100, 6)
    const shop = () => its.step().goals[1]
    for (let second = 0; second < 100 && shop()?.promised == null; second++);
    const madeIn = its.knowledge.turn
    its.run(15)
    // Less than it needs is left, which nobody promises.
    const more = goal('batch', 1, { kind: 'fixed', amounts: { [CPU]: 1700 } })
    its.policy = { ...both, goals: [more, ...both.goals.slice(1)] }
    const { promised, graded } = shop() ?? {}
    assert.equal(promised, null)
    assert.deepEqual([graded?.turn, graded?.isKept], [madeIn, true])
  })

  it('counts what was kept, and in the mean how much worse came', () => {
    const its = world()
    let { made, kept, off } = of(its.step()).record ?? { made: 0, kept: 0, off: 0 }
    let sum = off * made
    for (let round = 0; round < 6; round++) {
      work(its, round % 3 === 0 ? 70 : 110, round % 2 === 0 ? 7 : 4)
      for (let second = 0; second < 50; second++) {
        const { graded, record } = of(its.step())
        if (graded !== null) {
          made++
          sum += graded.off
          if (graded.isKept) kept++
        }
        assert.deepEqual([record?.made, record?.kept], [made, kept])
        off = record?.off ?? 0
      }
    }
    assert.ok(made > kept && kept > 1, `${kept} of ${made}`)
    assert.ok(Math.abs(off - sum / made) < 1e-9)
  })

  it('is not made where less is granted than asked for, nor while paused', () => {
    const rich = policy(
      [domain('shop'), domain('batch')],
      [goal('batch', 1, { kind: 'fixed', amounts: { [CPU]: 1700 } }), goal('shop', 2, aim)],
    )
    const short = new World(rich, { shop: { use: 200 }, batch: { use: 1700 } })
    work(short, 50, 4)
    for (let second = 0; second < 60; second++) assert.equal(short.step().goals[1]?.promised, null)
    const paused = world()
    paused.paused = true
    work(paused, 100, 6)
    for (let second = 0; second < 20; second++) assert.equal(of(paused.step()).promised, null)
  })

  /** Of a metric that comes seldom: what was read so many seconds after the change. Each is told 2 s later. */
  const seldom: readonly [string, Readonly<Record<number, number>>, number, number][] = [
    ['by each reading once', { 1: 96, 10: 92, 19: 104, 28: 104 }, 30, 100],
    ['by none that was taken before the change had its effect', { 1: 96, 9: 96, 20: 104 }, 30, 104],
    ['by the first that comes, where none has when it is due', { 1: 96, 40: 92 }, 42, 92],
  ]
  for (const [title, readings, seconds, came] of seldom) {
    it(`is graded ${title}`, () => {
      const thresholds = { [CPU]: [{ difference: 0.3, samples: 1 }] }
      const both = policy([domain('shop'), domain('batch')], [goal('shop', 1, aim)], { thresholds })
      const its = world({ ...both, metrics: both.metrics.map((metric) => ({ ...metric, staleMs: 60_000 })) })
      work(its, 100, 6)
      promisedIn(its)
      const madeAt = its.seconds
      let graded: GoalDecision['graded'] = null
      for (let second = 1; second < 50 && graded === null; second++) {
        const takenAt = Object.keys(readings).findLast((at) => Number(at) <= second - 2) ?? '0'
        its.readings['rate'] = readings[Number(takenAt)] ?? 100
        its.ages['rate'] = (second - Number(takenAt)) * 1000
        graded = of(its.step()).graded
      }
      assert.deepEqual([its.seconds - madeAt, graded?.came], [seconds, came])
    })
  }

  it('is not made of what waits to be tried again', () => {
    const its = world()
    for (const name of ['shop', 'batch']) its.broken.add(`/${name} cpu.weight`)
    work(its, 100, 6)
    const decisions = Array.from({ length: 60 }, () => its.step())
    const idle = decisions.filter(({ plan }) => plan.length === 0)
    assert.ok(idle.length > 40 && idle.length < 60)
    for (const decision of idle) assert.equal(of(decision).promised, null)
  })

  it('takes the prediction of an estimator that has a model; of what should be little, more is worse', () => {
    const below = { kind: 'performance', metric: 'p95', direction: 'below', target: 200 } as const
    const its = new World(policy([domain('shop'), domain('batch')], [goal('shop', 1, below)]), {
      shop: { use: 400 },
      batch: { use: 1200 },
    })
    its.readings['p95'] = 150
    const seen = Array.from({ length: 90 }, () => of(its.step()))
    const modelled = seen.filter(({ promised }) => promised?.by === 'queue')
    assert.ok(modelled.length > 0)
    for (const { promised, because } of modelled) {
      assert.equal(promised?.predicted, because.kind === 'queue' ? because.predicted : null)
    }
    const grades = seen.flatMap(({ graded }) => (graded === null ? [] : [graded]))
    assert.ok(grades.length > 0)
    for (const { predicted, came, off } of grades) assert.equal(off, Math.max(0, came - predicted) / predicted)
  })
})

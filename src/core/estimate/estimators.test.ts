import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CPU } from '#core/model/resource.ts'
import type { MetricSight, Sight } from './estimator.ts'
import { capacityFound, performance } from './performance.ts'
import { throughput } from './throughput.ts'
import { utilization } from './utilization.ts'

const fresh = (value: number): MetricSight => ({ kind: 'fresh', value, ageMs: 100 })

function sight(its: { use: number; inForce?: number; heldBack?: number; metric?: MetricSight; nowMs?: number }): Sight {
  return {
    use: { [CPU]: its.use },
    smoothUse: { [CPU]: its.use },
    heldBack: { [CPU]: its.heldBack ?? 0 },
    workingSet: {},
    inForce: { [CPU]: its.inForce ?? its.use },
    capacity: { [CPU]: 4000 },
    metric: its.metric ?? { kind: 'lost', reason: 'no-reading' },
    without: [],
    nowMs: its.nowMs ?? 0,
  }
}

/** A reading of an earlier turn, which was learned from and acted upon in that. */
const repeated = (value: number): MetricSight => ({ kind: 'fresh', value, ageMs: 2000, isRepeated: true })

const near = (actual: number | undefined, expected: number, within = 1e-9) =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) <= within, `expected ${expected}, got ${actual}`)

describe('utilization', () => {
  const aim = { kind: 'utilization', resource: CPU, target: 0.75 } as const
  it('asks for use over target', () => near(utilization(aim, sight({ use: 600 }), {}).need[CPU], 800))
  it('asks for more where use is held back', () =>
    near(utilization(aim, sight({ use: 600, heldBack: 0.2 }), {}).need[CPU], 1000))
  it('never asks for more than there is', () => near(utilization(aim, sight({ use: 3900 }), {}).need[CPU], 4000))
  it('follows a rise at once, and a fall when it has lasted for a window of 30 s at least and two at most', () => {
    let memory: ReturnType<typeof utilization>['memory'] = {}
    const needs = [600, 630, 570, 900, ...Array<number>(75).fill(300)].map((use, second) => {
      const estimate = utilization(aim, sight({ use, nowMs: second * 1000 }), memory)
      memory = estimate.memory
      return estimate.need[CPU]
    })
    assert.deepEqual(needs.slice(0, 4), [800, 840, 840, 1200])
    assert.deepEqual(needs.slice(4, 60), Array(56).fill(1200))
    assert.deepEqual(needs.slice(60), Array(19).fill(400))
  })
  it('measures use against what is in force', () => {
    const { measured } = utilization(aim, sight({ use: 600, inForce: 600 }), {})
    near(measured?.value, 1)
    near(measured?.index, 1 / 0.75)
  })
})

describe('throughput', () => {
  const aim = { kind: 'throughput', metric: 'rate', target: 150 } as const
  it('asks for the cost of the target', () =>
    near(throughput(aim, sight({ use: 400, metric: fresh(100) }), {}).need[CPU], 690))
  it('asks for more where the scheduler delivers less than what is in force, and no more once it delivers', () => {
    let memory: ReturnType<typeof throughput>['memory'] = { proven: 1 }
    let need = 0
    let nowMs = 0
    const turn = (use: number, heldBack: number) => {
      const metric = fresh(use / 4)
      nowMs += 1000
      const estimate = throughput(aim, sight({ use, inForce: 500, heldBack, metric, nowMs }), memory)
      memory = estimate.memory
      need = estimate.need[CPU] ?? 0
    }
    for (let more = 0; more < 30; more++) turn(400, 0)
    near(need, 690)
    for (let more = 0; more < 30; more++) turn(400, 0.5)
    near(need, 690 / 0.8, 1e-3)
    for (let more = 0; more < 20; more++) turn(500, 0.5)
    near(need, 690, 1)
  })
  it('asks for no more because who does not want all that it has waits now and then', () => {
    let memory: ReturnType<typeof throughput>['memory'] = { proven: 1 }
    for (let second = 0; second < 30; second++) {
      const its = { use: 200, inForce: 690, heldBack: 0.06, metric: fresh(50), nowMs: second * 1000 }
      const estimate = throughput(aim, sight(its), memory)
      memory = estimate.memory
      near(estimate.need[CPU], 690)
    }
  })
  it('asks for the dearest of the last 30 to 60 s, as far as that may be noise and the cost has not plainly changed', () => {
    let memory: ReturnType<typeof throughput>['memory'] = {}
    const needs = (costs: readonly number[]) =>
      costs.map((cost) => {
        const nowMs = ((memory['second'] as number | undefined) ?? 0) * 1000
        const estimate = throughput(aim, sight({ use: 100 * cost, metric: fresh(100), nowMs }), memory)
        memory = { ...estimate.memory, second: nowMs / 1000 + 1 }
        return Math.round(estimate.need[CPU] ?? 0)
      })
    assert.deepEqual(needs([4, 4.6, 4, 4]), [690, 748, 725, 725])
    assert.deepEqual(needs([4, 4, 4.6, 4, 3.6, 4.1]), [725, 725, 730, 730, 730, 730])
    // A tenth cheaper is no plain change; a quarter more than it costs now is asked for at most.
    const cheaper = needs(Array<number>(20).fill(3.1)).at(-1) ?? 0
    near(cheaper, 3.1 * 150 * 1.15 * 1.25, 5)
    assert.ok((needs([1.5])[0] ?? 0) < 450)
  })
  it('counts for its goal what a unit costs now, and not what it is asked for', () => {
    let estimate = throughput(aim, sight({ use: 460, metric: fresh(100) }), {})
    for (let second = 1; second < 20; second++) {
      const seen = sight({ use: second < 5 ? 460 : 400, metric: fresh(100), nowMs: second * 1000 })
      estimate = throughput(aim, seen, estimate.memory)
    }
    near(estimate.need[CPU], 4.6 * 150 * 1.15, 1)
    near(estimate.least[CPU], 4 * 150, 2)
  })
  it('learns nothing of what a unit costs while next to none is done', () => {
    let { memory } = throughput(aim, sight({ use: 400, metric: fresh(100) }), {})
    for (let second = 1; second < 20; second++) {
      const starved = sight({ use: 4, inForce: 4, heldBack: 0.99, metric: fresh(0), nowMs: second * 1000 })
      memory = throughput(aim, starved, memory).memory
    }
    near((memory['use'] as number) / (memory['rate'] as number), 4, 0.4)
  })
  it('learns nothing from what was done before, where that is told once the domain stands still', () => {
    let estimate = throughput(aim, sight({ use: 400, metric: fresh(100) }), {})
    for (let second = 1; second <= 3; second++) {
      estimate = throughput(
        aim,
        sight({ use: 0, inForce: 690, metric: fresh(100), nowMs: second * 1000 }),
        estimate.memory,
      )
      near(estimate.need[CPU], 690)
    }
  })
  it('takes work that goes on while next to none is used for no plain change of its cost', () => {
    let { memory } = throughput(aim, sight({ use: 400, metric: fresh(100) }), {})
    for (let second = 1; second < 20; second++)
      memory = throughput(aim, sight({ use: 400, metric: fresh(100), nowMs: second * 1000 }), memory).memory
    const { need, memory: after } = throughput(aim, sight({ use: 80, metric: fresh(100), nowMs: 20_000 }), memory)
    assert.ok((after['calm'] as number) < 0.31)
    near(need[CPU], (400 - 0.3 * 320) * 1.5 * 1.15 * 1.25, 1)
  })
  describe('of few units a second, which come in clusters,', () => {
    const few = { kind: 'throughput', metric: 'rate', target: 10 } as const
    const CLUSTERS = [13, 15, 9, 8, 12, 15, 21, 19, 8, 12, 16, 20, 9, 13, 18]
    const after = (rates: readonly number[]) => {
      const told: (readonly [perUnit: number, need: number])[] = []
      let memory: ReturnType<typeof throughput>['memory'] = {}
      for (const [second, rate] of rates.entries()) {
        const estimate = throughput(few, sight({ use: 950, metric: fresh(rate), nowMs: second * 1000 }), memory)
        memory = estimate.memory
        if (estimate.because.kind === 'work-cost')
          told.push([estimate.because.perUnit, (estimate.need[CPU] ?? 0) / estimate.because.perUnit])
      }
      return told
    }
    it('takes a cluster for no change of cost', () => {
      for (const [perUnit] of after([...CLUSTERS, ...CLUSTERS]))
        assert.ok(perUnit > 950 / 14 / 1.3 && perUnit < (950 / 14) * 1.3, `${perUnit}`)
    })
    it('takes a second in which none came for chance', () => {
      const [perUnit] = after([2, 2, 3, 2, 1, 2, 0, 3, 2]).at(-1) ?? [0]
      assert.ok(perUnit < 950 * 0.8, `${perUnit}`)
    })
    it('takes four times the cost for one all the same', () => {
      const [perUnit] = after([...CLUSTERS, 3, 4, 3]).at(-1) ?? [0]
      assert.ok(perUnit > 950 / 4.5, `${perUnit}`)
    })
    it('asks for more than where they come evenly, as each second counts', () => {
      near(after(Array<number>(60).fill(14)).at(-1)?.[1], 10 * 1.15)
      const clusters = Array.from({ length: 75 }, (_, at) => CLUSTERS[at % 15] as number)
      // More than the dearest of late alone makes it.
      const times = after(clusters).map(([, its]) => its)
      assert.ok(Math.max(...times.slice(-15)) > 10 * 1.15 * 1.25 * 1.05, `${times}`)
    })
  })
  it('follows a change of cost within a few turns', () => {
    let memory = throughput(aim, sight({ use: 400, metric: fresh(100) }), {}).memory
    let need = 0
    for (let turn = 0; turn < 6; turn++) {
      const estimate = throughput(aim, sight({ use: 1600, inForce: 300, metric: fresh(100) }), memory)
      memory = estimate.memory
      need = estimate.need[CPU] ?? 0
    }
    near(need, 2760, 100)
  })
  it('learns from a reading once, by what was used since the one before it', () => {
    const { memory } = throughput(aim, sight({ use: 400, metric: fresh(100) }), {})
    const between = throughput(aim, sight({ use: 900, metric: repeated(100) }), memory)
    assert.deepEqual(between.memory, memory)
    near(between.need[CPU], 690)
    assert.equal(between.measured?.value, 100)
    const next = throughput(aim, sight({ use: 900, metric: { ...fresh(100), use: 400 } as MetricSight }), memory)
    near(next.need[CPU], 690)
    assert.equal(next.memory['variance'], 0)
  })
  it('goes by what is used where the policy silences it, and is learned all the same', () => {
    const silenced = { ...sight({ use: 400, metric: fresh(100) }), without: ['throughput' as const] }
    const { need, because, measured, memory } = throughput(aim, silenced, {})
    near(need[CPU], 500)
    assert.equal(because.kind === 'by-use' && because.reason, 'silenced')
    assert.equal(measured?.index, 1.5)
    // Half of the way from 4 to 4.4.
    near(throughput(aim, sight({ use: 440, metric: fresh(100) }), memory).need[CPU], 4.224 * 150 * 1.15)
  })
  it('holds a stale reading, then goes by what is used', () => {
    const { memory } = throughput(aim, sight({ use: 400, metric: fresh(100) }), {})
    const held = throughput(aim, sight({ use: 10, metric: { kind: 'held', value: 100, ageMs: 9000 } }), memory)
    near(held.need[CPU], 690)
    const lost = { use: 80, metric: { kind: 'lost', reason: 'stale' } } as const
    const first = throughput(aim, sight({ ...lost, nowMs: 60_000 }), memory)
    near(first.need[CPU], 100)
    near(throughput(aim, sight({ ...lost, heldBack: 0.5, nowMs: 61_000 }), first.memory).need[CPU], 125)
  })
  it('asks for what the target costs when little is done at night, whatever the domain uses by itself', () => {
    let { need, memory } = throughput(aim, sight({ use: 480, inForce: 600, metric: fresh(160) }), {})
    const byDay = need[CPU] as number
    near(byDay, 480 * (150 / 160) * 1.15)
    for (let second = 1; second < 10_000; second++) {
      const its = { use: 60, inForce: 600, metric: fresh(second % 2), nowMs: second * 1000 }
      ;({ need, memory } = throughput(aim, sight(its), memory))
      near(need[CPU], byDay, 1e-6)
    }
    const busy = sight({ use: 480, inForce: 600, metric: fresh(160), nowMs: 10_000_000 })
    near(throughput(aim, busy, memory).need[CPU], byDay, 1e-6)
  })
  it('goes by what is used where CPU is burnt for hours and nothing comes of it', () => {
    let { need, because, memory } = throughput(aim, sight({ use: 400, metric: fresh(150) }), {})
    for (let second = 1; second < 10_000; second++) {
      const its = { use: 500, inForce: 500, heldBack: 0.05, metric: fresh(0), nowMs: second * 1000 }
      ;({ need, because, memory } = throughput(aim, sight(its), memory))
      assert.ok(
        Object.values(memory).every((its) => typeof its !== 'number' || Number.isFinite(its)),
        `${second}`,
      )
    }
    assert.equal(because.kind === 'by-use' && because.reason, 'nothing-done')
    near(need[CPU], 500 / 0.8)
  })
  it('asks for no more than lets it be seen to want more, where it has never met its goal and wants no more', () => {
    const quiet = throughput(aim, sight({ use: 60, inForce: 600, metric: fresh(2) }), {})
    near(quiet.need[CPU], 90)
    assert.equal(quiet.because.kind, 'not-this-resource')
    assert.deepEqual(quiet.least, {})
    // What it was asked for stays, and where it wants all that it has, it is asked for twice that.
    near(throughput(aim, sight({ use: 20, inForce: 90, metric: fresh(1) }), quiet.memory).need[CPU], 90)
    const wanting = throughput(aim, sight({ use: 85, inForce: 90, metric: fresh(20), nowMs: 1000 }), quiet.memory)
    near(wanting.need[CPU], 180)
    // Once it has met its goal, for what that costs.
    const met = throughput(aim, sight({ use: 170, inForce: 180, metric: fresh(150), nowMs: 2000 }), wanting.memory)
    assert.ok((met.need[CPU] ?? 0) > 190, `${met.need[CPU]}`)
  })
  it('finds what a starved service wants before it has completed anything', () => {
    let memory = {}
    let inForce = 10
    for (let turn = 0; turn < 20; turn++) {
      const its = { use: Math.min(inForce, 400), inForce, heldBack: inForce < 400 ? 0.9 : 0, nowMs: 1000 * turn }
      const metric = turn % 2 === 0 ? fresh(0) : ({ kind: 'lost', reason: 'invalid' } as const)
      const estimate = throughput(aim, sight({ ...its, metric }), memory)
      memory = estimate.memory
      inForce = estimate.need[CPU] ?? 0
    }
    assert.ok(inForce >= 400 && inForce < 800, `${inForce} millicores`)
  })
})

describe('performance', () => {
  const aim = { kind: 'performance', metric: 'p95', direction: 'below', target: 200 } as const
  /** One turn of a service whose p95 is 80,000 over what it has and does not use, in a host that is full. */
  const queueing = (use: number, inForce: number) =>
    sight({ use, inForce, heldBack: 1 - inForce / 4000, metric: fresh(80_000 / (inForce - use)) })
  const taught = (turns: number) => {
    let memory: ReturnType<typeof performance>['memory'] = {}
    for (let turn = 0; turn < turns; turn++)
      memory = performance(aim, queueing(600 + 20 * (turn % 3), 1400), memory).memory
    return memory
  }
  const anew = (memory: ReturnType<typeof performance>['memory']) => ({ ...memory, now: 0, before: 0 })

  it('asks for more in proportion to the miss', () =>
    near(performance(aim, sight({ use: 800, metric: fresh(300) }), { need: 800 }).need[CPU], 1000))
  it('bounds the step', () =>
    near(performance(aim, sight({ use: 800, metric: fresh(9000) }), { need: 800 }).need[CPU], 1200))
  it('takes a small step where the last one has not been taken up yet', () =>
    near(
      performance(aim, sight({ use: 600, inForce: 800, heldBack: 0.3, metric: fresh(9000) }), { need: 800 }).need[CPU],
      880,
    ))
  it('takes one step for one reading, though it has all that it asks for and uses that', () => {
    let { need, memory } = performance(aim, sight({ use: 720, inForce: 800, heldBack: 0.1, metric: fresh(240) }), {})
    const first = need[CPU] as number
    near(first, 720 * 1.1)
    for (let second = 1; second <= 40; second++) {
      const its = { inForce: need[CPU] as number, use: 0.9 * (need[CPU] as number), nowMs: second * 1000 }
      ;({ need, memory } = performance(aim, sight({ ...its, heldBack: 0.1, metric: repeated(240) }), memory))
      near(need[CPU], first)
    }
    assert.equal(memory['trials'], 0)
    const its = { inForce: first, use: 0.9 * first, heldBack: 0.1, nowMs: 41_000 }
    near(performance(aim, sight({ ...its, metric: fresh(240) }), memory).need[CPU], first * 1.1)
  })
  it('asks for the same between two readings, though its use follows, and a model would tell what that needs', () => {
    for (const value of [160, 210]) {
      const between = { ...queueing(700, 1400), metric: repeated(value) }
      const { need, memory, because } = performance(aim, between, { ...anew(taught(8)), need: 1300, step: 1300 })
      near(need[CPU], 1300)
      assert.equal(because.kind, 'queue')
      assert.equal(memory['trials'], taught(8)['trials'])
    }
  })
  it('does not ask for more CPU where CPU is not what it lacks', () => {
    const { need, because } = performance(aim, sight({ use: 200, inForce: 800, metric: fresh(300) }), { need: 800 })
    near(need[CPU], 800)
    assert.equal(because.kind, 'not-this-resource')
  })
  it('does not wind up while its request is not granted', () =>
    near(performance(aim, sight({ use: 500, inForce: 500, metric: fresh(900) }), { need: 1000 }).need[CPU], 1000))
  it('goes on asking where what is in force is just short of what was asked for', () => {
    // 650 of 692 is within the thresholds, so nothing would ever move if the request stayed.
    const { need } = performance(aim, sight({ use: 640, inForce: 650, metric: fresh(900) }), { need: 692 })
    near(need[CPU], 650 * 1.5)
  })
  it('asks for what a model that has earned trust predicts to meet the goal with a margin', () => {
    const { need, because } = performance(aim, queueing(700, 1400), anew(taught(8)))
    near(need[CPU], 700 + 80_000 / 160, 1e-6)
    assert.ok(because.kind === 'queue' && Math.abs(because.expected - 80_000 / 700) < 1e-6 && because.off < 1e-9)
    assert.ok(because.kind === 'queue' && Math.abs(because.predicted - 160) < 1e-6)
    // The goal is met with ease, and all that is in excess is given back at once.
    near(performance(aim, queueing(200, 1400), anew(taught(8))).need[CPU], 200 + 500, 1e-6)
  })
  it('asks by steps before that, where the model errs, and where all is used up', () => {
    const kinds = (memory: ReturnType<typeof performance>['memory'], its: Sight) =>
      performance(aim, its, memory).because.kind
    assert.equal(kinds(taught(4), queueing(700, 1400)), 'feedback')
    const random = [1, 9, 1, 9].reduce(
      (memory, factor) =>
        performance(aim, sight({ use: 600, inForce: 1400, metric: fresh(40 * factor) }), memory).memory,
      taught(8),
    )
    assert.equal(kinds(random, queueing(700, 1400)), 'feedback')
    const full = sight({ use: 1390, inForce: 1400, heldBack: 0.9, metric: fresh(4000) })
    assert.equal(kinds(taught(8), full), 'feedback')
    assert.equal(performance(aim, full, taught(8)).memory['work'], taught(8)['work'])
  })
  it('learns nothing of the service while that reports no time at all, as many do that nobody asks anything', () => {
    let memory = taught(8)
    const { work } = memory
    for (let turn = 0; turn < 600; turn++) {
      const idle = sight({ use: 5, inForce: 1400, heldBack: 0.1, metric: fresh(0), nowMs: turn * 1000 })
      memory = performance(aim, idle, memory).memory
    }
    assert.deepEqual([memory['work'], memory['trials']], [work, taught(8)['trials']])
  })
  it('asks by steps where the policy silences the model, which is learned all the same', () => {
    const silenced = { ...queueing(700, 1400), without: ['model' as const] }
    const { because, memory } = performance(aim, silenced, taught(8))
    assert.equal(because.kind, 'feedback')
    assert.equal(memory['trials'], 8)
  })
  it('forgets what was asked for while nothing was known, once the model has earned trust', () => {
    const groping = { ...taught(5), told: 0, now: 3000, before: 3000, sinceMs: 0 }
    near(performance(aim, queueing(700, 1400), groping).need[CPU], 700 + 500, 1e-6)
    near(performance(aim, queueing(700, 1400), { ...groping, told: 1 }).need[CPU], 3000)
  })
  it('does not take for found what a service was never seen to be able to use', () => {
    const its = { capacity: { [CPU]: 4000 }, heldBack: { [CPU]: 0.1 }, inForce: { [CPU]: 300 } }
    near(capacityFound(its, 250), 900)
    near(capacityFound(its, 250, 2000), 2700)
    near(capacityFound(its, 250, 3500), 3600)
    near(capacityFound({ ...its, inForce: { [CPU]: 1500 } }, 250), 1500)
  })
  it('asks for more than it has where the goal is missed, whatever the model says', () => {
    const { need, because } = performance(aim, sight({ use: 700, inForce: 1400, heldBack: 0.65, metric: fresh(210) }), {
      ...taught(20),
      need: 1400,
    })
    assert.equal(because.kind, 'queue')
    near(need[CPU], 1400 * 1.1)
  })
  it('holds what it needed for 30 to 60 s', () => {
    let memory = performance(aim, queueing(900, 1400), anew(taught(8))).memory
    const needs = Array.from({ length: 65 }, (_, second) => {
      const estimate = performance(aim, { ...queueing(300, 1400), nowMs: second * 1000 }, memory)
      memory = estimate.memory
      return Math.round(estimate.need[CPU] ?? 0)
    })
    assert.deepEqual(needs.slice(0, 30), Array(30).fill(1400))
    assert.deepEqual(needs.slice(60), Array(5).fill(800))
  })
  it('without a model it gives back slowly while the goal is met with ease, down to use with room', () => {
    // Of what is to be above a target there is no model.
    const score = { ...aim, direction: 'above', target: 50 } as const
    let memory: ReturnType<typeof performance>['memory'] = { step: 1000 }
    const turn = (second: number) =>
      performance(score, sight({ use: 400, metric: fresh(200), nowMs: second * 1000 }), memory)
    near(turn(0).need[CPU], 1000 + 0.5 * (1 - 0.25 / 0.7) * (440 - 1000))
    for (let second = 0; second < 120; second++) memory = turn(second).memory
    near(memory['need'] as number, 440, 1)
  })
  it('reads a goal above a target the other way round', () => {
    const above = { ...aim, direction: 'above', target: 100 } as const
    const { measured, memory } = performance(above, sight({ use: 800, metric: fresh(50) }), { step: 800 })
    near(measured?.index, 2)
    assert.equal(memory['work'], undefined)
  })
})

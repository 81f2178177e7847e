import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CPU } from '#core/model/resource.ts'
import type { MetricSight, Sight } from './estimator.ts'
import { performance } from './performance.ts'
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
    nowMs: its.nowMs ?? 0,
  }
}

const near = (actual: number | undefined, expected: number, within = 1e-9) =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) <= within, `expected ${expected}, got ${actual}`)

describe('utilization', () => {
  const aim = { kind: 'utilization', resource: CPU, target: 0.75 } as const
  it('asks for use over target', () => near(utilization(aim, sight({ use: 600 }), {}).need[CPU], 800))
  it('asks for more where use is held back', () =>
    near(utilization(aim, sight({ use: 600, heldBack: 0.2 }), {}).need[CPU], 1000))
  it('never asks for more than there is', () => near(utilization(aim, sight({ use: 3900 }), {}).need[CPU], 4000))
  it('follows a rise at once, and a fall when it has lasted for a window of 10 s at least and two at most', () => {
    let memory: ReturnType<typeof utilization>['memory'] = {}
    const needs = [600, 630, 570, 900, ...Array<number>(25).fill(300)].map((use, second) => {
      const estimate = utilization(aim, sight({ use, nowMs: second * 1000 }), memory)
      memory = estimate.memory
      return estimate.need[CPU]
    })
    assert.deepEqual(needs.slice(0, 4), [800, 840, 840, 1200])
    assert.deepEqual(needs.slice(4, 20), Array(16).fill(1200))
    assert.deepEqual(needs.slice(20), Array(9).fill(400))
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
    let memory: ReturnType<typeof throughput>['memory'] = {}
    let need = 0
    const turn = (use: number, heldBack: number) => {
      const metric = fresh(use / 4)
      const estimate = throughput(aim, sight({ use, inForce: 500, heldBack, metric }), memory)
      memory = estimate.memory
      need = estimate.need[CPU] ?? 0
    }
    for (let more = 0; more < 30; more++) turn(400, 0)
    near(need, 690)
    for (let more = 0; more < 30; more++) turn(400, 0.5)
    near(need, 690 / 0.8, 1e-3)
    for (let more = 0; more < 60; more++) turn(500, 0.5)
    near(need, 690, 1e-3)
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
  it('holds a stale reading, then falls back to the reservation', () => {
    const { memory } = throughput(aim, sight({ use: 400, metric: fresh(100) }), {})
    const held = throughput(aim, sight({ use: 10, metric: { kind: 'held', value: 100, ageMs: 9000 } }), memory)
    near(held.need[CPU], 690)
    const lost = throughput(aim, sight({ use: 10, metric: { kind: 'lost', reason: 'stale' } }), memory)
    assert.deepEqual(lost.need, {})
  })
  it('holds what is used until the first reading, for a while', () => {
    let memory = {}
    for (let turn = 0; turn < 60; turn++) {
      const estimate = throughput(aim, sight({ use: 300 }), memory)
      near(estimate.need[CPU], 300)
      memory = estimate.memory
    }
    assert.deepEqual(throughput(aim, sight({ use: 300 }), memory).need, {})
  })
  it('falls back at once where what can be read is old from the start', () => {
    const estimate = throughput(aim, sight({ use: 300, metric: { kind: 'lost', reason: 'stale' } }), {})
    assert.deepEqual(estimate.need, {})
  })
})

describe('performance', () => {
  const aim = { kind: 'performance', metric: 'p95', direction: 'below', target: 200 } as const
  it('asks for more in proportion to the miss', () =>
    near(performance(aim, sight({ use: 800, metric: fresh(300) }), { need: 800 }).need[CPU], 1000))
  it('bounds the step', () =>
    near(performance(aim, sight({ use: 800, metric: fresh(9000) }), { need: 800 }).need[CPU], 1040))
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
    near(need[CPU], 650 * 1.3)
  })
  it('gives back slowly while the goal is met with ease, down to use with room', () => {
    let memory: ReturnType<typeof performance>['memory'] = { need: 1000 }
    const first = performance(aim, sight({ use: 400, metric: fresh(50) }), memory)
    near(first.need[CPU], 1000 + 0.5 * (1 - 0.25 / 0.7) * (480 - 1000))
    for (let turn = 0; turn < 60; turn++)
      memory = performance(aim, sight({ use: 400, metric: fresh(50) }), memory).memory
    near(memory['need'] as number, 480, 1)
  })
  it('reads a goal above a target the other way round', () => {
    const above = { ...aim, direction: 'above', target: 100 } as const
    near(performance(above, sight({ use: 800, metric: fresh(50) }), { need: 800 }).measured?.index, 2)
  })
})

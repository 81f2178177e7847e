import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { allocated, domain, goal, metric, policy, World } from '#core/world.fixture.ts'
import { lately } from './lately.ts'

/** Turns of so many ms, each with a use, the part of the time for which the domain was held back, and what it had. */
function turns(lengthMs: number, told: readonly (readonly [use: number, heldBack: number, has?: number])[]) {
  let memory: GoalMemory = {}
  return told.map(([use, heldBack, has], index) => {
    const waitedMs = use === 0 ? heldBack * 1000 : (use * heldBack) / (1 - heldBack)
    const seen = {
      state: 'running',
      takenAtMs: 10_000 + index * lengthMs,
      counters: { 'cpu.waitMs': (waitedMs * lengthMs) / 1000 },
    }
    const known = { seenAtMs: seen.takenAtMs - lengthMs, counters: { 'cpu.waitMs': 0 }, slow: {}, resources: {} }
    const its = {
      use: { [CPU]: use },
      heldBack: { [CPU]: heldBack },
      inForce: has === undefined ? {} : { [CPU]: has },
      seen,
      known,
    }
    const late = lately(its as unknown as Parameters<typeof lately>[0], memory)
    memory = late.memory
    return [late.use[CPU], late.heldBack[CPU], ...(has === undefined ? [] : [late.inForce[CPU]])]
  })
}

describe('what estimators are told of CPU', () => {
  it('is what a turn of a second tells, and nothing is kept of it', () => {
    const told = [
      [400, 0.5],
      [800, 0],
    ] as const
    assert.deepEqual(turns(1000, told), told)
    assert.deepEqual(turns(995, told), told)
  })

  it('is told over a second where turns are shorter, of waits as of use', () => {
    const [first, [used, heldBack]] = turns(250, [
      [400, 0],
      [800, 0.5],
    ]) as [number[], [number, number]]
    // 800 were used and 1600 wanted for a quarter of a second.
    assert.deepEqual(first, [400, 0])
    assert.equal(used, 500)
    assert.ok(Math.abs(heldBack - 200 / 700) < 1e-9, `${heldBack}`)
  })

  it('stands beside what was in force meanwhile', () => {
    const [, [used, heldBack, had]] = turns(250, [
      [400, 0.4, 400],
      [600, 0, 600],
    ]) as [number[], [number, number, number]]
    assert.deepEqual([used, had], [450, 450])
    assert.ok(heldBack > 0.2, `${heldBack}`)
  })

  it('is told of one that waits and gets nothing as well', () => {
    const [, [used, heldBack]] = turns(250, [
      [400, 0],
      [0, 1],
    ]) as [number[], [number, number]]
    assert.equal(used, 300)
    assert.ok(Math.abs(heldBack - 250 / 550) < 1e-9, `${heldBack}`)
  })

  it('follows what changes within seconds', () => {
    const told = turns(250, [[400, 0], ...Array<readonly [number, number]>(12).fill([800, 0])])
    assert.ok((told[4]?.[0] ?? 0) > 650 && (told.at(-1)?.[0] ?? 0) > 780, `${told}`)
  })
})

/** Readings each second of a unit of work for 10 millicores, in turns of a quarter of it. */
describe('turns of a quarter of a second', () => {
  const aim = { kind: 'throughput', metric: 'rate', target: 90 } as const

  it('leave readings beside what was used between them', () => {
    const world = new World(policy([domain('a')], [goal('a', 1, { ...aim, target: 5 })]), {})
    world.turnSeconds = 0.25
    const costs = Array.from({ length: 48 }, (_, quarter) => {
      const use = quarter < 24 ? 100 : 900
      world.tenants = { a: { use } }
      world.ages = { rate: (world.seconds * 1000 + 250) % 1000 }
      if (world.ages['rate'] === 0) world.readings = { rate: use / 10 }
      const because = world.step().goals[0]?.because
      return because?.kind === 'work-cost' ? Math.round(because.perUnit * 1000) / 1000 : null
    })
    assert.deepEqual(new Set(costs.slice(8)), new Set([10]))
  })

  it('teach nothing of the cost of what arrives while only a part of it can be done', () => {
    const source = { kind: 'counter', counter: 'net.rxPackets', perCpuSecond: false } as const
    const its = policy([domain('a')], [goal('a', 1, { ...aim, target: 1000 })])
    const world = new World({ ...its, metrics: [{ ...metric('rate'), source }] }, {})
    world.turnSeconds = 0.25
    let packets = 0
    const costs = Array.from({ length: 44 }, (_, quarter) => {
      const [comes, use, waitMs] = quarter < 40 ? [100, 400, 0] : [250, 460, 540]
      packets += comes * world.turnSeconds
      world.tenants = { a: { use, waitMs, slow: { 'net.rxPackets': packets } } }
      const because = world.step().goals[0]?.because
      return because?.kind === 'arrivals' ? Math.round(because.perUnit * 1000) / 1000 : null
    })
    assert.deepEqual(new Set(costs.slice(8)), new Set([4]))
  })

  it('do not teach that less is delivered because more was granted just now', () => {
    const world = new World(policy([domain('a')], [goal('a', 1, aim)]), {})
    world.turnSeconds = 0.25
    let has = 0
    const delivered = Array.from({ length: 60 }, (_, quarter) => {
      // It uses all that it has, up to 900, and waits for the rest.
      const use = Math.min(900, Math.max(has, 100))
      world.tenants = { a: { use, waitMs: 900 - use } }
      world.readings = { rate: use / 10 }
      world.capacity = quarter < 40 ? 500 : 900
      const decision = world.step()
      has = allocated(decision, 'a')
      const because = decision.goals[0]?.because
      return because?.kind === 'work-cost' ? because.delivered : 1
    })
    assert.ok(Math.min(...delivered.slice(40)) > 0.98, `${delivered.slice(40)}`)
  })

  it('do not make who uses now more and now less need the most of it', () => {
    const world = new World(
      policy([domain('a')], [goal('a', 1, { kind: 'utilization', resource: CPU, target: 0.75 })]),
      {},
    )
    world.turnSeconds = 0.25
    const needs = Array.from({ length: 80 }, (_, quarter) => {
      world.tenants = { a: { use: quarter % 2 === 0 ? 800 : 400 } }
      return world.step().goals[0]?.need[CPU] ?? 0
    })
    // 600 in a second need 800.
    assert.ok(Math.max(...needs.slice(20)) < 1.1 * 800, `${needs.slice(20)}`)
  })

  it('say nothing of what is used by who stands still', () => {
    const world = new World(policy([domain('a')], [goal('a', 1, aim)]), { a: { use: 400 } })
    world.turnSeconds = 0.25
    world.run(8)
    world.settings['/a'] = { freeze: 1 }
    world.tenants = { a: { use: 0 } }
    const { because } = world.run(280).goals[0] ?? {}
    assert.equal(because?.kind === 'by-use' && because.wanted, 400)
  })
})

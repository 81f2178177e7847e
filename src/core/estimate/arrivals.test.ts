import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision } from '#core/model/decision.ts'
import type { GoalMemory } from '#core/model/knowledge.ts'
import { CPU } from '#core/model/resource.ts'
import { allocated, domain, goal, metric, policy, World } from '#core/world.fixture.ts'
import { arrivals } from './arrivals.ts'
import type { Sight } from './estimator.ts'

const AIM = { kind: 'throughput', metric: 'packets', target: 10_000 } as const
/** Millicore-seconds that a packet costs. */
const COST = 0.2

function sight(rate: number, use: number, inForce: number, heldBack = 0, nowMs = 0): Sight {
  return {
    use: { [CPU]: use },
    smoothUse: { [CPU]: use },
    heldBack: { [CPU]: heldBack },
    workingSet: {},
    inForce: { [CPU]: inForce },
    capacity: { [CPU]: 4000 },
    metric: { kind: 'fresh', value: rate, ageMs: 0 },
    without: [],
    nowMs,
  }
}

/** A domain that gets at once what is asked for and uses what its packets cost, as far as it is let. */
function serve(rates: readonly number[], first = 300) {
  let memory: GoalMemory = {}
  let inForce = first
  return rates.map((rate, turn) => {
    const use = Math.min(rate * COST, inForce)
    const heldBack = use < rate * COST ? 0.5 : 0
    const estimate = arrivals(AIM, sight(rate, use, inForce, heldBack, turn * 1000), memory)
    const seen = { rate, use, inForce, need: estimate.need[CPU] ?? 0, index: estimate.measured?.index ?? 0 }
    memory = estimate.memory
    inForce = seen.need
    return seen
  })
}

const near = (actual: number | undefined, expected: number, within = 1e-6) =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) <= within, `expected ${expected}, got ${actual}`)

describe('what arrives', () => {
  it('is asked for at what it costs, with a margin, before the domain could use that', () => {
    const [, , last, after] = serve([1000, 1000, 3000, 3000])
    near(last?.use, 250)
    near(last?.need, 3000 * COST * 1.25)
    near(last?.index, 600 / 250)
    near(after?.index, 1)
  })

  it('is projected to be missed below what it costs, up to the target, without the margin', () => {
    near(arrivals(AIM, sight(1000, 200, 300), {}).least[CPU], 1000 * COST)
    near(arrivals(AIM, sight(20_000, 4000, 4000), {}).least[CPU], 10_000 * COST)
  })

  it('leads: while it grows by 8 % a turn, use never comes to 95 % of what the domain is entitled to', () => {
    const ramp = serve(Array.from({ length: 30 }, (_, turn) => 1000 * 1.08 ** turn))
    for (const { use, inForce } of ramp) assert.ok(use < 0.95 * inForce, `${use} of ${inForce}`)
    assert.ok((ramp.at(-1)?.need ?? 0) > 2000)
  })

  it('counts up to the target, and never for less than what is used', () => {
    near(serve([1000, 20_000]).at(-1)?.need, 10_000 * COST * 1.25)
    near(arrivals(AIM, sight(0, 500, 800), {}).need[CPU], 500 * 1.25)
  })

  it('is asked for until nothing as high has come for ten seconds', () => {
    const needs = serve([2000, ...Array<number>(12).fill(1000)], 500).map(({ need }) => Math.round(need))
    assert.deepEqual(needs, [...Array<number>(10).fill(500), 250, 250, 250])
  })

  it('teaches nothing of its cost while a part of it is done only, and does where the cost has changed', () => {
    const { memory } = arrivals(AIM, sight(1000, 200, 230), {})
    const behind = arrivals(AIM, sight(3000, 230, 230, 0.6), memory)
    assert.deepEqual([behind.memory['spent'], behind.memory['come']], [200, 1000])
    // It waits now and then, with a third of what it has to spare: packets have become cheaper.
    const cheaper = arrivals(AIM, sight(3000, 300, 450, 0.1), memory)
    near(cheaper.memory['spent'] as number, 210)
    near(cheaper.memory['come'] as number, 1200)
    near(cheaper.measured?.index, 1)
  })

  it('is behind where it is denied most of what it has, and teaches nothing of its cost then', () => {
    const { memory } = arrivals(AIM, sight(1000, 200, 230), {})
    for (const [use, heldBack] of [
      [100, 0.6],
      [280, 0.35],
    ] as const) {
      const behind = arrivals(AIM, sight(2000, use, 460, heldBack), memory)
      assert.deepEqual([behind.memory['spent'], behind.memory['come']], [200, 1000])
      near(behind.measured?.index, 400 / use)
      near(behind.need[CPU], 2000 * COST * 1.25)
    }
  })

  it('teaches nothing of its cost while the domain stands still', () => {
    let { need, memory } = arrivals(AIM, sight(1000, 200, 230), {})
    for (let second = 1; second < 20; second++) {
      ;({ need, memory } = arrivals(AIM, sight(1000, 0, 230, 0, second * 1000), memory))
      near(need[CPU], 250)
    }
  })

  it('teaches nothing of its cost where none comes for hours, and next to nothing where next to none does', () => {
    for (const few of [0, 1]) {
      let { memory } = arrivals(AIM, sight(1000, 200, 300), {})
      const turn = (rate: number, use: number, second: number) => {
        const estimate = arrivals(AIM, sight(rate, use, 300, 0, second * 1000), memory)
        memory = estimate.memory
        return estimate.need[CPU] ?? Number.NaN
      }
      for (let second = 1; second < 10_000; second++) {
        const need = turn(few, 30, second)
        // While what came last still counts, and after that.
        assert.ok(need >= 30 && need < (second < 12 ? 330 : 250), `${need} in second ${second} of ${few} a second`)
      }
      near(turn(1000, 230, 10_000), 250, few === 0 ? 90 : 400)
    }
  })

  it('teaches its cost from the first that comes, however long none had come before', () => {
    const { memory } = arrivals(AIM, sight(0, 30, 300), {})
    const first = arrivals(AIM, sight(1000, 230, 300, 0, 1000), memory)
    near(first.need[CPU], 230 * 1.25)
    assert.deepEqual([first.memory['spent'], first.memory['come']], [230, 1000])
  })

  it('teaches its cost once, by what was used since it was read before', () => {
    const { memory } = arrivals(AIM, sight(1000, 200, 230), {})
    const between = {
      ...sight(1000, 100, 230),
      metric: { kind: 'fresh', value: 1000, ageMs: 2000, isRepeated: true },
    } as const
    const after = arrivals(AIM, between, memory)
    assert.deepEqual([after.memory['spent'], after.memory['come']], [200, 1000])
    const next = { ...sight(1000, 100, 230), metric: { kind: 'fresh', value: 1000, ageMs: 0, use: 200 } } as const
    near(arrivals(AIM, next, memory).memory['spent'] as number, 200)
  })

  it('counts for nothing where the policy silences it, and is learned all the same', () => {
    const silenced = { ...sight(1000, 200, 230), without: ['throughput' as const] }
    const { need, because, memory } = arrivals(AIM, silenced, {})
    near(need[CPU], 250)
    assert.equal(because.kind === 'by-use' && because.reason, 'silenced')
    near(arrivals(AIM, sight(3000, 230, 230, 0.6), memory).need[CPU], 3000 * COST * 1.25)
  })

  it('holds what was asked for while it cannot be read', () => {
    const { memory } = arrivals(AIM, sight(1000, 200, 230), {})
    const unread = { ...sight(0, 50, 230), metric: { kind: 'held', value: 1000, ageMs: 40_000 } } as const
    near(arrivals(AIM, unread, memory).need[CPU], 250)
  })
})

describe('counters of a domain as a metric', () => {
  const counted = (counter: string, perCpuSecond = false) => {
    const aim = { ...AIM, target: 1000 }
    const its = policy([domain('a')], [goal('a', 1, aim)])
    const source = { kind: 'counter', counter, perCpuSecond } as const
    return new World({ ...its, metrics: [{ ...metric('packets'), staleMs: 30_000, source }] }, {})
  }
  const measured = (world: World) => {
    const status = world.step().goals[0]?.status
    return status !== undefined && 'measured' in status ? status.measured : status?.kind
  }

  it('are their increase per second, which is remembered while they are not read', () => {
    const world = counted('net.rxPackets')
    const values: unknown[] = []
    for (const packets of [0, 1000, 3000, null, null, 6000]) {
      world.tenants = { a: { use: 200, ...(packets !== null && { slow: { 'net.rxPackets': packets } }) } }
      values.push(measured(world))
    }
    assert.deepEqual(values, ['unknown', 1000, 2000, 2000, 2000, 1000])
    world.tenants = { a: { use: 200 } }
    world.run(31)
    assert.equal(measured(world), 'unknown')
  })

  it('are work that is asked for at its cost, and what arrives is asked for as it comes', () => {
    for (const [counter, first, needed, margin] of [
      ['net.txPackets', 1000, 1000, 1.15],
      ['net.rxPackets', 500, 500, 1.25],
    ] as const) {
      const world = counted(counter)
      const decisions = [0, first, first + 500, first + 1000, first + 1500].map((packets, turn) => {
        world.tenants = { a: { use: turn < 2 ? first * 0.4 : 200, slow: { [counter]: packets } } }
        return world.step()
      })
      // 0.4 millicore-seconds each, with a margin.
      near(allocated(decisions.at(-1) as Decision, 'a'), needed * 0.4 * margin, 10)
    }
  })

  it('can be told for each second of CPU time', () => {
    const world = counted('net.rxPackets', true)
    world.tenants = { a: { use: 250, slow: { 'net.rxPackets': 0 } } }
    world.step()
    world.tenants = { a: { use: 250, slow: { 'net.rxPackets': 500 } } }
    assert.equal(measured(world), 2000)
  })
})

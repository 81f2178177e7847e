import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BY_ACTIVITY } from './activity.ts'
import type { Decision } from './model/decision.ts'
import type { Activity } from './model/policy.ts'
import { domain, policy, type Tenant, World } from './world.fixture.ts'

const MIB = 1024 * 1024

/** What one second has: millicores used, packets each way, MiB read, and turns on a CPU. */
interface Second {
  readonly use: number
  readonly packets?: number
  readonly mib?: number
  readonly runs?: number
}

/** A host with one domain, whose counters go on from second to second. */
function host(its: Parameters<typeof domain>[1] = {}, settings: Tenant['settings'] = {}) {
  const world = new World(policy([domain('a', its)], []), {})
  const counted = { 'net.rxPackets': 0, 'net.txPackets': 0, 'io.read:8:0': 0, 'cpu.runs': 0 }
  const live = ({ use, packets = 0, mib = 0, runs = 0 }: Second): Decision => {
    counted['net.rxPackets'] += packets
    counted['net.txPackets'] += packets
    counted['io.read:8:0'] += mib * MIB
    counted['cpu.runs'] += runs
    world.tenants = { a: { use, slow: { ...counted }, settings } }
    return world.step()
  }
  const doing = (second: Second, turns: number): (Activity | undefined)[] =>
    Array.from({ length: turns }, () => live(second).activities?.['a' as never])
  return { world, live, doing }
}

/** After the first second, in which no rate can be told. */
function seems(second: Second, settings?: Tenant['settings']): Activity | undefined {
  const { live, doing } = host({}, settings)
  live({ use: 0 })
  return doing(second, 4).at(-1)
}

describe('what a domain does', () => {
  const cases: readonly [string, Second, Activity][] = [
    ['hardly anything', { use: 10 }, 'idle'],
    ['computing', { use: 900, packets: 500, mib: 10, runs: 300 }, 'compute'],
    ['packets, 12,000 in a CPU-second, which wake it too', { use: 500, packets: 3000, runs: 6000 }, 'network'],
    ['packets, too few to count', { use: 10, packets: 49 }, 'idle'],
    ['disk, while it uses next to no CPU', { use: 10, mib: 20 }, 'disk'],
    ['disk and little else', { use: 500, mib: 26 }, 'disk'],
    ['being woken, for 0.1 ms each time', { use: 300, runs: 3000 }, 'interrupt'],
  ]
  for (const [title, second, activity] of cases) it(`is ${title}`, () => assert.equal(seems(second), activity))

  it('is time-critical where its threads are real-time ones, whatever else it does', () => {
    assert.equal(seems({ use: 500, packets: 3000 }, { sched: 'fifo:10:0' }), 'time-critical')
    assert.equal(seems({ use: 500, packets: 3000 }, { sched: 'other:0:3' }), 'network')
  })

  it('is something else after three turns in a row, and not before it is so by far', () => {
    const { live, doing } = host()
    live({ use: 0 })
    doing({ use: 500, packets: 3000 }, 4)
    // 7000 a CPU-second are too few to become network traffic, and enough to stay it.
    assert.deepEqual(doing({ use: 500, packets: 1750 }, 4), Array(4).fill('network'))
    assert.deepEqual(doing({ use: 500 }, 2), ['network', 'network'])
    doing({ use: 500, packets: 3000 }, 1)
    assert.deepEqual(doing({ use: 500 }, 3), ['network', 'network', 'compute'])
    assert.deepEqual(doing({ use: 500, packets: 1750 }, 4), Array(4).fill('compute'))
  })

  it('is as it was last told, where not every turn tells', () => {
    const { world, live, doing } = host()
    live({ use: 0 })
    doing({ use: 500, packets: 3000 }, 4)
    world.tenants = { a: { use: 500 } }
    assert.equal(world.run(8).activities?.['a' as never], 'network')
  })
})

describe('scheduling by what a domain does', () => {
  const sched = { sched: 'other:0:0' }
  const settled = (second: Second, byActivity: Parameters<typeof domain>[1], found = sched) => {
    const { world, live, doing } = host(byActivity, found)
    live({ use: 0 })
    doing(second, 4)
    return world.settings['/a']?.['sched']
  }
  const networking = { use: 500, packets: 3000 }

  it('follows it, by the usual rules or those of the policy', () => {
    assert.equal(settled(networking, { byActivity: BY_ACTIVITY }), 'other:0:1')
    assert.equal(settled({ use: 900 }, { byActivity: BY_ACTIVITY }), 'batch:0:0')
    const network = { class: 'idle', priority: 0, sliceMs: null } as const
    assert.equal(settled(networking, { byActivity: { ...BY_ACTIVITY, network } }), 'idle:0:0')
  })

  it('leaves alone who is time-critical, and who has no such rules', () => {
    assert.equal(settled(networking, { byActivity: BY_ACTIVITY }, { sched: 'fifo:10:0' }), undefined)
    assert.equal(settled(networking, {}), undefined)
  })
})

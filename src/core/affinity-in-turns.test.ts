import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AFFINITY_BY_ACTIVITY } from './affinity.ts'
import type { Decision } from './model/decision.ts'
import { domain, goal, policy, type Tenant, World } from './world.fixture.ts'

const fixedCpu = (amount: number) => ({ kind: 'fixed', amounts: { cpu: amount } }) as const
const follows = { affinity: AFFINITY_BY_ACTIVITY }

/** Two caches of four CPUs; the network's interrupts on CPU `net`, those of disks on CPU 7. */
function cpus(net: number, rate = 5000) {
  return [0, 1, 2, 3, 4, 5, 6, 7].map((id) => {
    const interrupts = { network: id === net ? rate : 0, disk: id === 7 ? 3000 : 0 }
    return { id, core: id, socket: 0, node: 0, cache: Math.floor(id / 4), interrupts }
  })
}

/** A host with `a`, which does what `second` says, and `b`, which computes; both ask for a fixed amount. */
function host(
  its: Parameters<typeof domain>[1] = follows,
  settings: Tenant['settings'] = { 'cpu.set': '' },
  beside = {},
) {
  const asking = (a: number, what = its) =>
    policy([domain('a', what), domain('b', beside)], [goal('a', 1, fixedCpu(a)), goal('b', 2, fixedCpu(1000))], {
      cooldownMs: 10_000,
    })
  const world = new World(asking(1000), {})
  world.capacity = 8000
  world.cpus = cpus(0)
  const counted = { 'net.rxPackets': 0, 'net.txPackets': 0 }
  const live = (turns: number, packets = 20_000, use = 800): Decision => {
    let decision: Decision | undefined
    for (let turn = 0; turn < turns; turn++) {
      counted['net.rxPackets'] += packets
      world.tenants = { a: { use, slow: { ...counted }, settings }, b: { use: 900, settings: { 'cpu.set': '' } } }
      decision = world.step()
    }
    return decision as Decision
  }
  const setOf = (name: string) => world.settings[`/${name}`]?.['cpu.set']
  const asks = (a: number, what = its) => {
    world.policy = asking(a, what)
  }
  return { world, live, setOf, asks }
}

describe('affinity by what a domain does', () => {
  it('comes with what it does, and says why', () => {
    const { live, setOf, world } = host()
    live(5)
    assert.equal(setOf('a'), '0-3')
    assert.equal(setOf('b'), undefined)
    const first = host()
    // Rates take two looks, and what it seems to do three turns.
    first.live(3)
    const change = first.live(1).plan.find(({ knob }) => knob === 'cpu.set')
    assert.deepEqual(change?.because, {
      kind: 'placement',
      cpus: '0-3',
      rule: 'activity',
      activity: 'network',
      by: 'network-interrupts',
      serving: '0',
    })
    for (let turn = 0; turn < 30; turn++) assert.deepEqual(live(1).plan, [], `turn ${world.seconds}`)
  })

  it('gives way to a pin, to near and to apart', () => {
    for (const own of [
      { pin: [5], near: [], apart: [] },
      { pin: null, near: [], apart: ['b'] },
    ] as const) {
      const { live, setOf } = host({ ...follows, placement: own as never })
      live(15)
      assert.equal(setOf('a'), own.pin === null ? '0-3' : '5')
      assert.equal(setOf('b'), own.pin === null ? '4-7' : undefined)
    }
    const near = host({ ...follows, placement: { pin: null, near: ['b' as never], apart: [] } })
    near.live(15)
    assert.equal(near.setOf('a'), undefined)
  })

  it('does not follow interrupts that move, until something is reallocated and the cooldown is over', () => {
    const { live, setOf, world, asks } = host()
    live(5)
    world.cpus = cpus(4)
    live(30)
    assert.equal(setOf('a'), '0-3')
    asks(2000)
    live(1)
    assert.equal(setOf('a'), '4-7')
    world.cpus = cpus(0)
    asks(1000)
    live(5)
    assert.equal(setOf('a'), '4-7')
  })

  it('stays where rates go to and fro and allocations move', () => {
    const { live, setOf, world, asks } = host()
    live(5)
    let writes = 0
    for (let turn = 0; turn < 200; turn++) {
      world.cpus = cpus(turn % 2 === 0 ? 0 : 1, 4000 + 37 * (turn % 11))
      if (turn % 15 === 0) asks(1000 + 100 * (turn % 7))
      writes += live(1).plan.filter(({ knob }) => knob === 'cpu.set').length
    }
    assert.equal(writes, 0)
    assert.equal(setOf('a'), '0-3')
  })

  it('moves at most once within the cooldown, however often there is a reason', () => {
    const { live, world, asks } = host()
    const writesAt: number[] = []
    for (let turn = 0; turn < 100; turn++) {
      world.cpus = cpus(turn % 8 < 4 ? 0 : 4)
      asks(Math.min(1000 * 1.02 ** turn, 3500))
      if (live(1).plan.some(({ knob }) => knob === 'cpu.set')) writesAt.push(world.seconds)
    }
    assert.ok(writesAt.length > 2, `${writesAt}`)
    for (const [index, at] of writesAt.entries()) assert.ok(index === 0 || at - (writesAt[index - 1] ?? 0) >= 10)
  })

  it('is undone when it is used up, and comes back when it is not, which takes no other reason', () => {
    const { live, setOf } = host()
    live(15)
    live(2, 40_000, 3900)
    assert.equal(setOf('a'), '0-7')
    live(25)
    assert.equal(setOf('a'), '0-3')
  })

  it('computes where there is room beside those who are pinned', () => {
    const beside = (its: object) => {
      const { live, setOf } = host(follows, { 'cpu.set': '' }, its)
      live(15, 0)
      return setOf('a')
    }
    assert.equal(beside({}), '1-3')
    assert.equal(beside({ placement: { pin: [1], near: [], apart: [] } }), '4-6')
  })

  it('is undone at once when the set is too small for the allocation, and when the policy no longer asks', () => {
    const small = host()
    small.live(5)
    assert.equal(small.setOf('a'), '0-3')
    small.asks(5000)
    small.live(1)
    assert.equal(small.setOf('a'), '0-7')
    const unasked = host()
    unasked.live(5)
    unasked.asks(1000, {})
    unasked.live(1)
    assert.equal(unasked.setOf('a'), '0-7')
  })

  it('is undone when it does nothing any more, and left alone where the policy says anywhere', () => {
    const { live, setOf } = host()
    live(12)
    live(5, 0, 1)
    assert.equal(setOf('a'), '0-7')
    const anywhere = host({ affinity: { ...AFFINITY_BY_ACTIVITY, network: 'anywhere' } })
    anywhere.live(15)
    assert.equal(anywhere.setOf('a'), undefined)
  })

  it('is set again where somebody else changed it and the policy says so', () => {
    const { live, setOf, world } = host({ ...follows, drift: 'reassert' })
    live(20)
    world.settings['/a'] = { 'cpu.set': '6-7' }
    live(1)
    assert.equal(setOf('a'), '0-3')
  })

  it('leaves alone a set that somebody else changed, and who has none', () => {
    const { live, setOf, world } = host()
    live(5)
    world.settings['/a'] = { 'cpu.set': '6-7' }
    live(15)
    assert.equal(setOf('a'), '6-7')
    const without = host(follows, {})
    without.live(15)
    assert.equal(without.setOf('a'), undefined)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResourceDecision } from './model/decision.ts'
import { CPU, knownResource, MEMORY, type Resource } from './model/resource.ts'
import { allocated, domain, goal, policy, type Tenant, World } from './world.fixture.ts'

/** Memory through the whole decision: what a domain was short of is asked for, kept, and not taken away. */

const MIB = 1024 * 1024
const RESOURCES = [knownResource('cpu') as Resource, knownResource('memory') as Resource]
const held = { controls: [CPU, MEMORY], enforcement: 'cap' } as const
const atLeast = (mib: number) => ({ kind: 'fixed', amounts: { [MEMORY]: mib * MIB } }) as const
const host = { minimum: { [CPU]: 10, [MEMORY]: 16 * MIB }, cooldownMs: 0 }

/** What was read of a domain's memory: MiB in use, and counters since the beginning. */
function reading(mib: number, pressureMs: number, oomKills: number): Tenant {
  return {
    use: 100,
    memory: mib * MIB,
    slow: { 'memory.pressureMs': pressureMs, 'memory.oomKills': oomKills },
    settings: { 'memory.limit': 400 * MIB, 'cpu.quota': null },
  }
}

describe('memory that is not enough', () => {
  const aim = { kind: 'utilization', resource: MEMORY, target: 0.8 } as const
  const one = () => new World(policy([domain('a', held)], [goal('a', 1, aim)], host, RESOURCES), {})
  const mib = (world: World) => allocated(world.step(), 'a', MEMORY) / MIB

  it('is asked for by a goal on its use, and once it was got as long as that may be so', () => {
    const world = one()
    world.tenants = { a: reading(200, 0, 0) }
    world.run(40)
    assert.equal(mib(world), 250)
    // All of it is taken, and the domain stands still for 0.4 of a second.
    world.tenants = { a: reading(250, 400, 0) }
    assert.equal(mib(world), 375)
    // Its cache is gone for a moment; 250 MiB were still not enough.
    world.tenants = { a: reading(100, 400, 0) }
    world.run(60)
    assert.equal(mib(world), 375)
    world.run(3600)
    assert.equal(mib(world), 125)
  })

  it('is not what a domain stands still for that leaves some of it', () => {
    const world = one()
    world.tenants = { a: reading(200, 0, 0) }
    world.run(40)
    world.tenants = { a: reading(200, 400, 0) }
    world.run(5)
    assert.equal(mib(world), 250)
  })

  it('is told by a kill too, and raises what is asked for again and again until it is enough', () => {
    const world = one()
    world.tenants = { a: reading(200, 0, 0) }
    world.run(40)
    world.tenants = { a: reading(20, 0, 1) }
    assert.equal(mib(world), 375)
    world.tenants = { a: reading(20, 0, 2) }
    assert.ok(Math.abs(mib(world) - 562) <= 1)
  })

  it('is left to who uses it where what is in force does not fit, as limits of containers seldom do', () => {
    const names = ['a', 'b', 'c']
    const its = policy(
      names.map((name) => domain(name, held)),
      [goal('b', 1, atLeast(700))],
      host,
      RESOURCES,
    )
    const world = new World(its, { a: reading(390, 0, 0), b: reading(20, 0, 0), c: reading(20, 0, 0) })
    const decision = world.run(3)
    assert.equal(allocated(decision, 'a', MEMORY) / MIB, 400)
    assert.equal(world.settings['/a']?.['memory.limit'] ?? 400 * MIB, 400 * MIB)
    assert.ok(allocated(decision, 'b', MEMORY) > 400 * MIB)
  })

  it('is given by one for whom nobody asks for any, down to what its processes hold themselves', () => {
    const given = (
      levels: Readonly<Record<string, number>>,
      goals: readonly ReturnType<typeof goal>[] = [],
      enforcement: 'cap' | 'guarantee' = 'cap',
    ) => {
      const its = policy(
        [domain('a', { ...held, enforcement }), domain('b', held)],
        [goal('b', 1, atLeast(700)), ...goals],
        host,
        RESOURCES,
      )
      const world = new World(its, {})
      world.tenants = { a: { ...reading(390, 0, 0), levels }, b: reading(20, 0, 0) }
      return Math.round(allocated(world.run(3), 'a', MEMORY) / MIB)
    }
    const own = { 'memory.own': 100 * MIB }
    assert.equal(given({}), 400)
    assert.equal(given(own, [], 'guarantee'), 105)
    // A limit that kills leaves them room to grow between two looks.
    assert.equal(given(own), 110)
    assert.equal(given({ 'memory.own': 310 * MIB }), 341)
    assert.equal(given({ 'memory.own': 370 * MIB }), 400)
    // What somebody asks for is used with its cache.
    assert.equal(given(own, [goal('a', 2, atLeast(20))]), 400)
  })

  describe('under a limit that kills', () => {
    const slow = { cooldownMs: 60_000, minimumChange: { [MEMORY]: 64 * MIB } }
    const grown = (goals: readonly ReturnType<typeof goal>[], its: Partial<typeof slow> = slow) => {
      const names = ['a', 'b', 'c']
      const domains = names.map((name) => domain(name, held))
      const world = new World(policy(domains, goals, { ...host, ...its }, RESOURCES), {})
      const settings = { 'memory.limit': 300 * MIB, 'cpu.quota': null }
      for (const name of ['b', 'c']) world.tenants[name] = { ...reading(20, 0, 0), settings }
      const hold = (own: number, cache = 10, kills = 0) => {
        world.tenants['a'] = { ...reading(own + cache, 0, kills), settings, levels: { 'memory.own': own * MIB } }
        return Math.round(allocated(world.step(), 'a', MEMORY) / MIB)
      }
      for (let turn = 0; turn < 5; turn++) hold(100)
      return { hold, world }
    }
    const greedy = [goal('b', 1, atLeast(700))]

    it('has room for its processes, and more at once when these grow into it, whatever else would wait', () => {
      const { hold } = grown(greedy)
      assert.equal(hold(100), 110)
      assert.equal(hold(104), 110)
      assert.equal(hold(106), 117)
      assert.equal(hold(106), 117)
    })

    it('is none of Reeve where the domain is not its to manage', () => {
      const { world } = grown(greedy)
      const ownOf = () =>
        world.step().resources.flatMap(({ rows }) => rows.flatMap(({ domain, own }) => (own ? [domain] : [])))
      assert.deepEqual(ownOf(), ['a'])
      const [a, ...others] = world.policy.domains
      world.policy = { ...world.policy, domains: [{ ...(a as (typeof others)[number]), mode: 'observe' }, ...others] }
      assert.deepEqual(ownOf(), [])
    })

    it('keeps it whatever less a goal of its own asks for', () => {
      const { hold } = grown([goal('a', 1, atLeast(60)), ...greedy], { cooldownMs: 0, minimumChange: {} })
      // All that it uses is its processes' own.
      hold(200, 0)
      for (let turn = 0; turn < 40; turn++) hold(100, 0)
      assert.ok(hold(100, 0) >= 110)
    })

    it('has it without any goal as well', () => {
      const { hold } = grown([])
      assert.deepEqual([hold(100), hold(106), hold(110)], [110, 117, 117])
    })

    it('gives room back by and by, as processes may soon take it again', () => {
      const { hold } = grown(greedy, { cooldownMs: 0 })
      assert.deepEqual([hold(200), hold(100), hold(100), hold(200)], [220, 198, 180, 220])
    })

    it('has no more where goals ask for all that there is', () => {
      const { hold, world } = grown(greedy)
      world.policy = { ...world.policy, goals: [goal('b', 1, atLeast(890))] }
      for (let turn = 0; turn < 5; turn++) hold(200)
      assert.ok(hold(200) <= 1024 - 890)
      const { classes, rows } = world.step().resources.find((its) => its.resource === MEMORY) as ResourceDecision
      assert.deepEqual(
        classes.map((its) => its.afterGoals === true),
        [false, true],
      )
      const asked = rows.find((row) => row.domain === 'a')?.requests.map((amount) => Math.round(amount / MIB))
      assert.deepEqual(asked, [0, 220])
    })

    it('has it from one that would give too little to be worth a change', () => {
      const { hold, world } = grown(greedy)
      const asking = (mib: number) => ({ ...world.policy, goals: [goal('b', 1, atLeast(mib))] })
      world.policy = asking(895)
      hold(100)
      world.policy = asking(885)
      hold(106)
      assert.ok(hold(106) > 110)
    })

    it('keeps for an hour what was not enough when they were killed, and has a tenth more', () => {
      const { hold } = grown(greedy, { cooldownMs: 0 })
      assert.equal(hold(100, 10, 1), 121)
      for (let turn = 0; turn < 60; turn++) hold(20, 10, 1)
      assert.equal(hold(20, 10, 1), 121)
      for (let turn = 0; turn < 3600; turn++) hold(20, 10, 1)
      assert.ok(hold(20, 10, 1) < 110)
    })

    it('has it from one that grew a moment ago and asks for it no more', () => {
      const { hold, world } = grown(greedy)
      const asking = (mib: number) => ({ ...world.policy, goals: [goal('b', 1, atLeast(mib))] })
      world.policy = asking(895)
      hold(100)
      world.policy = asking(700)
      hold(106)
      assert.ok(hold(106) > 110)
    })
  })

  it('stays with its domain, whoever else asks for some', () => {
    const its = policy([domain('a', held), domain('b', held)], [goal('b', 1, atLeast(900))], host, RESOURCES)
    const world = new World(its, { a: reading(390, 0, 0), b: reading(20, 0, 0) })
    world.run(2)
    world.tenants['a'] = reading(30, 0, 1)
    world.run(60)
    const decision = world.step()
    assert.equal(allocated(decision, 'a', MEMORY), 400 * MIB)
    world.run(3600)
    assert.ok(allocated(world.step(), 'a', MEMORY) < 40 * MIB)
  })
})

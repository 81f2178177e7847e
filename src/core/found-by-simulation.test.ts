import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DomainName } from './model/ids.ts'
import type { DomainKnowledge } from './model/knowledge.ts'
import { CPU, knownResource, MEMORY, type Resource } from './model/resource.ts'
import { allocated, domain, goal, policy, share, World } from './world.fixture.ts'

/** Turns of which runs by chance have shown that they went wrong (test/simulation), each once more by hand. */

const fixedCpu = (amount: number) => ({ kind: 'fixed', amounts: { [CPU]: amount } }) as const
const MIB = 1024 * 1024

describe('a decision', () => {
  it('divides by amounts only: a goal of which something else was learned is judged by use, and learns anew', () => {
    const aim = { kind: 'throughput', metric: 'rate', target: 100 } as const
    const world = new World(policy([domain('a'), domain('b')], [goal('a', 1, aim), goal('b', 2, fixedCpu(900))]), {
      a: { use: 100 },
      b: { use: 400 },
    })
    world.readings = { rate: 100 }
    world.run(5)
    const name = 'a' as DomainName
    const its = world.knowledge.domains[name] as DomainKnowledge
    const goals = Object.fromEntries(
      Object.entries(its.goals).map(([id, memory]) => [id, { ...memory, use: Number.NaN }]),
    )
    world.knowledge = { ...world.knowledge, domains: { ...world.knowledge.domains, [name]: { ...its, goals } } }
    world.tenants['b'] = { use: 900 }
    const { violations, goals: decided } = world.step()
    assert.deepEqual(violations, [])
    const because = decided[0]?.because
    assert.equal(because?.kind === 'by-use' && because.reason, 'no-amount')
    assert.ok((decided[0]?.need[CPU] ?? 0) > 100)
    assert.equal(world.run(3).goals[0]?.because.kind, 'work-cost')
  })

  it('knows nothing more of a domain that was gone for an hour, nor of its place', () => {
    const its = policy([domain('a'), domain('b')], [goal('a', 1, fixedCpu(500)), goal('b', 1, fixedCpu(500))])
    const world = new World(its, { a: { use: 400 }, b: { use: 400 } })
    world.run(3)
    world.tenants['b'] = { use: 0, gone: true }
    world.run(2)
    assert.ok('b' in world.knowledge.domains)
    world.turnSeconds = 3600
    world.run(2)
    assert.deepEqual(Object.keys(world.knowledge.domains), ['a'])
  })

  it('holds an amount of nothing to be met', () => {
    const world = new World(policy([domain('a')], [goal('a', 1, fixedCpu(0))]), { a: { use: 100 } })
    assert.deepEqual(world.run(3).goals[0]?.status, { kind: 'met', measured: 1, target: 1, index: 1 })
  })

  it('sets no weight of a fixed domain of which somebody else has changed the quota', () => {
    const capped = domain('a', { enforcement: 'cap' })
    const its = policy([capped, domain('b')], [goal('a', 1, fixedCpu(500)), goal('b', 1, fixedCpu(500))])
    const world = new World(its, { a: { use: 400, settings: { 'cpu.quota': null } }, b: { use: 400 } })
    world.run(3)
    const before = world.weights['/a']
    world.policy = { ...its, domains: [{ ...capped, role: 'fixed' }, domain('b')] }
    world.settings['/a'] = { ...world.settings['/a'], 'cpu.quota': 1200 }
    for (let turn = 0; turn < 3; turn++) {
      assert.deepEqual(
        world.step().plan.filter((change) => change.domain === 'a'),
        [],
      )
    }
    assert.equal(world.weights['/a'], before)
  })

  it('does not believe what was not tried, also where it was paused then', () => {
    const cap = (name: string) => domain(name, { enforcement: 'cap' })
    const wants = (amount: number) => [goal('a', 1, fixedCpu(500)), goal('b', 1, fixedCpu(amount))]
    const tenant = { use: 100, settings: { 'cpu.quota': null } }
    const its = policy([cap('a'), cap('b')], wants(200), { cooldownMs: 0 })
    const world = new World(its, { a: tenant, b: tenant })
    world.run(3)
    assert.equal(world.settings['/b']?.['cpu.quota'], 200)
    // b grows only after a has shrunk, which fails.
    world.policy = { ...its, goals: [goal('a', 1, fixedCpu(300)), goal('b', 1, fixedCpu(800))] }
    world.broken.add('/a cpu.quota')
    world.step()
    world.paused = true
    const inForce = () => world.step().resources[0]?.rows.find((row) => row.domain === 'b')?.inForce
    assert.deepEqual([inForce(), inForce(), inForce()], [200, 200, 200])
  })

  it('sees what becomes of a cap that it found as it should be', () => {
    const its = policy([domain('a', { enforcement: 'cap' })], [goal('a', 1, fixedCpu(300))])
    const world = new World(its, { a: { use: 100, settings: { 'cpu.quota': 300 } } })
    world.run(3)
    assert.equal(world.settings['/a'], undefined)
    world.settings['/a'] = { 'cpu.quota': 150 }
    assert.equal(world.step().resources[0]?.rows[0]?.inForce, 150)
    assert.deepEqual(world.settings['/a'], { 'cpu.quota': 300 })
  })

  it('says that starts were shrunk also where what is held back makes them fit', () => {
    const start = (name: string, reservation: number) => domain(name, { shares: { [CPU]: share({ reservation }) } })
    const its = policy([start('a', 500), start('b', 500)], [], { maximumStep: { [CPU]: 0.05 } })
    const world = new World(its, { a: { use: 100 }, b: { use: 100 } })
    world.run(3)
    world.policy = { ...its, domains: [start('a', 1500), start('b', 1000)] }
    const [cpu] = world.step().resources
    assert.ok((cpu?.rows[0]?.entitlement ?? 0) < 1500)
    assert.equal(cpu?.capacity.shrunk, true)
  })

  it('says what keeps a domain from growing to its start at once', () => {
    const start = (reservation: number) => domain('a', { shares: { [CPU]: share({ reservation }) } })
    const its = policy([start(500), domain('b')], [], { maximumStep: { [CPU]: 0.05 } })
    const world = new World(its, { a: { use: 100 }, b: { use: 100 } })
    world.run(3)
    world.policy = { ...its, domains: [start(1500), domain('b')] }
    const row = world.step().resources[0]?.rows[0]
    assert.deepEqual([row?.entitlement, row?.allocation], [1500, (row?.inForce ?? 0) + 100])
    assert.deepEqual(row?.settled, { kind: 'maximum-step', step: 100 })
  })

  it('follows a limit that came down, and grants a start, within the cooldown', () => {
    const limited = (limit: number) => domain('a', { shares: { [CPU]: share({ limit }) } })
    const reserved = (reservation: number) => domain('b', { shares: { [CPU]: share({ reservation }) } })
    const its = policy([limited(1900), reserved(10)], [goal('a', 1, fixedCpu(500))], {
      surplus: { default: ['a' as never] },
    })
    const world = new World(its, { a: { use: 500 }, b: { use: 10 } })
    world.run(2)
    assert.equal(allocated(world.step(), 'a'), 1900)
    world.policy = { ...its, domains: [limited(1000), reserved(900)] }
    const decision = world.step()
    assert.deepEqual(decision.violations, [])
    assert.deepEqual([allocated(decision, 'a'), allocated(decision, 'b')], [1000, 900])
  })

  it('caps what weights alone held before at its limit, also where what is over goes to it', () => {
    const pinned = domain('a', { placement: { pin: [0], near: [], apart: [] } })
    const its = policy([pinned], [goal('a', 1, fixedCpu(500))], { surplus: { default: ['a' as never] } })
    const world = new World(its, { a: { use: 900, settings: { 'cpu.quota': null, 'cpu.set': '' } } })
    assert.equal(allocated(world.run(3), 'a'), 1000)
    const capped = domain('a', { enforcement: 'cap', shares: { [CPU]: share({ limit: 1280 }) } })
    world.policy = { ...its, domains: [capped] }
    const quotas = Array.from({ length: 5 }, () => {
      world.step()
      return Number(world.settings['/a']?.['cpu.quota'] ?? 0)
    })
    assert.ok(Math.max(...quotas) > 0 && Math.max(...quotas) <= 1280, `${quotas}`)
  })

  it('lets memory that was held to an amount follow it where nobody asks for any more', () => {
    const memory = { controls: [CPU, MEMORY] } as const
    const asks = (bytes: number) => goal('a', 1, { kind: 'fixed', amounts: { [MEMORY]: bytes } })
    const its = policy([domain('a', memory)], [asks(200 * MIB)], { surplus: 'spread', cooldownMs: 0 }, [
      knownResource('cpu') as Resource,
      knownResource('memory') as Resource,
    ])
    const settings = { 'memory.soft': null, 'memory.limit': null }
    const held = { ...its, host: { ...its.host, surplus: 'hold' as const } }
    const world = new World(held, { a: { use: 100, memory: 100 * MIB, settings } })
    world.run(3)
    assert.equal(world.settings['/a']?.['memory.soft'], 200 * MIB)
    world.policy = { ...its, goals: [] }
    const decision = world.run(2)
    assert.equal(world.settings['/a']?.['memory.soft'], allocated(decision, 'a', MEMORY))
  })

  it('names no change that would meet the goal of a fixed domain, whose start was shrunk', () => {
    const start = domain('b', { shares: { [CPU]: share({ reservation: 1800 }) } })
    const its = policy([domain('a', { role: 'fixed' }), start], [goal('a', 1, fixedCpu(1500))])
    const world = new World(its, { a: { use: 500 }, b: { use: 100 } })
    const decision = world.run(3)
    assert.equal(decision.resources[0]?.capacity.shrunk, true)
    const [missed] = decision.goals
    assert.deepEqual([missed?.status.kind, missed?.short, missed?.wouldMeet], ['missed', CPU, []])
  })
})

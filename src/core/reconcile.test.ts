import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision } from './model/decision.ts'
import { CPU } from './model/resource.ts'
import { allocated, domain, goal, policy, share, World } from './world.fixture.ts'

const fixedCpu = (amount: number) => ({ kind: 'fixed', amounts: { [CPU]: amount } }) as const

describe('a change that failed', () => {
  it('is not waited for on a domain that has come in the place of the one it failed on', () => {
    const its = policy([domain('a'), domain('b')], [goal('a', 1, fixedCpu(1500)), goal('b', 1, fixedCpu(200))])
    const world = new World(its, { a: { use: 900 }, b: { use: 100 } })
    world.broken.add('/a cpu.weight')
    world.run(130)
    assert.equal(world.weights['/a'], undefined)
    world.tenants['a'] = { use: 900, identity: 'another' }
    world.broken.clear()
    world.run(3)
    assert.ok((world.weights['/a'] ?? 0) > (world.weights['/b'] ?? 1) * 5)
  })

  describe('on a quota', () => {
    const wants = (amount: number) =>
      policy(
        [domain('a', { enforcement: 'cap' }), domain('b')],
        [goal('a', 1, fixedCpu(amount)), goal('b', 1, fixedCpu(200))],
        { cooldownMs: 0 },
      )
    const quotaOf = (world: World) => world.settings['/a']?.['cpu.quota']
    /** Whether a turn had a reason to change anything, though nothing was to be written. */
    const isRestless = ({ verdict }: Decision) => !('reason' in verdict) || verdict.reason !== 'within-thresholds'
    /** Held to 500, then to be held to 800, which has been failing for so long. */
    const failing = (late: boolean, seconds: number) => {
      const world = new World(wants(500), { a: { use: 400, settings: { 'cpu.quota': null } }, b: { use: 100 } })
      world.run(5)
      world.broken.add('/a cpu.quota')
      world.late = late
      world.policy = wants(800)
      world.run(seconds)
      return world
    }
    const restlessIn = (world: World) => Array.from({ length: 20 }, () => world.step()).filter(isRestless).length

    it('is over where it is found made after all', () => {
      const world = failing(true, 10)
      assert.equal(quotaOf(world), 800)
      assert.equal(restlessIn(world), 0)
      assert.deepEqual(world.knowledge.failures, {})
    })

    it('keeps no later one waiting once it is found made', () => {
      const world = failing(false, 100)
      assert.equal(quotaOf(world), 500)
      world.broken.clear()
      world.settings['/a'] = { 'cpu.quota': 800 }
      world.run(2)
      world.policy = wants(600)
      world.step()
      assert.equal(quotaOf(world), 600)
    })

    it('keeps no later one waiting where it was made before anybody looked', () => {
      const world = failing(false, 60)
      while (!world.step().plan.some(({ node }) => node === '/a'));
      world.settings['/a'] = { 'cpu.quota': 800 }
      world.broken.clear()
      world.step()
      world.policy = wants(600)
      world.step()
      assert.equal(quotaOf(world), 600)
    })

    it('is what a later one, that fails as well, was to change', () => {
      const world = failing(true, 10)
      world.late = false
      world.policy = wants(600)
      for (let second = 0; second < 10; second++) assert.deepEqual(world.step().drift, [])
      assert.equal(quotaOf(world), 800)
    })

    it('is over where it is wanted no more', () => {
      const world = failing(false, 2)
      world.policy = wants(500)
      world.run(10)
      assert.equal(quotaOf(world), 500)
      assert.equal(restlessIn(world), 0)
      assert.deepEqual(world.knowledge.failures, {})
    })

    it("is seen where it is made long after anybody wanted it, and taken back as nobody else's doing", () => {
      const world = failing(false, 2)
      world.policy = wants(500)
      world.run(10)
      world.broken.clear()
      world.settings['/a'] = { 'cpu.quota': 800 }
      const { drift, resources } = world.step()
      assert.deepEqual([drift, resources[0]?.rows[0]?.inForce], [[], 800])
      assert.equal(quotaOf(world), 500)
    })
  })
})

describe('a change of which nobody knows what became, as Reeve died', () => {
  const none = { 'cpu.quota': null }
  const capped = (amount: number) =>
    policy([domain('a', { enforcement: 'cap' }), domain('b')], [goal('a', 1, fixedCpu(amount))], { cooldownMs: 0 })
  const guaranteed = policy([domain('a', { shares: { [CPU]: share({ reservation: 900 }) } }), domain('b')], [])
  /** Reeve dies over the first quota ever, or over another one. */
  const died = (dies: 'after' | 'before', isFirst: boolean, settings = none) => {
    const world = new World(capped(500), { a: { use: 400, settings }, b: { use: 100 } })
    world.run(isFirst ? 1 : 5)
    world.policy = capped(600)
    world.dies = dies
    while (!world.step().plan.some(({ knob }) => knob === 'cpu.quota'));
    world.dies = null
    return world
  }
  const quotaOf = (world: World) => world.settings['/a']?.['cpu.quota']

  for (const isFirst of [true, false])
    for (const dies of ['after', 'before'] as const) {
      const what = `${dies} it was made, be it ${isFirst ? 'the first' : 'a later'} one`
      it(`is not taken for a quota of somebody else's ${what}`, () => {
        const world = died(dies, isFirst)
        world.policy = guaranteed
        assert.deepEqual(world.step().drift, [])
        assert.equal(allocated(world.run(5), 'a'), 900)
        assert.equal(quotaOf(world) ?? null, null)
      })

      it(`is made again, and leads back to what was there before Reeve, ${what}`, () => {
        const world = died(dies, isFirst, { 'cpu.quota': 1700 } as never)
        assert.deepEqual(world.step().drift, [])
        assert.equal(quotaOf(world), 600)
        world.policy = guaranteed
        world.run(5)
        assert.equal(quotaOf(world) ?? 1700, 1700)
      })
    }

  it('is nothing that Reeve has to defend where it was not made', () => {
    const world = died('before', true)
    world.policy = { ...guaranteed, host: { ...guaranteed.host, drift: 'reassert' } }
    world.run(2)
    world.settings['/a'] = { 'cpu.quota': 700 }
    assert.deepEqual(world.step().drift, [])
    assert.equal(quotaOf(world), 700)
  })

  it('does not keep a domain paused that Reeve has paused', () => {
    const paused = (amount: number) =>
      policy(
        [domain('a', { pauseBelow: 300 }), domain('b')],
        [goal('a', 2, fixedCpu(800)), goal('b', 1, fixedCpu(amount))],
        {
          cooldownMs: 0,
        },
      )
    const world = new World(paused(1000), { a: { use: 400, settings: { freeze: 0 } }, b: { use: 900 } })
    world.run(3)
    world.policy = paused(1900)
    world.dies = 'after'
    while (!world.step().plan.some(({ knob }) => knob === 'freeze'));
    world.dies = null
    world.policy = paused(1000)
    world.run(5)
    assert.equal(world.settings['/a']?.['freeze'], 0)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision } from './model/decision.ts'
import { CPU } from './model/resource.ts'
import { domain, goal, policy, World } from './world.fixture.ts'

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

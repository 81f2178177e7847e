import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { allocated, domain, goal, policy, share, World } from './world.fixture.ts'

const fixedCpu = (amount: number) => ({ kind: 'fixed', amounts: { cpu: amount } }) as const
const utilization = { kind: 'utilization', resource: 'cpu', target: 0.8 } as const

/** `a` was started with a quota of 500 that the policy does not know of, and wants more. */
function throttled(its: Parameters<typeof domain>[1] = {}, quota: number | null = 500) {
  return new World(
    policy([domain('a', its), domain('b')], [goal('a', 1, utilization as never), goal('b', 2, fixedCpu(1500))]),
    {
      a: { use: 500, waitMs: 3000, settings: { 'cpu.quota': quota } },
      b: { use: 1490, settings: { 'cpu.quota': null } },
    },
  )
}

describe('a quota that somebody else set', () => {
  it('is the most that its domain is entitled to, and nobody is restrained for what it forbids', () => {
    const world = throttled()
    const decision = world.run(12)
    assert.ok(allocated(decision, 'a') <= 510, `${allocated(decision, 'a')}`)
    assert.equal(allocated(decision, 'b'), 1500)
    assert.deepEqual(world.settings, {})
    assert.deepEqual(decision.violations, [])
  })

  it('also bounds a reservation, of which the rest is left to others', () => {
    const world = throttled({ shares: { cpu: share({ reservation: 800 }) } } as never)
    assert.equal(allocated(world.run(12), 'b'), 1500)
    world.tenants = { ...world.tenants, a: { use: 500, waitMs: 3000, settings: { 'cpu.quota': null } } }
    const freed = world.run(12)
    assert.ok(allocated(freed, 'a') >= 800, `${allocated(freed, 'a')}`)
  })

  it('is none where the policy states a limit, which Reeve sets in its place', () => {
    const world = throttled({ shares: { cpu: share({ limit: 1300 }) } } as never)
    world.run(2)
    assert.equal(world.settings['/a']?.['cpu.quota'], 1300)
    world.tenants['a'] = { use: 900, waitMs: 3000 }
    assert.ok(allocated(world.run(12), 'a') > 600)
  })

  it('holds again where somebody changes the one that Reeve had set', () => {
    const world = throttled({ shares: { cpu: share({ limit: 1300 }) } } as never, null)
    world.run(5)
    world.settings['/a'] = { 'cpu.quota': 400 }
    assert.equal(allocated(world.run(12), 'a'), 400)
    assert.equal(world.settings['/a']?.['cpu.quota'], 400)
  })

  it('is lowered by a restraint, never raised, and comes back with its end', () => {
    const quota = (most: number) => ({ settings: { 'cpu.quota': most } })
    const none = { settings: { 'cpu.quota': null } }
    const its = policy([domain('a'), domain('b')], [goal('a', 1, fixedCpu(600)), goal('b', 1, fixedCpu(1400))])
    const world = new World(its, { a: { use: 600, ...quota(1500) }, b: { use: 1400, ...none } })
    world.run(5)
    world.tenants = { a: { use: 1500, ...quota(1500) }, b: { use: 400, waitMs: 3000, ...none } }
    world.run(2)
    assert.equal(world.settings['/a']?.['cpu.quota'], 600)
    world.tenants = { a: { use: 300, ...quota(1500) }, b: { use: 1400, ...none } }
    world.run(15)
    assert.equal(world.settings['/a']?.['cpu.quota'], 1500)
    const less = policy([domain('a'), domain('b')], [goal('a', 1, fixedCpu(600)), goal('b', 1, fixedCpu(800))])
    const low = new World(less, { a: { use: 600, ...quota(700) }, b: { use: 800, ...none } })
    low.run(5)
    low.tenants = { a: { use: 700, ...quota(700) }, b: { use: 400, waitMs: 3000, ...none } }
    low.run(5)
    assert.deepEqual(low.settings, {})
  })

  it('comes back where the policy no longer states the limit that took its place', () => {
    const world = throttled({ shares: { cpu: share({ limit: 1300 }) } } as never)
    world.run(3)
    const { domains, goals } = world.policy
    world.policy = policy([domain('a'), ...domains.slice(1)], goals)
    world.run(2)
    assert.equal(world.settings['/a']?.['cpu.quota'], 500)
    assert.ok(allocated(world.run(20), 'a') <= 510)
  })
})

describe('CPUs that a domain is pinned to', () => {
  const pinned = (pin: readonly number[], its: Parameters<typeof domain>[1] = {}) =>
    new World(
      policy(
        [domain('a', { placement: { pin, near: [], apart: [] }, ...its }), domain('b')],
        [goal('a', 1, fixedCpu(1500)), goal('b', 2, fixedCpu(1000))],
      ),
      { a: { use: 1000, waitMs: 500 }, b: { use: 900 } },
    )

  it('are the most that it is entitled to', () => {
    const decision = pinned([0]).run(5)
    assert.equal(allocated(decision, 'a'), 1000)
    assert.equal(allocated(decision, 'b'), 1000)
    assert.deepEqual(decision.violations, [])
  })

  it('count as far as they are there, and not at all where none is', () => {
    const world = pinned([0, 3])
    assert.equal(allocated(world.run(5), 'a'), 1500)
    world.cpus = world.cpus.slice(0, 3)
    assert.equal(allocated(world.run(5), 'a'), 1000)
    world.cpus = world.cpus.slice(1)
    assert.equal(allocated(world.run(20), 'a'), 1500)
  })

  it('bound a reservation that is more', () => {
    const decision = pinned([0], { shares: { cpu: share({ reservation: 1200 }) } } as never).run(5)
    assert.equal(allocated(decision, 'a'), 1000)
    assert.equal(allocated(decision, 'b'), 1000)
  })

  it('are nothing that a higher limit would help against', () => {
    const limitOf = (pin: readonly number[]) => {
      const decision = pinned(pin, { shares: { cpu: share({ limit: 900 }) } } as never).run(5)
      return decision.goals[0]?.wouldMeet.find(({ change }) => change === 'limit')
    }
    assert.deepEqual(limitOf([0, 1]), { change: 'limit', from: 900, to: 1500 })
    assert.equal(limitOf([0]), undefined)
  })
})

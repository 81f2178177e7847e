import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { domain, goal, policy, type Tenant, World } from './world.fixture.ts'

const fixedCpu = (amount: number) => ({ kind: 'fixed', amounts: { cpu: amount } }) as const
const quotas = { settings: { 'cpu.quota': null } }

/** Two domains that have what their goals ask for, `a` 1200 (or what is said) and `b` 500 of 2000 millicores. */
function host(a = goal('a', 1, fixedCpu(1200)), its: Parameters<typeof domain>[1] = {}) {
  const world = new World(
    policy([domain('a', its), domain('b'), domain('c', { enforcement: 'cap' })], [a, goal('b', 1, fixedCpu(500))]),
    {},
  )
  const live = (turns: number, use: readonly [number, number], waitMs: number, c?: Tenant) => {
    let decision: ReturnType<typeof world.step> | undefined
    for (let turn = 0; turn < turns; turn++) {
      world.tenants = { a: { use: use[0], ...quotas }, b: { use: use[1], waitMs, ...quotas }, ...(c && { c }) }
      decision = world.step()
    }
    return decision
  }
  const quota = () => world.settings['/a']?.['cpu.quota']
  live(10, [1200, 500], 100)
  return { live, quota, world }
}

describe('who takes what another is short of', () => {
  it('is held to what others leave, when it has lasted for two turns, and never to less than the allocation', () => {
    const { live, quota } = host()
    live(1, [1900, 60], 1800)
    assert.equal(quota(), undefined)
    const change = live(1, [1900, 60], 1800)?.plan.find(({ knob }) => knob === 'cpu.quota')
    assert.equal(quota(), 1500)
    assert.deepEqual(change?.because, { kind: 'restraint', use: 1900, inForce: 1200, short: 'b' })
    live(1, [1500, 500], 400)
    const third = { use: 600, ...quotas }
    live(1, [1500, 60], 1800, third)
    live(1, [1500, 60], 1800, third)
    assert.equal(quota(), 1200)
  })

  it('is held for the cooldown, and until the host is no longer busy', () => {
    const { live, quota } = host()
    live(2, [1900, 60], 1800)
    live(9, [600, 500], 100)
    assert.equal(quota(), 1500)
    live(2, [600, 500], 100)
    assert.equal(quota(), null)
  })

  it('is held for as long as it wants more on a busy host', () => {
    const { live, quota } = host()
    live(2, [1900, 60], 1800)
    live(60, [1490, 500], 100)
    assert.equal(quota(), 1500)
  })

  it('is left what the other turns out not to want', () => {
    const { live, quota } = host()
    live(2, [1900, 60], 1800)
    live(1, [1500, 200], 10)
    assert.equal(quota(), 1800)
  })

  it('is left that while nobody is short, and no longer when one is', () => {
    const { live, quota } = host()
    live(2, [1900, 60], 1800)
    live(1, [1500, 200], 10)
    live(5, [1500, 500], 100)
    assert.equal(quota(), 1800)
    live(2, [1750, 250], 1800)
    assert.equal(quota(), 1500)
  })

  const others: readonly [string, readonly [number, number], number][] = [
    ['uses no more than it is entitled to', [1250, 60], 1800],
    ['takes what nobody waits for', [1900, 60], 20],
    ['leaves the other most of what is owed', [1600, 400], 1800],
  ]
  for (const [title, use, waitMs] of others) {
    it(`is not restrained who ${title}`, () => {
      const { live, quota } = host()
      live(20, use, waitMs)
      assert.equal(quota(), undefined)
    })
  }

  it('is not restrained while it misses a goal that is as important, and is for one that is less', () => {
    for (const [priority, restrained] of [
      [1, false],
      [2, true],
    ] as const) {
      const { live, quota } = host(goal('a', priority, fixedCpu(2000)))
      live(20, [1900, 60], 1800)
      assert.equal(typeof quota() === 'number', restrained)
    }
  })

  const rateOf = (target: number) => ({ kind: 'throughput', metric: 'rate', target }) as const
  const missing: readonly [string, number | null, readonly [number, number], number, boolean][] = [
    ['sooner for one that misses its goal', 80, [1570, 430], 300, true],
    ['not for one that meets its goal', 100, [1900, 60], 1800, false],
    ['for one whose goal cannot be measured', null, [1900, 60], 1800, true],
  ]
  for (const [title, rate, use, waitMs, restrained] of missing) {
    it(`is restrained ${title}`, () => {
      const { live, quota, world } = host()
      const { domains, goals } = world.policy
      world.policy = policy(domains, [...goals, goal('b', 1, rateOf(90))])
      world.readings = { rate: 100 }
      live(5, [1200, 500], 100)
      world.readings = rate === null ? {} : { rate }
      live(3, use, waitMs)
      assert.equal(typeof quota() === 'number', restrained)
    })
  }

  it('is restrained at once where the metric of who is plainly denied says that it misses its goal', () => {
    for (const [rate, use, restrained] of [
      [30, [1900, 60], true],
      [100, [1900, 60], false],
      [80, [1570, 430], false],
    ] as const) {
      const { live, quota, world } = host()
      const { domains, goals } = world.policy
      world.policy = policy(domains, [...goals, goal('b', 1, rateOf(90))])
      world.readings = { rate: 100 }
      live(5, [1200, 500], 100)
      world.readings = { rate }
      live(1, use, 1800)
      assert.equal(typeof quota() === 'number', restrained, `at ${rate}`)
    }
  })

  it('is restrained for who is short for a second, however short a turn is, and not for less, whatever a metric says', () => {
    const { live, quota, world } = host()
    const { domains, goals } = world.policy
    world.policy = policy(domains, [...goals, goal('b', 1, rateOf(90))])
    world.readings = { rate: 100 }
    live(5, [1200, 500], 100)
    world.turnSeconds = 0.25
    world.readings = { rate: 30 }
    for (let time = 0; time < 5; time++) {
      live(4, [1900, 60], 1800)
      live(1, [1200, 500], 100)
    }
    assert.equal(quota(), undefined)
    live(5, [1900, 60], 1800)
    assert.equal(typeof quota(), 'number')
  })

  const told: readonly [string, number, number, boolean][] = [
    ['at once where its metric says now that it misses its goal', 30, 0, true],
    ['not at once where its metric said so some time ago', 80, 1, false],
    ['not at once where it misses another goal only, which no metric measures', 100, 0, false],
  ]
  for (const [title, rate, age, restrained] of told) {
    it(`is restrained for who is plainly denied ${title}`, () => {
      const { live, quota, world } = host()
      const { domains, goals } = world.policy
      world.policy = policy(domains, [...goals, goal('b', 1, rateOf(90)), goal('b', 2, fixedCpu(2000))])
      world.readings = { rate }
      live(4, [1200, 500], 100)
      world.ages = { rate: age * 1000 }
      live(1, [1900, 60], 1800)
      assert.equal(typeof quota() === 'number', restrained)
      live(1, [1900, 60], 1800)
      assert.equal(typeof quota() === 'number', true)
    })
  }

  it('is restrained for one that gets nothing at all', () => {
    const { live, quota } = host()
    live(2, [1900, 0], 1800)
    assert.equal(quota(), 1500)
  })

  it('is not restrained for one that gets all that it wants, if only after it has waited', () => {
    const { live, quota, world } = host()
    const { domains, goals } = world.policy
    world.policy = policy(domains, [...goals.slice(0, 1), goal('b', 1, fixedCpu(100))])
    live(20, [1900, 20], 120)
    assert.equal(quota(), undefined)
  })

  it('is restrained for one that has a single CPU owed to it, and waits for a part of that all the time', () => {
    const { live, quota, world } = host()
    const { domains } = world.policy
    world.policy = policy(domains, [goal('a', 1, fixedCpu(900)), goal('b', 1, fixedCpu(1000))])
    live(5, [900, 950], 50)
    live(2, [1400, 600], 400)
    assert.equal(quota(), 1000)
  })

  describe('while one under a cap waits', () => {
    /** Of 300 that its goal asks for it uses 60, and waits so long, for its own quota or for others. */
    const capped = (waited: 'cpu.waitMs' | 'cpu.throttledMs') => {
      const { live, quota, world } = host()
      const { domains, goals } = world.policy
      world.policy = policy(domains, [...goals, goal('c', 1, fixedCpu(300))])
      let waitMs = 0
      const step = (use: readonly [number, number], its: number, more: number) => {
        waitMs += more
        const slow = { [waited]: waitMs }
        live(1, use, 10, { use: its, slow, settings: { 'cpu.quota': null } })
      }
      for (let turn = 0; turn < 10; turn++) step([1200, 500], 300, 0)
      for (let turn = 0; turn < 3; turn++) step([1900, 40], 60, 1800)
      return quota()
    }
    it('is held to what others leave', () => assert.equal(capped('cpu.waitMs'), 1660))
    it('is not held for one that waits for its own quota', () => assert.equal(capped('cpu.throttledMs'), undefined))
  })

  it('keeps the limit that the policy states', () => {
    const shares = { cpu: { reservation: null, own: null, lend: true, borrow: true, limit: 1300, weight: null } }
    const { live, quota } = host(undefined, { shares } as never)
    assert.equal(quota(), 1300)
    live(2, [1900, 60], 1800)
    assert.equal(quota(), 1300)
    live(2, [1900, 60], 1800)
    assert.equal(quota(), 1300)
  })

  it('is not what is left of a limit that the policy states no longer', () => {
    const shares = { cpu: { reservation: null, own: null, lend: true, borrow: true, limit: 1300, weight: null } }
    const { live, quota, world } = host(undefined, { shares } as never)
    live(5, [1300, 500], 100)
    assert.equal(quota(), 1300)
    const { domains, goals } = world.policy
    world.policy = policy([domain('a'), ...domains.slice(1)], goals)
    live(1, [1300, 500], 100)
    assert.equal(quota(), null)
  })

  it('ends also where somebody else has set the weight of who is restrained, which is left to him', () => {
    const { live, quota, world } = host()
    live(2, [1900, 60], 1800)
    assert.equal(quota(), 1500)
    world.weights['/a'] = 7
    live(2, [1500, 500], 100)
    assert.equal(quota(), null)
    assert.equal(world.weights['/a'], 7)
  })
})

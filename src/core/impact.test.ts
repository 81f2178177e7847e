import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Decision } from './model/decision.ts'
import type { Aim } from './model/policy.ts'
import { CPU } from './model/resource.ts'
import { allocated, domain, goal, policy, share, type Tenant, World } from './world.fixture.ts'

const fixedCpu = (amount: number): Aim => ({ kind: 'fixed', amounts: { [CPU]: amount } })
const busy: Tenant = { use: 400 }
const host = {
  cooldownMs: 0,
  headroom: { [CPU]: { amount: 0 } },
  thresholds: { [CPU]: [{ difference: 0.001, samples: 1 }] },
}

/** A host of 1500 millicores on which some run with what they need before `late` comes. */
function arriving(
  before: Record<string, readonly [amount: number, priority: number]>,
  late: readonly [number, number],
) {
  const goals = Object.entries(before).map(([name, [amount, priority]]) => goal(name, priority, fixedCpu(amount)))
  const all = [...goals, goal('late', late[1], fixedCpu(late[0]))]
  const domains = [...Object.keys(before), 'late'].map((name) => domain(name))
  const tenants = Object.fromEntries(Object.keys(before).map((name) => [name, { ...busy }]))
  const world = new World(policy(domains, all, host), tenants)
  world.capacity = 1500
  world.run(20)
  world.tenants['late'] = { ...busy }
  return world
}

function assertAllocated(decision: Decision, expected: Readonly<Record<string, number>>) {
  for (const [name, amount] of Object.entries(expected)) assert.equal(allocated(decision, name), amount, name)
}

describe('whom a change would harm', () => {
  it('spares a goal that is met for others of its priority', () => {
    const world = arriving({ early: [1000, 1] }, [1000, 1])
    const decision = world.run(20)
    assertAllocated(decision, { early: 1000, late: 500 })
    const settled = decision.resources[0]?.rows[0]?.settled
    assert.deepEqual(settled, { kind: 'impact', priority: 1, least: 1000 })
    // By halves nothing would be met, which is what the certificate of the ideal says.
    assert.equal(Math.round((decision.resources[0]?.rows[0]?.entitlement ?? 0) / 10), 75)
  })

  it('spares nobody where the policy says so', () => {
    const world = arriving({ early: [1000, 1] }, [1000, 1])
    world.policy = { ...world.policy, host: { ...world.policy.host, without: ['impact'] } }
    assertAllocated(world.run(20), { early: 750, late: 750 })
  })

  it('spares none for a goal of a higher priority', () => {
    const decision = arriving({ early: [1000, 2] }, [1000, 1]).run(20)
    assertAllocated(decision, { early: 500, late: 1000 })
  })

  it('spares whom it may, beside one of a higher priority that pays for nothing', () => {
    const decision = arriving({ above: [600, 1], early: [700, 2] }, [800, 2]).run(20)
    assertAllocated(decision, { above: 600, early: 700, late: 200 })
  })

  it('spares as many as fit, the cheapest first', () => {
    const world = arriving({ small: [400, 1], large: [900, 1] }, [1000, 1])
    // A CPU fails as the third comes: of the two only one can keep what it needs.
    world.capacity = 1000
    const decision = world.run(20)
    assert.equal(allocated(decision, 'small'), 400)
    assert.ok(allocated(decision, 'large') < 900)
  })

  it('spares nobody less for one who can do without', () => {
    const world = arriving({ early: [900, 1] }, [10, 2])
    // For its first goal it asks by its use, as nothing is read, and so states nothing that it needs at least.
    const rate = goal('late', 1, { kind: 'throughput', metric: 'rate', target: 100 })
    world.policy = policy(
      [domain('early'), domain('late')],
      [goal('early', 1, fixedCpu(900)), rate, goal('late', 2, fixedCpu(10))],
      host,
    )
    world.tenants['late'] = { use: 560 }
    world.run(20)
    world.capacity = 1000
    assertAllocated(world.run(3), { early: 900, late: 100 })
  })

  it('spares no goal that is missed as it is', () => {
    const world = arriving({ early: [1400, 1] }, [1400, 1])
    world.policy = policy(
      [domain('early'), domain('late')],
      [goal('early', 1, fixedCpu(1600)), goal('late', 1, fixedCpu(1400))],
      host,
    )
    const decision = world.run(20)
    assertAllocated(decision, { early: 750, late: 750 })
  })

  it('spares inside a parent by what is inside it', () => {
    const parent = domain('tenant', { shares: { [CPU]: share({ limit: 900 }) } })
    const inside = ['one', 'two'].map((name) => domain(name, { parent: 'tenant' as never }))
    const world = new World(
      policy(
        [parent, ...inside, domain('other')],
        [goal('one', 1, fixedCpu(600)), goal('two', 1, fixedCpu(600))],
        host,
      ),
      { one: { ...busy }, other: { ...busy } },
    )
    world.run(20)
    world.tenants['two'] = { ...busy }
    const decision = world.run(20)
    assertAllocated(decision, { one: 600, two: 300 })
  })
})

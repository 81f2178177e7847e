import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DomainPolicy, Goal, HostPolicy } from './model/policy.ts'
import { CPU } from './model/resource.ts'
import { domain, goal, policy, share, World } from './world.fixture.ts'

/**
 * Hosts that nobody thought of: random trees, shares, rules and loads, turn after turn. The checker, which shares no
 * code with the arbiter, must find nothing wrong with any decision, and nothing is handed out twice.
 */

const amount = fc.integer({ min: 0, max: 150 }).map((grains) => grains * 10)

const shares = fc
  .record({
    reservation: fc.option(fc.integer({ min: 0, max: 20 }), { nil: null }),
    own: fc.option(fc.integer({ min: 0, max: 40 }), { nil: null }),
    limit: fc.option(fc.integer({ min: 0, max: 150 }), { nil: null }),
    lend: fc.boolean(),
    borrow: fc.boolean(),
    weight: fc.option(fc.constantFrom(0.5, 1, 2, 10), { nil: null }),
  })
  .map(({ reservation, own, limit, ...rest }) => {
    const floor = (reservation ?? 1) * 10
    const owned = own === null ? null : Math.max(floor, own * 10)
    const most = limit === null ? null : Math.max(owned ?? floor, limit * 10)
    return share({ ...rest, reservation: reservation === null ? null : floor, own: owned, limit: most })
  })

const hosts = fc.record({
  fairness: fc.constantFrom('max-min', 'satisfy-most', 'proportional'),
  surplus: fc.constantFrom('hold', 'spread', 'equal', { default: ['d0', 'd2'] }),
  remainder: fc.constantFrom('share', 'hold', { default: ['d1'] }),
  cooldownMs: fc.constantFrom(0, 5000),
  maximumStep: fc.constantFrom({}, { [CPU]: 0.1 }),
  minimumChange: fc.constantFrom({}, { [CPU]: 50 }),
  headroom: fc.constantFrom({}, { [CPU]: { fraction: 0.05 } }),
}) as fc.Arbitrary<Partial<HostPolicy>>

const scenario = fc.record({
  host: hosts,
  domains: fc.array(
    fc.record({
      shares,
      parent: fc.constantFrom(null, null, 'p'),
      mode: fc.constantFrom(null, null, null, 'observe', 'advise'),
    }),
    { minLength: 1, maxLength: 7 },
  ),
  goals: fc.array(
    fc.record({
      on: fc.nat(6),
      priority: fc.integer({ min: 1, max: 4 }),
      amount,
      target: fc.constantFrom(null, 0.5, 0.8),
    }),
    { maxLength: 10 },
  ),
  turns: fc.array(
    fc.record({
      uses: fc.array(amount, { minLength: 7, maxLength: 7 }),
      capacity: fc.constantFrom(4000, 4000, 4000, 1000),
    }),
    { minLength: 4, maxLength: 10 },
  ),
})

describe('decide on random hosts', () => {
  it('passes the checker at every turn and never hands out more than there is', () => {
    fc.assert(
      fc.property(scenario, ({ host, domains, goals, turns }) => {
        const leaves = domains.map((its, index) =>
          domain(`d${index}`, {
            shares: { [CPU]: its.shares },
            parent: its.parent as DomainPolicy['parent'],
            mode: its.mode as DomainPolicy['mode'],
          }),
        )
        const parents = leaves.some((leaf) => leaf.parent === 'p') ? [domain('p', { match: { kind: 'parent' } })] : []
        const wanted = goals.map((its, index): Goal => {
          const name = `d${its.on % domains.length}`
          const aim =
            its.target === null
              ? ({ kind: 'fixed', amounts: { [CPU]: its.amount } } as const)
              : ({ kind: 'utilization', resource: CPU, target: its.target } as const)
          return goal(name, its.priority, aim, { id: `g${index}` as Goal['id'], application: `${index % 2}` })
        })
        const world = new World(
          policy([...parents, ...leaves], wanted, host),
          Object.fromEntries(leaves.map((leaf) => [leaf.name, { use: 0 }])),
        )
        for (const { uses, capacity } of turns) {
          world.capacity = capacity
          leaves.forEach((leaf, index) => {
            world.tenants[leaf.name] = { use: uses[index] ?? 0, waitMs: uses[index] ?? 0 }
          })
          const decision = world.step()
          assert.deepEqual(decision.violations, [])
          const [cpu] = decision.resources
          const fresh = decision.verdict.kind === 'changes' && decision.verdict.triggers.length > 0
          const given = (cpu?.rows ?? [])
            .filter((row) => row.parent === null)
            .reduce((sum, row) => sum + row.allocation, 0)
          if (fresh) assert.ok(given <= (cpu?.capacity.available ?? 0) + 10, `${given} of ${cpu?.capacity.available}`)
        }
      }),
      { numRuns: Number(process.env['REEVE_RUNS'] ?? 300), seed: 20261121 },
    )
  })
})

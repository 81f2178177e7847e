import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { account } from './account.ts'
import type { Need } from './estimate/estimate.ts'
import type { FrameRow } from './frame.ts'
import { sharesByWeight } from './hierarchy.ts'
import { AT_REST, climb, DEFAULT_LADDER, differenceOf } from './ladder.ts'
import { smooth } from './look.ts'
import type { DomainName, NodeId, ResourceKey } from './model/ids.ts'
import type { SchedulingNode } from './model/observation.ts'
import { CPU, knownResource, type Resource } from './model/resource.ts'
import { cpuList, place } from './place.ts'
import { requestRows } from './rows.ts'
import { allocated, domain, goal, policy, type Tenant, World } from './world.fixture.ts'

/** The small steps of the pipeline, each by a table; the whole is in decide.test.ts. */

describe('rows', () => {
  const need = (application: string, priority: number, amount: number) =>
    ({
      goal: goal('a', priority, { kind: 'fixed', amounts: {} }, { application }),
      domain: 'a' as DomainName,
      need: { [CPU]: amount },
    }) as unknown as Need

  const table: readonly [string, Need[], number[]][] = [
    ['one goal fills its class and those below', [need('', 2, 300)], [0, 300, 300]],
    ['a stretch goal only raises later columns', [need('', 1, 300), need('', 2, 200)], [300, 300, 300]],
    [
      'goals of one application share, applications add up',
      [need('x', 1, 300), need('x', 1, 100), need('y', 2, 100)],
      [300, 400, 400],
    ],
  ]
  for (const [name, needs, expected] of table) {
    it(name, () => assert.deepEqual(requestRows(needs, CPU, 3).get('a' as DomainName), expected))
  }
})

describe('ladder', () => {
  const run = (differences: readonly number[]) => {
    let ladder = AT_REST
    return differences.map((difference, index) => {
      const result = climb(ladder, DEFAULT_LADDER, difference, index * 1000)
      ladder = result.ladder
      return result.triggered
    })
  }
  const table: readonly [string, number[], boolean[]][] = [
    ['10 % at once', [0.1], [true]],
    ['9 % twice', [0.09, 0.09], [false, true]],
    ['8 % three times', [0.08, 0.085, 0.08], [false, false, true]],
    ['not when it breaks off', [0.09, 0.01, 0.09], [false, false, false]],
    ['not when the sign changes', [0.09, -0.09, 0.09], [false, false, false]],
    ['shrinking too', [-0.08, -0.08, -0.08], [false, false, true]],
    ['never below the last rung', [0.079, 0.079, 0.079, 0.079], [false, false, false, false]],
  ]
  for (const [name, differences, expected] of table) it(name, () => assert.deepEqual(run(differences), expected))

  it('by time', () => {
    const rungs = [{ difference: 0.05, lastsMs: 2000 }]
    let ladder = AT_REST
    const triggered = [0, 1000, 2000].map((nowMs) => {
      const result = climb(ladder, rungs, 0.06, nowMs)
      ladder = result.ladder
      return result.triggered
    })
    assert.deepEqual(triggered, [false, false, true])
  })

  it('differs by the part of what is in force, at least a grain', () => {
    assert.equal(differenceOf(110, 100, 10), 0.1)
    assert.equal(differenceOf(20, 0, 10), 2)
    assert.equal(differenceOf(14, 10, 10), 0)
  })
})

describe('account', () => {
  const rows = (inForce: readonly number[]) =>
    inForce.map((amount, index) => ({
      name: `d${index}`,
      view: { inForce: { [CPU]: amount } },
    })) as unknown as FrameRow[]
  const gains = (before: readonly number[], after: readonly number[]) =>
    account(rows(before), CPU, Float64Array.from(after), 10).map((list) =>
      list.map(({ from, amount }) => `${from}:${amount}`),
    )

  it('matches givers and gainers', () =>
    assert.deepEqual(gains([300, 100, 200], [200, 350, 50]), [[], ['d0:100', 'd2:150'], []]))
  it('names what nobody gave', () => assert.deepEqual(gains([100, 100], [100, 150]), [[], ['unallocated:50']]))
  it('lets one giver serve two', () =>
    assert.deepEqual(gains([0, 300, 0], [100, 100, 100]), [['d1:100'], [], ['d1:100']]))
})

describe('rates', () => {
  it('of counters that are not read every turn count from when they were last read', () => {
    const reads = 'io.read:8:0' as ResourceKey
    const known = [knownResource('cpu') as Resource, knownResource(reads) as Resource]
    const tenant: Tenant = { use: 100, slow: { [reads]: 0 } }
    const world = new World(policy([domain('a', { controls: [CPU, reads] })], [], {}, known), { a: tenant })
    const useNow = () =>
      world.step().resources.map(({ rows: [row] }) => (row?.use === null ? null : Math.round(row?.use ?? Number.NaN)))
    useNow()
    // Others come at times of their own.
    for (let second = 0; second < 9; second++) {
      if (second === 4) tenant.slow = { 'net.rx': 1 }
      else delete tenant.slow
      assert.deepEqual(useNow(), [100, null])
    }
    tenant.slow = { [reads]: 10_000_000 }
    assert.deepEqual(useNow(), [100, 1_000_000])
    delete tenant.slow
    assert.deepEqual(useNow(), [100, null])
    tenant.slow = { [reads]: 10_000_000 + 8_000_000 }
    assert.deepEqual(useNow(), [100, 4_000_000])
  })
})

describe('rates of counters that were told', () => {
  it('count the time between the answers, not between the turns that came to use them', () => {
    const reads = 'io.read:8:0' as ResourceKey
    const known = [knownResource('cpu') as Resource, knownResource(reads) as Resource]
    const tenant: Tenant = { use: 100 }
    const world = new World(policy([domain('a', { controls: [CPU, reads] })], [], {}, known), { a: tenant })
    const useAt = (atMs: number, bytes: number) => {
      tenant.told = { atMs, counters: { [reads]: bytes } }
      const used = world.step().resources.flatMap(({ resource, rows: [row] }) => (resource === reads ? [row?.use] : []))
      delete tenant.told
      return used
    }
    assert.deepEqual(useAt(900, 0), [null])
    // Turns at 2, 3 and 6 s.
    assert.deepEqual(useAt(1900, 1_000_000), [1_000_000])
    assert.deepEqual(useAt(2100, 1_500_000), [2_500_000])
    world.run(2)
    assert.deepEqual(useAt(5100, 4_500_000), [1_000_000])
  })
})

describe('smoothing', () => {
  it('follows a rise quickly and a fall slowly', () => {
    assert.equal(smooth(undefined, 5), 5)
    assert.equal(smooth(100, 200), 170)
    assert.equal(smooth(100, 50), 90)
  })
})

describe('shares by weight', () => {
  it('divides what the parent gets among all siblings', () => {
    const node = (id: string, parent: string | null, weight: number, unmanagedWeight = 0) =>
      ({
        id,
        parent,
        weight,
        unmanagedWeight,
        driver: 'x',
        weightRange: { least: 1, most: 10_000 },
      }) as unknown as SchedulingNode
    const shares = sharesByWeight(
      [node('/', null, 100, 100), node('/a', '/', 300), node('/a/b', '/a', 1), node('/a/c', '/a', 3)],
      2000,
    )
    assert.equal(shares.get('/a' as NodeId), 1500)
    assert.equal(shares.get('/a/c' as NodeId), 1125)
  })
})

describe('weights', () => {
  it('are in proportion to allocations, and scaled by siblings that are left alone', () => {
    const its = policy(
      [domain('a'), domain('b')],
      [
        goal('a', 1, { kind: 'fixed', amounts: { [CPU]: 1200 } }),
        goal('b', 1, { kind: 'fixed', amounts: { [CPU]: 400 } }),
      ],
      { headroom: { [CPU]: { amount: 100 } } },
    )
    const world = new World(its, { a: { use: 100 }, b: { use: 100 } })
    world.unmanagedWeight = 1000
    world.run(3)
    // 1000 of weight stand for 100 millicores, so a millicore is worth 10.
    assert.equal(world.weights['/a'], 12_000)
    assert.equal(world.weights['/b'], 4000)
  })

  it('never leave the range, and zero gets the least', () => {
    const its = policy([domain('a'), domain('b')], [goal('a', 1, { kind: 'fixed', amounts: { [CPU]: 2000 } })], {
      minimum: {},
    })
    const world = new World(its, { a: { use: 100 }, b: { use: 100 } })
    const decision = world.run(3)
    assert.equal(allocated(decision, 'b'), 0)
    assert.equal(world.weights['/b'], 2)
    assert.ok((world.weights['/a'] ?? 0) <= 262_144)
  })
})

describe('place', () => {
  const placed = (
    domains: ReturnType<typeof domain>[],
    allocation: readonly number[],
    coreOf: (id: number) => number = (id) => id,
  ) => {
    const rows = domains.map((its) => ({
      name: its.name,
      policy: its,
      view: {},
      standing: 'managed',
    })) as unknown as FrameRow[]
    const cpus = [0, 1, 2, 3].map((id) => ({ id, core: coreOf(id), socket: 0, node: 0, cache: 0 }))
    const places = place({ seen: { topology: { cpus } } } as never, rows, Float64Array.from(allocation), {
      active: new Map(),
      isTriggered: true,
    })
    return Object.fromEntries([...places].map(([name, its]) => [name, cpuList(its.cpus)]))
  }
  const placement = (its: object) => ({ placement: { pin: null, near: [], apart: [], ...its } })

  it('pins, and lets lost CPUs fall out', () => {
    assert.deepEqual(placed([domain('a', placement({ pin: [1, 2, 9] }))], [100]), { a: '1-2' })
    assert.deepEqual(placed([domain('a', placement({ pin: [9] }))], [100]), {})
  })
  it('keeps apart in proportion to allocations', () =>
    assert.deepEqual(placed([domain('a', placement({ apart: ['b'] })), domain('b')], [1500, 500]), {
      a: '0-2',
      b: '3',
    }))
  it('cuts between cores, and not through them', () =>
    assert.deepEqual(
      placed([domain('a', placement({ apart: ['b'] })), domain('b')], [500, 500], (id) => id % 2),
      {
        a: '0,2',
        b: '1,3',
      },
    ))
  it('keeps apart from who is pinned', () => {
    const pinned = domain('a', placement({ pin: [0, 1] }))
    assert.deepEqual(placed([pinned, domain('b', placement({ apart: ['a'] }))], [1, 1]), { a: '0-1', b: '2-3' })
    const both = [pinned, domain('b', placement({ apart: ['a', 'c'] })), domain('c')]
    assert.deepEqual(placed(both, [1, 1, 1]), { a: '0-1', b: '2', c: '3' })
  })
  it('keeps near', () =>
    assert.deepEqual(
      placed([domain('a', placement({ pin: [2, 3] })), domain('b', placement({ near: ['a'] }))], [1, 1]),
      { a: '2-3', b: '2-3' },
    ))
  it('says nothing about the rest', () => assert.deepEqual(placed([domain('a')], [100]), {}))
  it('writes lists as the kernel does', () => assert.equal(cpuList([5, 0, 2, 1]), '0-2,5'))
})

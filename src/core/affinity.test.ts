import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { affinities, type Follower, type Occupant } from './affinity.ts'
import type { Cpu } from './model/observation.ts'
import { cpuList } from './place.ts'

type Rates = Readonly<Record<number, { readonly network?: number; readonly disk?: number }>>

/** CPUs by number; each `perCache` in a row share a cache and a socket. With `smt`, CPU n and n + half are one core. */
function host(count: number, perCache: number, rates: Rates = {}, smt = false): Cpu[] {
  const cores = smt ? count / 2 : count
  return Array.from({ length: count }, (_, id) => {
    const core = id % cores
    const cache = Math.floor(core / perCache)
    const its = rates[id]
    const interrupts = its === undefined ? {} : { interrupts: { network: 0, disk: 0, ...its } }
    return { id, core: core % perCache, socket: cache, node: cache, cache, ...interrupts }
  })
}

/** Two sockets of four cores with two threads each: 0-3 and 8-11 the one, 4-7 and 12-15 the other. */
const twoSockets = (rates: Rates = {}) => host(16, 4, rates, true)

const follower = (name: string, rule: Follower['rule'], its: Partial<Follower> = {}): Follower => ({
  name: name as Follower['name'],
  rule,
  allocation: 1000,
  use: 0,
  now: null,
  may: 'move',
  ...its,
})

function sets(cpus: readonly Cpu[], followers: readonly Follower[], occupants: readonly Occupant[] = []) {
  return Object.fromEntries([...affinities(cpus, occupants, followers)].map(([name, its]) => [name, cpuList(its.cpus)]))
}

describe('affinity by activity', () => {
  it('is near the interrupts of its kind, and says who serves them', () => {
    const cpus = twoSockets({ 1: { network: 9000 }, 2: { network: 2000, disk: 20 }, 4: { disk: 3000, network: 1000 } })
    const all = [
      follower('net', 'network-interrupts'),
      follower('disk', 'disk-interrupts'),
      follower('both', 'interrupts'),
    ]
    assert.deepEqual(sets(cpus, all), { net: '0-3,8-11', disk: '4-7,12-15', both: '0-3,8-11' })
    assert.deepEqual(
      [...affinities(cpus, [], all).values()].map(({ serving }) => serving),
      [[1, 2], [4], [1, 2]],
    )
  })

  it('takes as many caches as serve most, where that is half of them at most', () => {
    const rates = { 0: { network: 5000 }, 2: { network: 4000 }, 4: { network: 500 } }
    assert.deepEqual(sets(host(8, 2, rates), [follower('a', 'network-interrupts')]), { a: '0-3' })
    const even = { 0: { network: 3000 }, 2: { network: 3000 }, 4: { network: 3000 }, 6: { network: 3000 } }
    assert.deepEqual(sets(host(8, 2, even), [follower('a', 'network-interrupts')]), {})
  })

  it('is nothing where few interrupts come, or none are counted', () => {
    assert.deepEqual(sets(host(8, 4, { 0: { network: 99 } }), [follower('a', 'network-interrupts')]), {})
    assert.deepEqual(sets(host(8, 4, { 0: { network: 100 } }), [follower('a', 'network-interrupts')]), { a: '0-3' })
    assert.deepEqual(sets(host(8, 4), [follower('a', 'disk-interrupts')]), {})
  })

  it('computes on the cache with the most room, off the CPUs that serve interrupts where the others are enough', () => {
    const cpus = host(8, 4, { 0: { network: 9000 }, 4: { network: 1000 } })
    const net = follower('net', 'network-interrupts')
    assert.deepEqual(sets(cpus, [follower('a', 'cache', { allocation: 2000 }), net]), { a: '5-7', net: '0-3' })
    assert.deepEqual(sets(cpus, [follower('a', 'cache', { allocation: 3500 }), net]), { a: '4-7', net: '0-3' })
    const pinned = { cpus: [4, 5], allocation: 2000 }
    assert.deepEqual(sets(cpus, [follower('a', 'cache')], [pinned]), { a: '1-3' })
  })

  it('computes each on another cache', () => {
    const three = ['a', 'b', 'c'].map((name) => follower(name, 'cache', { allocation: 2500 }))
    assert.deepEqual(sets(host(12, 4), three), { a: '0-3', b: '4-7', c: '8-11' })
  })

  it('gives what is time-critical whole cores, on one cache and off interrupts, with nobody beside who follows', () => {
    const cpus = twoSockets({ 0: { network: 5000 } })
    const all = [
      follower('batch', 'cache', { allocation: 4000 }),
      follower('rt', 'cores', { allocation: 3000 }),
      follower('net', 'network-interrupts', { allocation: 4000 }),
    ]
    // Cores are CPUs 1 and 9, 2 and 10; of the first socket 0, 3, 8 and 11 are left.
    const crowded = { cpus: [4, 5, 6, 7, 12, 13, 14, 15], allocation: 6000 }
    assert.deepEqual(sets(cpus, all, [crowded]), { rt: '1-2,9-10', net: '0,3,8,11' })
    assert.deepEqual(sets(cpus, all), { rt: '4-5,12-13', net: '0-3,8-11', batch: '6-7,14-15' })
  })

  it('keeps two that are time-critical apart', () => {
    const two = [follower('a', 'cores'), follower('b', 'cores')]
    assert.deepEqual(sets(host(8, 4, {}, true), two), { a: '0,4', b: '1,5' })
    assert.deepEqual(sets(host(2, 1, {}, true), two), {})
  })

  it('keeps who has nothing to be near to off the cores of what is time-critical', () => {
    const all = [follower('rt', 'cores'), follower('net', 'network-interrupts'), follower('idle', 'anywhere')]
    const found = affinities(host(8, 4, {}, true), [], all)
    assert.deepEqual(found.get('net' as never), { cpus: [1, 2, 3, 5, 6, 7], rule: 'anywhere', serving: [] })
    assert.equal(found.get('idle' as never), undefined)
  })

  it('is nothing on a host with nothing to choose', () => {
    const rules = ['network-interrupts', 'disk-interrupts', 'interrupts', 'cache', 'cores', 'anywhere'] as const
    const all = rules.map((rule) => follower(rule, rule, { allocation: 100 }))
    assert.deepEqual(sets(host(4, 4), all), {})
    const served = host(4, 4, { 0: { network: 900, disk: 90 } })
    assert.deepEqual(sets(served, all), {})
  })
})

describe('sets that are too small', () => {
  const cpus = host(8, 4, { 0: { network: 5000 } })
  const net = (its: Partial<Follower>) => sets(cpus, [follower('a', 'network-interrupts', its)])

  it('are none: for the allocation, rounded up, and for a use of more than three quarters', () => {
    assert.deepEqual(net({ allocation: 4000 }), { a: '0-3' })
    assert.deepEqual(net({ allocation: 4001 }), {})
    assert.deepEqual(net({ use: 3000 }), { a: '0-3' })
    assert.deepEqual(net({ use: 3100 }), {})
  })

  it('are left when used up, which is later than they would be entered', () => {
    const now = [0, 1, 2, 3]
    for (const may of ['enter', 'move'] as const) {
      assert.deepEqual(net({ now, may, use: 3600 }), { a: '0-3' })
      assert.deepEqual(net({ now, may, use: 3700 }), {})
      assert.deepEqual(net({ now, may, allocation: 4001 }), {})
    }
    assert.deepEqual(net({ now, may: 'stay', use: 3700 }), { a: '0-3' })
    assert.deepEqual(net({ now, may: 'stay', allocation: 4001 }), {})
  })

  it('are those that have no room beside others, too', () => {
    const two = (allocation: number, its: Partial<Follower> = {}) =>
      sets(cpus, [
        follower('a', 'network-interrupts', { allocation: 2000, ...its }),
        follower('b', 'network-interrupts', { allocation, ...its }),
      ])
    assert.deepEqual(two(2000), { a: '0-3', b: '0-3' })
    assert.deepEqual(two(2100), { a: '0-3' })
    // Once there, they stay for a tenth of the CPUs more; then the first leaves, and the other has room.
    assert.deepEqual(two(2400, { now: [0, 1, 2, 3] }), { a: '0-3', b: '0-3' })
    assert.deepEqual(two(2500, { now: [0, 1, 2, 3] }), { b: '0-3' })
  })
})

describe('what is in force', () => {
  const now = [0, 1, 2, 3]

  it('stays while its caches serve half of the interrupts, and goes where they went', () => {
    const served = (first: number, second: number, its: Partial<Follower> = {}) =>
      sets(host(8, 4, { 0: { network: first }, 5: { network: second } }), [
        follower('a', 'network-interrupts', { now, ...its }),
      ])
    assert.deepEqual(served(5000, 5000), { a: '0-3' })
    assert.deepEqual(served(3000, 3100, { now: null }), {})
    assert.deepEqual(served(3000, 3100), {})
    assert.deepEqual(served(1000, 9000), { a: '4-7' })
    assert.deepEqual(served(51, 0), { a: '0-3' })
    assert.deepEqual(served(49, 0), {})
    for (const may of ['stay', 'enter'] as const) assert.deepEqual(served(1000, 9000, { may }), { a: '0-3' })
    assert.deepEqual(served(1000, 9000, { may: 'enter', now: null }), { a: '4-7' })
    assert.deepEqual(served(1000, 9000, { may: 'stay', now: null }), {})
  })

  it('stays on its cache unless another has room for a CPU and a quarter of the cache more', () => {
    const beside = (occupied: number, may: Follower['may'] = 'move') =>
      sets(
        host(16, 8),
        [follower('a', 'cache', { now: [0, 1, 2, 3, 4, 5, 6, 7], may })],
        [{ cpus: [0, 1, 2, 3, 4, 5, 6, 7], allocation: occupied }],
      )
    assert.deepEqual(beside(2000), { a: '0-7' })
    assert.deepEqual(beside(2001), { a: '8-15' })
    assert.deepEqual(beside(2001, 'enter'), { a: '0-7' })
  })

  it('keeps a CPU that serves up to twice as many interrupts as it takes to be left out', () => {
    const serving = (network: number, its: readonly number[] | null) =>
      sets(host(8, 4, { 0: { network }, 4: { network: 5000 } }), [follower('a', 'cache', { now: its })])
    assert.deepEqual(serving(999, null), { a: '0-3' })
    assert.deepEqual(serving(1999, now), { a: '0-3' })
    assert.deepEqual(serving(2000, now), { a: '1-3' })
    assert.deepEqual(serving(500, [1, 2, 3]), { a: '1-3' })
    assert.deepEqual(serving(499, [1, 2, 3]), { a: '0-3' })
  })

  it('of whole cores may be one too many', () => {
    const cores = (allocation: number, its: readonly number[]) =>
      sets(host(16, 8, {}, true), [follower('a', 'cores', { allocation, now: its })])
    assert.deepEqual(cores(2000, [2, 3, 10, 11]), { a: '2-3,10-11' })
    assert.deepEqual(cores(1000, [2, 3, 4, 10, 11, 12]), { a: '0,8' })
    assert.deepEqual(cores(3000, [2, 10]), { a: '0-1,8-9' })
    assert.deepEqual(cores(1000, [2, 3]), { a: '0,8' })
  })

  it('gives way to whole cores, after the cooldown without a trigger', () => {
    const at = (may: Follower['may']) =>
      sets(host(8, 4, {}, true), [follower('rt', 'cores'), follower('a', 'cache', { now: [0, 1, 4, 5], may })])
    assert.deepEqual(at('stay'), { rt: '0,4', a: '0-1,4-5' })
    assert.deepEqual(at('enter'), { rt: '0,4', a: '1-3,5-7' })
  })

  it('is lifted where a domain may run anywhere, though not within the cooldown', () => {
    const lifted = (may: Follower['may']) => sets(host(8, 4), [follower('a', 'anywhere', { now, may })])
    assert.deepEqual([lifted('stay'), lifted('enter'), lifted('move')], [{ a: '0-3' }, {}, {}])
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResourceKey } from '#core/model/ids.ts'
import { CPU, knownResource, MEMORY, type Resource } from '#core/model/resource.ts'
import { beyondCpu } from './bottleneck.ts'
import type { Estimate, Sight } from './estimator.ts'

const READ = 'io.read' as ResourceKey
const GRAIN = 20
const OTHERS = [MEMORY, READ].map((key) => ({ ...(knownResource(key) as Resource), grain: GRAIN }))

/** A domain that uses a quarter of its CPU, all of its memory and all of its I/O, and stands still for none. */
function sight(its: { cpu?: number; heldBack?: Record<string, number>; workingSet?: number; read?: number }): Sight {
  const use = { [CPU]: its.cpu ?? 200, [MEMORY]: 100, [READ]: its.read ?? 50 }
  return {
    use,
    smoothUse: use,
    heldBack: its.heldBack ?? {},
    workingSet: { [MEMORY]: its.workingSet ?? 100 },
    inForce: { [CPU]: 800, [MEMORY]: 100, [READ]: 50 },
    capacity: { [CPU]: 4000, [MEMORY]: 1000, [READ]: 100 },
    metric: { kind: 'fresh', value: 300, ageMs: 0 },
    without: [],
    nowMs: 0,
  }
}

const estimated = (index: number): Estimate => ({
  need: { [CPU]: 800 },
  least: {},
  because: { kind: 'feedback', measured: 300, target: 200, factor: 1, from: 800 },
  measured: { value: index * 200, target: 200, index },
  memory: { need: 800 },
})
const missed = estimated(1.5)
const met = estimated(0.5)

describe('a goal that more CPU does not help', () => {
  it('is tried with more of what the domain stands still for', () => {
    const { need, because, memory } = beyondCpu(
      OTHERS,
      sight({ heldBack: { [MEMORY]: 0.3 }, workingSet: 120 }),
      {},
      missed,
    )
    assert.deepEqual(need, { [CPU]: 800, [MEMORY]: 120 })
    const tries = { resource: MEMORY, stalled: 0.3 }
    assert.deepEqual(because, { kind: 'not-this-resource', use: 200, entitlement: 800, tries })
    assert.equal(memory['need'], 800)
  })

  it('is tried with more of what it waits for far longer than for CPU', () => {
    for (const [waited, memory] of [
      [100, 120],
      [200, undefined],
    ] as const) {
      const its = sight({ cpu: waited, heldBack: { [CPU]: 0.5, [MEMORY]: 0.3 }, workingSet: 120 })
      assert.equal(beyondCpu(OTHERS, its, {}, missed).need[MEMORY], memory)
    }
  })

  it('is tried with one resource at a time, memory before the I/O that its lack causes', () => {
    const both = { [MEMORY]: 0.3, [READ]: 0.9 }
    const first = beyondCpu(OTHERS, sight({ heldBack: both, workingSet: 120 }), {}, missed)
    assert.deepEqual(first.need, { [CPU]: 800, [MEMORY]: 120 })
    // Memory is no longer short, and what was tried of it stays.
    const second = beyondCpu(OTHERS, sight({ heldBack: { [READ]: 0.9 }, workingSet: 100 }), first.memory, missed)
    assert.deepEqual(second.need, { [CPU]: 800, [MEMORY]: 120, [READ]: 90 })
  })

  it('is tried with more where the domain was killed, though it stands still no longer', () => {
    assert.equal(beyondCpu(OTHERS, sight({ workingSet: 120 }), {}, missed).need[MEMORY], 120)
  })

  const nothing: readonly [string, Parameters<typeof sight>[0], Estimate, readonly Resource[]][] = [
    ['while CPU is used up', { cpu: 700, heldBack: { [MEMORY]: 0.3 }, workingSet: 120 }, missed, OTHERS],
    ['while it waits for CPU', { heldBack: { [CPU]: 0.5, [MEMORY]: 0.3 }, workingSet: 120 }, missed, OTHERS],
    ['while it is met', { heldBack: { [MEMORY]: 0.3 }, workingSet: 120 }, met, OTHERS],
    ['where it stands still for nothing', {}, missed, OTHERS],
    ['where what it stands still for is not used up', { heldBack: { [READ]: 0.9 }, read: 20 }, missed, OTHERS],
    ['where Reeve controls nothing else', { heldBack: { [MEMORY]: 0.3 }, workingSet: 120 }, missed, []],
  ]
  for (const [title, its, estimate, others] of nothing) {
    it(`is tried with nothing else ${title}`, () => {
      assert.deepEqual(beyondCpu(others, sight(its), {}, estimate), estimate)
    })
  }

  it('is tried with nothing else where the policy silences that', () => {
    const its = sight({ heldBack: { [MEMORY]: 0.3 }, workingSet: 120 })
    assert.deepEqual(beyondCpu(OTHERS, { ...its, without: ['bottleneck'] }, {}, missed), missed)
  })

  it('asks for no more than there is', () => {
    const tried = { [`tried ${READ}`]: 90 }
    const its = sight({ heldBack: { [READ]: 0.9 }, read: 90 })
    assert.equal(beyondCpu(OTHERS.slice(1), its, tried, missed).need[READ], 100)
  })

  it('gives back what it does not use while it is met', () => {
    const tried = { [`tried ${READ}`]: 90, [`tried ${MEMORY}`]: 200 }
    const { need } = beyondCpu(OTHERS, sight({ read: 40 }), tried, met)
    assert.deepEqual(need, { [CPU]: 800, [MEMORY]: 190, [READ]: 87 })
  })

  it('takes one step for one reading', () => {
    const between = (its: Sight): Sight => ({
      ...its,
      metric: { kind: 'fresh', value: 300, ageMs: 2000, isRepeated: true },
    })
    const tried = { [`tried ${READ}`]: 60 }
    const scarce = sight({ heldBack: { [READ]: 0.9 }, read: 50 })
    assert.equal(beyondCpu(OTHERS, scarce, tried, missed).need[READ], 90)
    assert.equal(beyondCpu(OTHERS, between(scarce), tried, missed).need[READ], 60)
    assert.equal(beyondCpu(OTHERS, between(sight({ read: 10 })), tried, met).need[READ], 60)
  })

  it('keeps what was tried and is used where nothing can be read any more', () => {
    const because = { kind: 'by-use', reason: 'stale', wanted: 80, target: 0.8, heldBack: false } as const
    const lost: Estimate = { need: { [CPU]: 100 }, least: {}, because, measured: null, memory: {} }
    const { need } = beyondCpu(OTHERS, sight({ read: 90 }), { [`tried ${READ}`]: 100 }, lost)
    assert.deepEqual(need, { [CPU]: 100, [READ]: 100 })
  })
})

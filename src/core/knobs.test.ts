import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BY_ACTIVITY } from './activity.ts'
import { knobsOf } from './knobs.ts'
import type { Knob } from './model/observation.ts'
import type { DomainPolicy, SchedulingPolicy } from './model/policy.ts'
import { CPU, knownResource, MEMORY, type Resource } from './model/resource.ts'
import { domain, goal, policy, share, World } from './world.fixture.ts'

const MIB = 1024 * 1024
const READING = 'io.read:8:0'
const RESOURCES = [
  knownResource('cpu'),
  knownResource('memory'),
  { ...knownResource(READING), capacity: 100 * MIB },
] as readonly Resource[]
const BATCH: SchedulingPolicy = { class: 'batch', priority: 0, sliceMs: null }
const everything = { controls: [CPU, MEMORY, READING] } as unknown as Partial<DomainPolicy>
const host = (...domains: readonly DomainPolicy[]) => policy(domains, [], {}, RESOURCES)
const knobs = (its: Partial<DomainPolicy>) => [...knobsOf(host(), domain('a', { ...everything, ...its }))].sort()

describe('knobs that a policy has turned', () => {
  const cases: readonly [string, Partial<DomainPolicy>, readonly string[]][] = [
    ['a fixed domain has none', { role: 'fixed' }, []],
    ['one that is observed has none', { mode: 'observe', scheduling: BATCH, pauseBelow: 100 }, []],
    ['one that is advised has none', { mode: 'advise' }, []],
    ['one that controls nothing has none', { controls: [], scheduling: BATCH, pauseBelow: 100 }, []],
    ['CPU alone', { controls: [CPU] }, ['cpu.quota', 'cpu.set', 'cpu.weight']],
    ['pauses', { controls: [CPU], pauseBelow: 100 }, ['cpu.quota', 'cpu.set', 'cpu.weight', 'freeze']],
    ['memory under a guarantee', { controls: [MEMORY] }, ['memory.balloon', 'memory.limit', 'memory.soft']],
    ['capped memory', { controls: [MEMORY], enforcement: 'cap' }, ['memory.balloon', 'memory.limit']],
    ['I/O', { controls: [READING] as never }, ['io.read.limit:8:0', 'io.weight']],
    ['capped I/O', { controls: [READING] as never, enforcement: 'cap' }, ['io.read.limit:8:0']],
  ]
  for (const [title, its, expected] of cases) it(title, () => assert.deepEqual(knobs(its), expected))

  const settings = {
    'cpu.quota': null,
    'cpu.set': '',
    'cpu.count': 2,
    'memory.limit': null,
    'memory.soft': null,
    'io.weight': 100,
    'io.read.limit:8:0': null,
    freeze: 0,
    sched: 'other:0:0',
  }
  const amounts = (milli: number, mib: number) =>
    ({ kind: 'fixed', amounts: { [CPU]: milli, [MEMORY]: mib * MIB, [READING]: mib * MIB } }) as const
  const drawn = fc.record({
    role: fc.constantFrom('managed', 'managed', 'fixed'),
    mode: fc.constantFrom(null, null, 'observe', 'advise'),
    controls: fc.subarray([CPU, MEMORY, READING]),
    enforcement: fc.constantFrom('guarantee', 'cap'),
    shares: fc.constantFrom(
      {},
      { cpu: share({ limit: 900 }), memory: share({ limit: 300 * MIB }), [READING]: share({ limit: 20 * MIB }) },
    ),
    placement: fc.constantFrom(
      { pin: null, near: [], apart: [] },
      { pin: [0], near: [], apart: [] },
      { pin: null, near: ['b'], apart: [] },
      { pin: null, near: [], apart: ['b'] },
    ),
    pauseBelow: fc.constantFrom(null, 400),
    vcpus: fc.constantFrom(null, { least: 1, most: 4 }),
    scheduling: fc.constantFrom(null, BATCH),
    byActivity: fc.constantFrom(null, BY_ACTIVITY),
    affinity: fc.constantFrom(null, {
      idle: 'cache',
      compute: 'cores',
      network: 'cache',
      disk: 'cache',
      interrupt: 'cache',
      'time-critical': 'anywhere',
    }),
  }) as unknown as fc.Arbitrary<Partial<DomainPolicy>>

  it('are all that a plan writes, whatever was set before a reload', () => {
    const written = new Set<Knob>()
    // Chance seldom draws one that is left so little as to be paused.
    const plain = { controls: [CPU] } as Partial<DomainPolicy>
    const swapped = { ...plain, pauseBelow: 400 }
    const policyOf = (a: Partial<DomainPolicy>, b: Partial<DomainPolicy>, milli: number) =>
      policy(
        [domain('a', a), domain('b', { ...b, placement: { pin: null, near: [], apart: [] } })],
        [goal('a', 1, amounts(milli, 100)), goal('b', 2, amounts(1500, 200))],
        { cooldownMs: 0 },
        RESOURCES,
      )
    fc.assert(
      fc.property(
        fc.tuple(drawn, drawn, drawn, drawn),
        fc.integer({ min: 1, max: 190 }),
        ([a, b, otherA, otherB], grains) => {
          const tenant = (use: number, waitMs: number) => ({ use, waitMs, memory: 80 * MIB, settings })
          const world = new World(policyOf(a, b, grains * 10), { a: tenant(1500, 10), b: tenant(300, 3000) })
          for (let turn = 0; turn < 10; turn++) {
            if (turn === 5) world.policy = policyOf(otherA, otherB, 2000 - grains * 10)
            for (const { domain: name, knob } of world.step().plan) {
              if (name === null) continue
              written.add(knob)
              const its = world.policy.domains.find((one) => one.name === name) as DomainPolicy
              assert.ok(knobsOf(world.policy, its).has(knob), `${knob} of ${name} is written`)
            }
          }
        },
      ),
      { numRuns: 300, examples: [[[plain, swapped, plain, plain], 190]] },
    )
    assert.deepEqual([...written].sort(), [...Object.keys(settings), 'cpu.weight'].sort())
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Policy } from '#core/model/policy.ts'
import { Memory } from './memory.ts'
import { createSimulator, type Simulator } from './simulator.ts'

const MIB = 1024 * 1024

describe('the memory of a domain', () => {
  it('is its working set, as far as its limits and the host let it', () => {
    const memory = new Memory(100 * MIB)
    assert.deepEqual([memory.held, memory.running, memory.stalled(8)], [100 * MIB, 1, 0])
    memory.become({ limit: 80 * MIB })
    memory.become({ room: 0.5 })
    assert.deepEqual([memory.wanted, memory.held], [80 * MIB, 40 * MIB])
  })

  it('faults where it does not hold what it touches', () => {
    const memory = new Memory(100 * MIB)
    memory.become({ limit: 90 * MIB })
    // Of 100 pages in a millisecond ten are missing, which takes another millisecond.
    assert.ok(Math.abs(memory.refaultsPerMs - 10) < 1e-9)
    assert.ok(Math.abs(memory.running - 0.5) < 1e-9)
    assert.ok(Math.abs(memory.stalled(2) - 0.75) < 1e-9)
  })
})

describe('a simulated host', () => {
  const closed = { kind: 'closed', clients: 4, thinkMs: 0, demandMs: 5, spread: 'constant', parallelism: 4 } as const
  const make = (memory: number) =>
    createSimulator({
      cpus: 4,
      seed: 1,
      memory: 400 * MIB,
      domains: ['a', 'b'].map((name) => ({ name, load: closed, memory })),
    })
  const policy = { domains: ['a', 'b'].map((name) => ({ name, driver: 'simulator', match: { kind: 'name' } })) }

  async function seen(sim: Simulator, name: string) {
    await sim.driver.prepare(policy as unknown as Policy)
    const { domains } = await sim.driver.observe(true)
    const found = domains.find((its) => its.name === name)
    assert.ok(found !== undefined)
    return found
  }
  async function limit(sim: Simulator, knob: 'memory.soft' | 'memory.limit', to: number) {
    const its = await seen(sim, 'a')
    await sim.driver.apply({ ...its, domain: its.name, knob, to } as never, new AbortController().signal)
  }

  it('slows down who holds less than he works with, and counts what he reads again', async () => {
    const sim = make(100 * MIB)
    sim.advance(10_000)
    const before = sim.workOf('a')
    await limit(sim, 'memory.soft', 90 * MIB)
    sim.advance(10_000)
    // Each of four threads waits for pages half of the time, and two CPUs are all that it got before.
    const { counters, levels } = await seen(sim, 'a')
    const { counters: others } = await seen(sim, 'b')
    assert.equal(levels['memory'], 90 * MIB)
    assert.ok(Math.abs((sim.workOf('a') - before) / before - 1) < 0.01, `${before} ${sim.workOf('a')}`)
    const usedMs = sim.usedOf('a') / 2
    assert.ok(Math.abs((counters['memory.refaults'] as number) - 10 * usedMs) < 0.01 * usedMs)
    assert.ok(Math.abs((counters['memory.pressureMs'] as number) - (1 - 0.5 ** 4) * 10_000) < 10)
    assert.deepEqual([others['memory.refaults'], others['memory.pressureMs']], [0, 0])
    await limit(sim, 'memory.soft', 50 * MIB)
    const slow = sim.workOf('a')
    sim.advance(10_000)
    // A sixth of the time runs; nobody waits for a CPU.
    assert.ok(Math.abs((sim.workOf('a') - slow) / before - 2 / 3 / 2) < 0.01, `${sim.workOf('a') - slow} ${before}`)
  })

  it('takes from everybody alike where it has not enough for all', async () => {
    const sim = make(250 * MIB)
    sim.advance(1000)
    assert.deepEqual(
      [(await seen(sim, 'a')).levels['memory'], (await seen(sim, 'b')).levels['memory']],
      [200 * MIB, 200 * MIB],
    )
    sim.hold('b', 50 * MIB)
    sim.advance(1000)
    assert.deepEqual(
      [(await seen(sim, 'a')).levels['memory'], (await seen(sim, 'b')).levels['memory']],
      [250 * MIB, 50 * MIB],
    )
  })

  it('lets nobody read more from disk than his limit, for which he stands still and does not wait for a CPU', async () => {
    const load = { ...closed, diskBytes: 512 * 1024 }
    const sim = createSimulator({ cpus: 4, seed: 1, domains: [{ name: 'a', load }] })
    const its = { ...(await seen(sim, 'a')), domain: 'a', knob: 'io.read.limit', to: 100 * MIB }
    await sim.driver.apply(its as never, new AbortController().signal)
    sim.advance(10_000)
    const { counters } = await seen(sim, 'a')
    // 200 requests a second are one CPU; four threads could use four.
    assert.ok(Math.abs(sim.workOf('a') - 2000) <= 5, `${sim.workOf('a')}`)
    assert.ok(Math.abs((counters['io.read'] as number) - 1000 * MIB) < 5 * MIB)
    assert.ok(Math.abs((counters['io.pressureMs'] as number) - (1 - 0.25 ** 4) * 10_000) < 20)
    assert.equal(counters['cpu.waitMs'], 0)
  })

  it('kills who works with more than his hard limit, and what he worked on is lost', async () => {
    const sim = make(100 * MIB)
    sim.advance(10_000)
    await limit(sim, 'memory.limit', 99 * MIB)
    sim.advance(10_000)
    const { counters } = await seen(sim, 'a')
    assert.equal(counters['memory.oomKills'], 10)
    // Four were under way each time; their clients ask again.
    const windows = sim.windows('a').slice(-10)
    const lost = windows.reduce((sum, { offered, throughput }) => sum + offered - throughput, 0)
    assert.ok(Math.abs(lost - 40) <= 4, `${lost} lost`)
    assert.ok((windows.at(-1)?.throughput ?? 0) > 0)
    sim.hold('a', 50 * MIB)
    sim.advance(10_000)
    assert.equal((await seen(sim, 'a')).counters['memory.oomKills'], 10)
  })
})

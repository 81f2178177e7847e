import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResourceKey } from '#core/model/ids.ts'
import type { MetricPolicy, Policy } from '#core/model/policy.ts'
import { drawFaults, type Fault } from './fault.ts'
import { createSimulator, type SimulatorOptions } from './simulator.ts'

/** What is around the simulated CPUs: the clock, the metrics, and what goes wrong. */

const make = (its: Partial<SimulatorOptions> = {}) =>
  createSimulator({
    cpus: 4,
    seed: 1,
    domains: [{ name: 'shop', load: { kind: 'open', arrivalsPerSecond: 100, demandMs: 4, parallelism: 4 } }],
    metrics: { p95: { domain: 'shop', what: 'p95' }, rate: { domain: 'shop', what: 'throughput' } },
    ...its,
  })
const named = (name: string) => ({ name }) as MetricPolicy
const forEver = new AbortController().signal

describe('the virtual clock', () => {
  it('wakes everybody at his time, in order, and lets the world live until then', async () => {
    const sim = make()
    const woken: string[] = []
    const sleep = async (name: string, ms: number) => {
      await sim.clock.sleepUntil(ms, forEver)
      woken.push(`${name} at ${sim.clock.now([]).monotonicMs}`)
    }
    await Promise.all([sleep('late', 3000), sleep('early', 1000), sleep('early too', 1000), sleep('between', 1500.5)])
    assert.deepEqual(woken, ['early at 1000', 'early too at 1000', 'between at 1500.5', 'late at 3000'])
    assert.equal(sim.windows('shop').length, 3)
    assert.equal(sim.clock.now([]).utcMs - Date.UTC(2026, 0, 5, 8), 3000)
  })

  it('lets no time pass for who is woken by a signal', async () => {
    const sim = make()
    const stopping = new AbortController()
    const asleep = sim.clock.sleepUntil(60_000, stopping.signal)
    stopping.abort()
    await asleep
    await sim.clock.sleepUntil(60_000, stopping.signal)
    assert.equal(sim.clock.now([]).monotonicMs, 0)
  })

  it('refuses windows that it has no calendar for, instead of calling them closed', () => {
    const windows = [{ name: 'day', patterns: ['* 8-17 * * *'], zone: 'UTC' }]
    assert.throws(() => make().clock.now(windows), /calendar/)
    const calendar = () => () => ({ zones: { UTC: '2026-01-05T08:00:00' }, openWindows: ['day'] })
    assert.deepEqual(make({ calendar }).clock.now(windows).openWindows, ['day'])
  })
})

describe('simulated metrics', () => {
  it('have a reading a second, for what the policy names', () => {
    const sim = make()
    sim.metrics.start(named('rate'))
    sim.advance(999)
    assert.deepEqual(sim.metrics.latest(), [])
    sim.advance(2001)
    const value = sim.windows('shop')[2]?.throughput
    assert.deepEqual(sim.metrics.latest(), [{ metric: 'rate', domain: 'shop', takenAtMs: 3000, value }])
  })

  it('are as far off as their noise lets them be', () => {
    const sim = make({ noise: 0.1 })
    sim.metrics.start(named('rate'))
    const off: number[] = []
    for (let second = 0; second < 200; second++) {
      sim.advance(1000)
      off.push((sim.metrics.latest()[0]?.value ?? 0) / (sim.windows('shop')[second]?.throughput ?? 1))
    }
    assert.ok(Math.min(...off) >= 0.9 && Math.min(...off) < 0.92, `${Math.min(...off)}`)
    assert.ok(Math.max(...off) <= 1.1 && Math.max(...off) > 1.08, `${Math.max(...off)}`)
  })

  it('stop where that was planned', () => {
    const sim = make({ faults: [{ kind: 'metric-stops', metric: 'p95', atMs: 2500, untilMs: 6000 }] })
    for (const metric of ['p95', 'rate']) sim.metrics.start(named(metric))
    const takenAt = () => sim.metrics.latest().map(({ takenAtMs }) => takenAtMs)
    sim.advance(5000)
    assert.deepEqual(takenAt(), [2000, 5000])
    sim.advance(1000)
    assert.deepEqual(takenAt(), [6000, 6000])
  })

  it('come late where that was planned, of the time at which they were taken', () => {
    const sim = make({ faults: [{ kind: 'metric-late', metric: 'p95', byMs: 2500, atMs: 2500, untilMs: 6000 }] })
    for (const metric of ['p95', 'rate']) sim.metrics.start(named(metric))
    const takenAt = () => sim.metrics.latest().map(({ takenAtMs }) => takenAtMs)
    sim.advance(5000)
    assert.deepEqual(takenAt(), [2000, 5000])
    sim.advance(499)
    assert.deepEqual(takenAt(), [2000, 5000])
    sim.advance(1)
    assert.deepEqual(takenAt(), [3000, 5000])
    assert.equal(sim.metrics.latest()[0]?.value, sim.windows('shop')[2]?.p95Ms)
    sim.advance(500)
    assert.deepEqual(takenAt(), [6000, 6000])
    // What was underway then is older than what has been told.
    sim.advance(900)
    assert.deepEqual(takenAt(), [6000, 6000])
  })

  it('have nothing to say of a domain that is gone', () => {
    const sim = make({ faults: [{ kind: 'vanish', domain: 'shop', atMs: 1500 }] })
    sim.metrics.start(named('rate'))
    sim.advance(5000)
    assert.equal(sim.metrics.latest()[0]?.takenAtMs, 1000)
  })

  it('may be reported by several domains under one name, and in another unit', () => {
    const load = { kind: 'open', arrivalsPerSecond: 100, demandMs: 4, parallelism: 4 } as const
    const what = 'throughput' as const
    const sim = make({
      domains: [
        { name: 'a', load },
        { name: 'b', load },
      ],
      metrics: {
        rate: [
          { domain: 'a', what },
          { domain: 'b', what, factor: 0.001 },
        ],
      },
    })
    sim.metrics.start(named('rate'))
    sim.advance(1000)
    assert.deepEqual(
      sim.metrics.latest().map(({ domain, value }) => [domain, value]),
      [
        ['a', sim.windows('a')[0]?.throughput],
        ['b', (sim.windows('b')[0]?.throughput ?? 0) / 1000],
      ],
    )
  })

  it('must be of a domain that there is', () => {
    assert.throws(() => make({ metrics: { p95: { domain: 'chop', what: 'p95' } } }), /no simulated domain 'chop'/)
  })
})

describe('simulated CPU counters', () => {
  const domains = [{ name: 'hog', load: { kind: 'batch', threads: 8 } as const }]
  async function counted(noise: number) {
    const sim = make({ domains, metrics: {}, noise })
    await sim.driver.prepare({
      domains: [{ name: 'hog', driver: 'simulator', match: { kind: 'name' } }],
    } as unknown as Policy)
    const seen: { used: number; waited: number; ofHost: number; exact: number }[] = []
    for (let second = 0; second < 100; second++) {
      sim.advance(1000)
      const { domains: found, capacity } = await sim.driver.observe(false)
      const { cpu: used = 0, 'cpu.waitMs': waited = 0 } = found[0]?.counters ?? {}
      seen.push({ used, waited, ofHost: capacity['cpu' as ResourceKey]?.used ?? 0, exact: sim.usedOf('hog') })
    }
    return { seen, work: sim.workOf('hog') }
  }

  it('are read as far off as their noise lets them be, each by itself', async () => {
    const { seen, work } = await counted(0.1)
    for (const key of ['used', 'waited', 'ofHost'] as const) {
      const grown = seen.slice(1).map((one, index) => one[key] - (seen[index]?.[key] ?? 0))
      assert.ok(Math.min(...grown) >= 3599 && Math.min(...grown) < 3700, `${key}: ${Math.min(...grown)}`)
      assert.ok(Math.max(...grown) <= 4401 && Math.max(...grown) > 4300, `${key}: ${Math.max(...grown)}`)
      assert.ok(seen.every((one) => Math.abs(one[key] - one.exact) <= 401))
    }
    assert.ok(seen.slice(1).every(({ used, waited, ofHost }) => used !== waited && used !== ofHost))
    assert.equal(work, (await counted(0)).work)
  })

  it('are exact without noise', async () => {
    for (const { used, ofHost, exact } of (await counted(0)).seen) assert.deepEqual([used, ofHost], [exact, exact])
  })
})

describe('planned faults', () => {
  it('take CPUs away and give them back', async () => {
    const domains = [{ name: 'hog', load: { kind: 'batch', threads: 8 } as const }]
    const faults: Fault[] = [
      { kind: 'cpus', online: [0], atMs: 1000 },
      { kind: 'cpus', online: [0, 1, 2, 3], atMs: 2000 },
    ]
    const sim = make({ domains, metrics: {}, faults })
    const worked: number[] = []
    const cpus: number[] = []
    for (let second = 0; second < 3; second++) {
      const before = sim.workOf('hog')
      sim.advance(1000)
      worked.push(Math.round(sim.workOf('hog') - before))
      cpus.push((await sim.driver.observe(false)).topology.cpus.length)
    }
    assert.deepEqual(worked, [4000, 1000, 4000])
    assert.deepEqual(cpus, [4, 1, 4])
    assert.throws(() => sim.plant({ kind: 'cpus', online: [], atMs: 0 }), /at least one CPU/)
  })

  it('are the same for the same seed, and as many as asked for', () => {
    const scene = { durationMs: 3_600_000, perMinute: 2, cpus: 4, domains: ['a', 'b'], metrics: ['m'] }
    assert.deepEqual(drawFaults({ ...scene, seed: 1 }), drawFaults({ ...scene, seed: 1 }))
    assert.notDeepEqual(drawFaults({ ...scene, seed: 1 }), drawFaults({ ...scene, seed: 2 }))
    const faults = drawFaults({ ...scene, seed: 1 })
    assert.deepEqual(
      new Set(faults.map(({ kind }) => kind)),
      new Set(['vanish', 'write-fails', 'cpus', 'metric-stops', 'metric-late']),
    )
    // CPUs that go come back in a fault of their own. The standard deviation of the count is 11.
    const count = faults.length - faults.filter((fault) => fault.kind === 'cpus' && fault.online.length === 4).length
    assert.ok(Math.abs(count - 120) < 45, `${count}`)
    const unread = drawFaults({ ...scene, metrics: [], seed: 1 })
    assert.ok(unread.length > 0 && unread.every((fault) => !('metric' in fault)))
  })

  it('leave the load as it is without them', () => {
    const stricken = make({ faults: [{ kind: 'metric-stops', metric: 'p95', atMs: 0 }] })
    const spared = make()
    for (const sim of [stricken, spared]) sim.advance(5000)
    assert.deepEqual(stricken.windows('shop'), spared.windows('shop'))
  })
})

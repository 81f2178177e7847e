import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Change } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { Knob, Setting } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import type { DomainOptions } from './domain.ts'
import type { Load } from './load.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from './simulator.ts'
import { NEVER_MS } from './windows.ts'

const hog = (name: string, its: Partial<DomainOptions> = {}): DomainOptions => {
  return { name, load: { kind: 'batch', threads: 4 }, ...its }
}
/** 100 requests a second of 4 ms each: 0.4 CPU. */
const shop: DomainOptions = {
  name: 'shop',
  load: { kind: 'open', arrivalsPerSecond: 100, demandMs: 4, parallelism: 4 },
}
const host = (domains: readonly DomainOptions[], its: Partial<SimulatorOptions> = {}): Simulator =>
  createSimulator({ cpus: 2, seed: 1, domains, ...its })

const policyOf = (...names: readonly string[]) =>
  ({ domains: names.map((name) => ({ name, driver: 'simulator', match: { kind: 'name' } })) }) as unknown as Policy
const nodeOf = (name: string) => `/${name}` as NodeId
function write(sim: Simulator, name: string, knob: Knob, to: Setting) {
  const change = { driver: 'simulator', node: nodeOf(name), identity: null, knob, to } as Change
  return sim.driver.apply(change, new AbortController().signal)
}
function assertNear(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance * expected, `${actual} is not near ${expected}`)
}
const seconds = (sim: Simulator, name: string) => sim.windows(name).map(({ p95Ms }) => p95Ms ?? 0)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

describe('what requests cost', () => {
  // Nobody waits: 200 a second of 2 ms on 8 CPUs. Of the last one 0.1 x exp(-x / 5.5) = 0.05 at 3.81.
  for (const [spread, p95] of [
    ['constant', 1],
    ['exponential', Math.log(20)],
    ['hyperexponential', 5.5 * Math.log(2)],
  ] as const) {
    it(`is spread: ${spread}`, () => {
      const load = { kind: 'open', arrivalsPerSecond: 200, demandMs: 2, spread, parallelism: 64 } as const
      const sim = host([{ name: 'a', load }], { cpus: 8 })
      sim.advance(500_000)
      assertNear(sim.usedOf('a') / sim.workOf('a'), 2, 0.03)
      assertNear(mean(seconds(sim, 'a')) / 2, p95, 0.06)
    })
  }
})

describe('simulated CPUs', () => {
  it('are divided by weight: 3 to 1', () => {
    const sim = host([hog('a', { weight: 3072 }), hog('b')])
    sim.advance(10_000)
    assertNear(sim.workOf('a') / sim.workOf('b'), 3, 1e-9)
    assertNear(sim.workOf('a') + sim.workOf('b'), 20_000, 1e-9)
  })

  it('give a quota of 20 % of a CPU that much and no more', async () => {
    const sim = host([hog('a'), hog('b')])
    await write(sim, 'a', 'cpu.quota', 200)
    sim.advance(10_000)
    assertNear(sim.workOf('a'), 2000, 1e-6)
    assertNear(sim.workOf('b'), 18_000, 1e-6)
  })

  it('give a batch job with one thread one of them', () => {
    const sim = host([hog('a', { load: { kind: 'batch', threads: 1 } })])
    sim.advance(1000)
    assertNear(sim.workOf('a'), 1000, 1e-9)
  })

  it('keep to CPU sets, and let those who have other CPUs use them', async () => {
    const sim = host([hog('a'), hog('b'), hog('c')])
    await write(sim, 'a', 'cpu.set', '0')
    await write(sim, 'b', 'cpu.set', '0')
    sim.advance(1000)
    assertNear(sim.workOf('a'), 500, 1e-6)
    assertNear(sim.workOf('b'), 500, 1e-6)
    assertNear(sim.workOf('c'), 1000, 1e-6)
  })

  it('let a frozen domain do nothing, and lose none of its requests', async () => {
    const sim = host([hog('a'), shop])
    await write(sim, 'a', 'freeze', 1)
    await write(sim, 'shop', 'freeze', 1)
    sim.advance(2000)
    assert.equal(sim.workOf('a') + sim.workOf('shop'), 0)
    assert.equal((await sim.driver.read(nodeOf('a'), 'freeze'))?.value, 1)
    await write(sim, 'shop', 'freeze', 0)
    sim.advance(2000)
    const offered = sim.windows('shop').reduce((sum, window) => sum + window.offered, 0)
    assertNear(sim.workOf('shop'), offered, 0.02)
    assert.ok(Math.max(...seconds(sim, 'shop')) > 1900, 'who waited two seconds is seen to have')
  })

  it('serve those whom nobody manages first', () => {
    const sim = host([hog('a')], { unmanagedMilli: 500 })
    sim.advance(1000)
    assertNear(sim.workOf('a'), 1500, 1e-6)
  })

  it('leave to a batch job whatever services do not use, to the last bit', async () => {
    const sim = host([hog('batch'), { ...shop, load: { ...shop.load, parallelism: 1 } as Load }])
    sim.advance(20_000)
    await sim.driver.prepare(policyOf('batch', 'shop'))
    const { capacity, domains } = await sim.driver.observe(true)
    const used = domains.reduce((sum, { counters }) => sum + (counters['cpu'] as number), 0)
    assertNear(capacity['cpu']?.used as number, 40_000, 1e-9)
    assertNear(used, 40_000, 1e-9)
  })

  it('are all open to a domain of whose CPU set none is left', async () => {
    const sim = host([hog('a'), hog('b')], { faults: [{ kind: 'cpus', online: [0], atMs: 1000 }] })
    await write(sim, 'a', 'cpu.set', '1')
    sim.advance(2000)
    assert.deepEqual(sim.cpusOf('a'), [0])
    assertNear(sim.workOf('a'), 1500, 1e-6)
  })
})

describe('simulated requests', () => {
  it('are answered in the time that queueing theory gives: M/M/1 at 80 % takes five services', () => {
    const load = { kind: 'open', arrivalsPerSecond: 200, demandMs: 4, parallelism: 1 } as const
    const sim = host([{ name: 'one', load }], { cpus: 1 })
    sim.advance(600_000)
    // Response times are exponential with mean 20 ms, so the 95th percentile is 20 ln 20 = 59.9 ms over all time; a
    // second has but 200 requests that depend on each other, and their 95th percentile is lower: about 41 ms.
    assertNear(mean(sim.windows('one').map(({ throughput }) => throughput)), 200, 0.02)
    assert.ok(mean(seconds(sim, 'one')) > 30 && mean(seconds(sim, 'one')) < 60)
  })

  it('are counted second by second, of which only the last are kept where so many are asked for', () => {
    const [all, some] = [host([shop]), host([shop], { windowsMost: 3 })]
    for (const sim of [all, some]) sim.advance(10_000)
    assert.deepEqual(some.windows('shop'), all.windows('shop').slice(-3))
    assert.equal(some.workOf('shop'), all.workOf('shop'))
  })

  it('take the time of their work on an idle host', () => {
    const load = { kind: 'open', arrivalsPerSecond: 1, demandMs: 7, spread: 'constant', parallelism: 2 } as const
    const sim = host([{ name: 'quiet', load }])
    sim.advance(5000)
    for (const p95 of seconds(sim, 'quiet').filter((ms) => ms > 0)) assertNear(p95, 7, 1e-6)
  })

  it('take longer when the domain is starved', () => {
    const starved = host([shop, hog('a'), hog('b'), hog('c'), hog('d')], { cpus: 1 })
    const served = host([{ ...shop, weight: 100_000 }, hog('a'), hog('b'), hog('c'), hog('d')], { cpus: 1 })
    starved.advance(10_000)
    served.advance(10_000)
    // Alone on the CPU it would be 20 ms: a queue with a load of 0.4 and a service of 4 ms.
    assert.ok(mean(seconds(served, 'shop')) < 40, `${mean(seconds(served, 'shop'))}`)
    assert.ok(mean(seconds(starved, 'shop')) > 1000, `${mean(seconds(starved, 'shop'))}`)
  })

  it('are turned away where too many are under way, as often as the M/M/1/K queue says', () => {
    const load = { kind: 'open', arrivalsPerSecond: 400, demandMs: 4, parallelism: 1, underwayMost: 10 } as const
    const sim = host([{ name: 'full', load }], { cpus: 1 })
    sim.advance(200_000)
    // With a load of r = 1.6 and K = 10 places, (1 - r) r^K / (1 - r^(K+1)) = 0.377 find no room.
    assertNear(mean(sim.windows('full').map(({ throughput }) => throughput)), 400 * (1 - 0.377), 0.02)
    assertNear(mean(sim.windows('full').map(({ offered }) => offered)), 400, 0.02)
    assert.ok(seconds(sim, 'full').every((p95) => p95 === NEVER_MS))
  })

  it('come from clients that wait for their answers', () => {
    const load = { kind: 'closed', clients: 4, demandMs: 5, spread: 'constant', thinkMs: 0, parallelism: 4 } as const
    const sim = host([{ name: 'pressed', load }])
    sim.advance(10_000)
    assertNear(sim.workOf('pressed'), 4000, 0.01)
    assert.ok(seconds(sim, 'pressed').every((p95) => Math.abs(p95 - 10) < 0.1))
    sim.set('pressed', { thinkMs: 1000 })
    sim.advance(60_000)
    // Four clients, each asking about once a second.
    assertNear(
      mean(
        sim
          .windows('pressed')
          .slice(20)
          .map(({ throughput }) => throughput),
      ),
      4,
      0.2,
    )
  })

  it('share the CPUs of their domain', async () => {
    const load = { kind: 'closed', clients: 4, demandMs: 5, spread: 'constant', thinkMs: 0, parallelism: 4 } as const
    const sim = host([{ name: 'pinned', load }])
    await write(sim, 'pinned', 'cpu.set', '1')
    sim.advance(5000)
    assert.ok(seconds(sim, 'pinned').every((p95) => Math.abs(p95 - 20) < 0.1))
    assertNear(sim.workOf('pinned'), 1000, 0.01)
  })

  it('come as fast as one client can ask', () => {
    const load = { kind: 'closed', clients: 1, demandMs: 1, spread: 'constant', thinkMs: 0, parallelism: 1 } as const
    const sim = host([{ name: 'eager', load }])
    sim.advance(1000)
    assertNear(sim.workOf('eager'), 1000, 0.002)
  })

  it('end with the clients that leave, and do not come all at once from a load that was absent', () => {
    const load = { kind: 'closed', clients: 8, demandMs: 2, thinkMs: 100, parallelism: 4 } as const
    const sim = host([{ name: 'shop', load }])
    sim.advance(10_000)
    sim.set('shop', { clients: 2 })
    sim.advance(20_000)
    const offered = sim.windows('shop').map((window) => window.offered)
    assertNear(mean(offered.slice(0, 10)), 78, 0.1)
    assertNear(mean(offered.slice(12)), 19.6, 0.1)
    sim.set('shop', { kind: 'open', arrivalsPerSecond: 50 })
    sim.advance(20_000)
    assertNear(
      mean(
        sim
          .windows('shop')
          .slice(30)
          .map((window) => window.offered),
      ),
      50,
      0.1,
    )
  })

  it('follow a load that is changed at run time', () => {
    const sim = host([shop])
    sim.advance(10_000)
    sim.set('shop', { arrivalsPerSecond: 300 })
    sim.advance(20_000)
    const offered = sim.windows('shop').map((window) => window.offered)
    assertNear(mean(offered.slice(0, 10)), 100, 0.1)
    assertNear(mean(offered.slice(10)), 300, 0.1)
    sim.set('shop', { kind: 'closed', clients: 1, thinkMs: 100 })
    sim.advance(20_000)
    assertNear(
      mean(
        sim
          .windows('shop')
          .slice(35)
          .map((window) => window.offered),
      ),
      9.6,
      0.2,
    )
    assert.throws(() => sim.set('shop', { kind: 'batch' }), /threads of a load of kind batch is undefined/)
  })
})

describe('a simulated host', () => {
  it('counts use, waiting and throttling as the kernel does', async () => {
    const sim = host([
      hog('a', { load: { kind: 'batch', threads: 2 } }),
      hog('b', { load: { kind: 'batch', threads: 2 } }),
    ])
    await write(sim, 'a', 'cpu.quota', 500)
    sim.advance(1000)
    await sim.driver.prepare(policyOf('a', 'b'))
    const { domains, capacity, nodes } = await sim.driver.observe(true)
    const [a, b] = domains.map(({ counters }) => counters as Record<string, number>)
    assertNear(a?.['cpu'] as number, 500, 1e-6)
    // Two threads for a second: 2000 ms, of which it ran 500.
    assertNear((a?.['cpu.throttledMs'] as number) + (a?.['cpu.waitMs'] as number), 1500, 1e-6)
    assert.ok((a?.['cpu.throttledMs'] as number) > 500)
    assert.equal(b?.['cpu.throttledMs'], 0)
    assertNear(b?.['cpu'] as number, 1500, 1e-6)
    assertNear(b?.['cpu.waitMs'] as number, 500, 1e-6)
    assertNear(capacity['cpu']?.used as number, 2000, 1e-6)
    assert.deepEqual(
      nodes.map(({ id }) => id),
      ['/', '/a', '/b'],
    )
  })

  it('matches names before patterns, and counts the weights of whom nobody names', async () => {
    const sim = host([hog('web-2'), hog('web-1', { weight: 512 }), hog('db', { weight: 2048 }), hog('other')])
    const prepared = await sim.driver.prepare(policyOf('web-*', 'web-1', 'gone'))
    assert.deepEqual(
      prepared.map(({ domain, status }) => `${domain} ${status}`),
      ['web-2 running', 'web-1 running', 'gone absent'],
    )
    const { domains, nodes } = await sim.driver.observe(true)
    assert.deepEqual(
      domains.map(({ name, policyIndex }) => `${name} ${policyIndex}`),
      ['web-2 0', 'web-1 1'],
    )
    assert.equal(nodes[0]?.unmanagedWeight, 2048 + 1024)
  })

  it('is the same for the same seed, bit for bit, however often it is looked at', () => {
    const options = { domains: [shop, { ...shop, name: 'api' }, hog('batch')], noise: 0.1 }
    const one = host(options.domains)
    const other = host(options.domains)
    one.advance(30_000)
    for (let ms = 0; ms < 30_000; ms += 7.5) other.advance(7.5)
    assert.deepEqual(one.windows('shop'), other.windows('shop'))
    assert.equal(one.workOf('batch'), other.workOf('batch'))
    const third = host(options.domains, { seed: 2 })
    third.advance(30_000)
    assert.notDeepEqual(one.windows('shop'), third.windows('shop'))
  })

  it('is the same however often it is looked at, also where quotas are spent and CPUs are lost', async () => {
    const faults = [{ kind: 'cpus', online: [0], atMs: 4000 }] as const
    const [one, other] = [host([shop, hog('batch')], { faults }), host([shop, hog('batch')], { faults })]
    for (const sim of [one, other]) {
      await sim.driver.prepare(policyOf('shop', 'batch'))
      await write(sim, 'shop', 'cpu.quota', 150)
    }
    one.advance(10_000)
    for (let ms = 0; ms < 10_000; ms += 12.5) {
      other.advance(12.5)
      await other.driver.observe(true)
    }
    assert.deepEqual(one.windows('shop'), other.windows('shop'))
    assert.deepEqual(await one.driver.observe(true), await other.driver.observe(true))
  })

  it('tells at any time what is used and waited by then', async () => {
    const sim = host([hog('a'), hog('b')])
    sim.advance(2.5)
    assertNear(sim.usedOf('a'), 2.5, 1e-9)
    assertNear(sim.waitedOf('a'), 7.5, 1e-9)
    assertNear(sim.used(), 5, 1e-9)
    sim.plant({ kind: 'vanish', domain: 'a', atMs: 2.5, backAtMs: 5 })
    sim.advance(5)
    assertNear(sim.usedOf('a'), 5, 1e-9)
    assertNear(sim.workOf('a'), 5, 1e-9)
    assertNear(sim.used(), 15, 1e-9)
    assertNear(sim.waitedOf('a'), 7.5, 1e-9)
  })

  it('lets no time pass where nothing happens', () => {
    const sim = host([hog('a'), { ...shop, load: { ...shop.load, arrivalsPerSecond: 0 } as Load }])
    const before = process.cpuUsage()
    sim.advance(7 * 24 * 3_600_000)
    const { user, system } = process.cpuUsage(before)
    assertNear(sim.workOf('a'), 2 * 7 * 24 * 3_600_000, 1e-9)
    // A week has 604,800 seconds that are counted, which takes half a second or less; in steps it would be minutes.
    assert.ok(user + system < 5_000_000, `${(user + system) / 1000} ms`)
  })

  it('has arrivals of each domain that do not depend on others', () => {
    const alone = host([shop])
    const among = host([hog('batch'), { ...shop, name: 'api' }, shop])
    alone.advance(10_000)
    among.advance(10_000)
    const offered = (sim: Simulator) => sim.windows('shop').map((window) => window.offered)
    assert.deepEqual(offered(alone), offered(among))
  })

  it('refuses settings that a kernel would refuse', async () => {
    const sim = host([hog('a')])
    const cases: readonly (readonly [Knob, Setting, string])[] = [
      ['cpu.weight', 1, 'ERANGE'],
      ['cpu.weight', 10.5, 'ERANGE'],
      ['cpu.quota', 5, 'ERANGE'],
      ['cpu.set', '0-2', 'EINVAL'],
      ['freeze', 2, 'ERANGE'],
      ['io.weight', 100, 'ENOTSUP'],
    ]
    for (const [knob, to, code] of cases) {
      const outcome = await write(sim, 'a', knob, to)
      assert.equal(outcome.status === 'failed' && outcome.code, code, `${knob} ${to}`)
    }
    assert.equal((await write(sim, 'nobody', 'cpu.weight', 10)).status, 'vanished')
  })

  it('computes 40 domains that are pinned apart as soon', () => {
    const sim = host(
      Array.from({ length: 40 }, (_, cpu) => hog(`hog-${cpu}`, { cpus: `${cpu}` })),
      { cpus: 40 },
    )
    const before = process.cpuUsage()
    sim.advance(60_000)
    const { user, system } = process.cpuUsage(before)
    for (let cpu = 0; cpu < 40; cpu++) assertNear(sim.workOf(`hog-${cpu}`), 60_000, 1e-9)
    assert.ok(user + system < 900_000, `${(user + system) / 1000} ms`)
  })

  it('computes a minute of ten domains in well under a second', () => {
    const sim = host(
      Array.from({ length: 10 }, (_, index) => (index < 8 ? { ...shop, name: `shop-${index}` } : hog(`hog-${index}`))),
      { cpus: 4 },
    )
    const before = process.cpuUsage()
    sim.advance(60_000)
    const { user, system } = process.cpuUsage(before)
    // It takes 100 to 300 ms; the bound leaves room for slow and busy machines.
    assert.ok(user + system < 900_000, `${(user + system) / 1000} ms`)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Change } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { DomainOptions } from './domain.ts'
import type { Hardware } from './hardware.ts'
import { createSimulator, type Simulator } from './simulator.ts'
import { remoteSpeed, sharedCacheSpeed, siblingSpeed, spanSpeed } from './speed.ts'

const PLAIN: Hardware = { sockets: 1, cores: 4, threads: 1, caches: 1, nodes: 1 }
/**
 * Every core has a cache of its own, so that nobody is in anybody's way but on the same core; there they also share half of
 * the cache's CPUs.
 */
const SMT: Hardware = { ...PLAIN, threads: 2, caches: 4 }
const CACHES: Hardware = { ...PLAIN, cores: 8, caches: 2 }
const NUMA: Hardware = { sockets: 2, cores: 4, threads: 1, caches: 1, nodes: 2 }

/** Speed beside somebody else on the other sibling: 0.625 x 0.95. */
const BESIDE = 0.5938

const hog = (name: string, cpus: string, threads: number): DomainOptions => {
  return { name, cpus, load: { kind: 'batch', threads } }
}
const host = (hardware: Hardware, domains: readonly DomainOptions[]): Simulator =>
  createSimulator({ cpus: hardware.sockets * hardware.cores * hardware.threads, hardware, seed: 1, domains })
async function hold(sim: Simulator, name: string, cpus: string): Promise<void> {
  const change = { driver: 'simulator', node: `/${name}` as NodeId, identity: null, knob: 'cpu.set', to: cpus }
  const outcome = await sim.driver.apply(change as Change, new AbortController().signal)
  assert.equal(outcome.status, 'applied')
}
/** Work that each does in a millisecond of its CPU time, in the second to come. */
function speeds(sim: Simulator, ...names: readonly string[]): number[] {
  const look = () => names.map((name) => [sim.workOf(name), sim.usedOf(name)] as const)
  const before = look()
  sim.advance(1000)
  return look().map(([work, used], at) => {
    const [workBefore = 0, usedBefore = 0] = before[at] ?? []
    return Number(((work - workBefore) / (used - usedBefore)).toFixed(4))
  })
}

describe('siblings', () => {
  it('do 1.25 of the work of one together', () => {
    assert.deepEqual([0.5, 1, 1.5, 2].map(siblingSpeed), [1, 1, 0.75, 0.625])
    assert.deepEqual(speeds(host(SMT, [hog('a', '0,4', 2)]), 'a'), [0.625])
    assert.deepEqual(speeds(host(SMT, [hog('a', '0', 1), hog('b', '4', 1)]), 'a', 'b'), [BESIDE, BESIDE])
  })

  it('count CPU time as ever', () => {
    const sim = host(SMT, [hog('a', '0', 1), hog('b', '4', 1)])
    sim.advance(1000)
    assert.equal(sim.usedOf('a'), 1000)
    assert.equal(sim.used(), 2000)
  })

  it('alone run at full speed', () => {
    assert.deepEqual(speeds(host(SMT, [hog('a', '0', 1), hog('b', '5', 1)]), 'a', 'b'), [1, 1])
    assert.deepEqual(speeds(host(SMT, [hog('a', '0,4', 1)]), 'a'), [1])
  })

  it('are left alone while other cores are idle', () => {
    // Three of four cores are left for b, which spans as many caches: 1 - 0.05 x 3/4.
    assert.deepEqual(speeds(host(SMT, [hog('a', '0', 1), hog('b', '0-7', 3)]), 'a', 'b'), [1, 0.9625])
  })

  it('that are taken away disturb nobody', () => {
    const sim = host(SMT, [hog('a', '0', 1), hog('b', '4', 1)])
    sim.plant({ kind: 'cpus', online: [0, 1, 2, 3], atMs: 1000 })
    assert.deepEqual(speeds(sim, 'a', 'b'), [BESIDE, BESIDE])
    // Of b's CPUs none is left, so it has all: it goes where a is not.
    assert.deepEqual(speeds(sim, 'a', 'b'), [1, 0.9625])
  })

  it('make answers slower, too', () => {
    const shop: DomainOptions = {
      name: 'shop',
      cpus: '0',
      load: { kind: 'closed', clients: 1, thinkMs: 0, demandMs: 5, spread: 'constant', parallelism: 1 },
    }
    const [alone, beside] = [[shop], [shop, hog('b', '4', 1)]].map((domains) => {
      const sim = host(SMT, domains)
      sim.advance(1000)
      return sim.windows('shop')[0]?.p95Ms
    })
    assert.ok(Math.abs((alone ?? 0) - 5) < 1e-6 && Math.abs((beside ?? 0) - 5 / 0.59375) < 1e-6, `${alone} ${beside}`)
  })

  it('read as much for each answer', async () => {
    const shop: DomainOptions = {
      name: 'shop',
      cpus: '0',
      memory: 2 ** 20,
      load: {
        kind: 'closed',
        clients: 1,
        thinkMs: 0,
        demandMs: 5,
        spread: 'constant',
        parallelism: 1,
        diskBytes: 4096,
      },
    }
    const sim = host(SMT, [shop, hog('b', '4', 1)])
    await sim.driver.prepare({ domains: [{ name: 'shop', driver: 'simulator', match: { kind: 'name' } }] } as never)
    const read = async () => (await sim.driver.observe(true)).domains[0]?.counters['io.read'] ?? 0
    sim.advance(1000)
    const isRead = await read()
    assert.ok(Math.abs(isRead / 4096 - sim.workOf('shop')) < 1, `${isRead / 4096} answers, ${sim.workOf('shop')}`)
    // While it runs as when what it did is counted.
    sim.set('b', { threads: 0 })
    assert.equal(await read(), isRead)
  })

  it('follow what others do from event to event', () => {
    const sim = host(SMT, [hog('a', '0', 1), hog('b', '4', 0)])
    assert.deepEqual(speeds(sim, 'a'), [1])
    sim.set('b', { threads: 1 })
    assert.deepEqual(speeds(sim, 'a', 'b'), [BESIDE, BESIDE])
    sim.set('b', { threads: 0 })
    assert.deepEqual(speeds(sim, 'a'), [1])
  })
})

describe('caches', () => {
  it('lose a tenth to others who keep all of their CPUs busy', () => {
    assert.deepEqual([0, 0.5, 1].map(sharedCacheSpeed), [1, 0.95, 0.9])
    // Of its four CPUs others keep three busy, and of theirs one is.
    assert.deepEqual(speeds(host(CACHES, [hog('a', '0', 1), hog('b', '1-3', 3)]), 'a', 'b'), [0.925, 0.975])
  })

  it('lose nothing to who runs on another, or to oneself', () => {
    assert.deepEqual(speeds(host(CACHES, [hog('a', '0-3', 4), hog('b', '4-7', 4)]), 'a', 'b'), [1, 1])
  })

  it('lose somewhat to others with the same CPUs', () => {
    // Each keeps two of the four CPUs busy.
    assert.deepEqual(speeds(host(CACHES, [hog('a', '0-3', 4), hog('b', '0-3', 4)]), 'a', 'b'), [0.95, 0.95])
  })

  it('serve a domain less that spans several', () => {
    assert.deepEqual([1, 2, 4].map(spanSpeed), [1, 0.975, 0.9625])
    assert.deepEqual(speeds(host(CACHES, [hog('a', '3-4', 1)]), 'a'), [0.975])
    assert.deepEqual(speeds(host(CACHES, [hog('a', '2-3', 1)]), 'a'), [1])
  })

  it('are shared with those whom nobody manages', () => {
    const sim = createSimulator({
      cpus: 4,
      hardware: PLAIN,
      seed: 1,
      unmanagedMilli: 1000,
      domains: [hog('a', '0', 1)],
    })
    assert.deepEqual(speeds(sim, 'a'), [0.975])
  })
})

describe('nodes', () => {
  const rounded = (speed: number) => Number(speed.toFixed(4))

  it('make work slower whose memory is on another', async () => {
    assert.deepEqual([0, 0.5, 1].map(remoteSpeed).map(rounded), [1, 0.8696, 0.7692])
    const sim = host(NUMA, [hog('a', '0-3', 2)])
    assert.deepEqual(speeds(sim, 'a'), [1])
    await hold(sim, 'a', '4-7')
    assert.deepEqual(speeds(sim, 'a'), [0.7692])
    await hold(sim, 'a', '0-3')
    assert.deepEqual(speeds(sim, 'a'), [1])
  })

  it('each have their part of the memory of who first ran on all of them', async () => {
    const sim = host(NUMA, [hog('a', '0-7', 2)])
    // Two caches, and half of the memory elsewhere; then the one of the nodes does not help.
    assert.deepEqual(speeds(sim, 'a'), [rounded(0.975 / 1.15)])
    await hold(sim, 'a', '0-3')
    assert.deepEqual(speeds(sim, 'a'), [rounded(1 / 1.15)])
  })

  it('have the memory where a domain first ran, not where it might have', async () => {
    const sim = host(NUMA, [hog('a', '0-3', 0)])
    sim.advance(1000)
    await hold(sim, 'a', '4-7')
    sim.set('a', { threads: 1 })
    assert.deepEqual(speeds(sim, 'a'), [1])
  })

  it('have the memory of one who was told where to run before time passed', async () => {
    const sim = host(NUMA, [hog('a', '0-7', 1)])
    sim.advance(0)
    await hold(sim, 'a', '4-7')
    assert.deepEqual(speeds(sim, 'a'), [1])
  })

  it('have other memory of another domain of the same name', async () => {
    const sim = host(NUMA, [hog('a', '0-3', 1)])
    await hold(sim, 'a', '4-7')
    assert.deepEqual(speeds(sim, 'a'), [1])
    sim.plant({ kind: 'vanish', domain: 'a', atMs: 1500, backAtMs: 2500 })
    sim.advance(2000)
    // It came back to where it is found.
    assert.deepEqual(speeds(sim, 'a'), [1])
  })
})

describe('a host that says how it is built', () => {
  it('tells it to whoever observes', async () => {
    const { topology } = await host(NUMA, [hog('a', '0', 1)]).driver.observe(true)
    assert.deepEqual(topology.cpus[5], { id: 5, core: 5, socket: 1, node: 1, cache: 1 })
  })

  it('does not change the others: without it every millisecond is worth the same', () => {
    const sim = createSimulator({ cpus: 4, seed: 1, domains: [hog('a', '0-3', 4), hog('b', '0-3', 4)] })
    assert.deepEqual(speeds(sim, 'a', 'b'), [1, 1])
  })

  it('does not depend on how often it is looked at', () => {
    const run = (steps: number) => {
      const shop: DomainOptions = {
        name: 'shop',
        load: { kind: 'open', arrivalsPerSecond: 300, demandMs: 10, parallelism: 8 },
      }
      const sim = host({ ...NUMA, threads: 2 }, [shop, hog('b', '0-7', 6)])
      for (let step = 0; step < steps; step++) sim.advance(5000 / steps)
      return sim.windows('shop')
    }
    assert.deepEqual(run(5000), run(1))
  })

  it('is refused where its numbers are not those of its CPUs', () => {
    assert.throws(() => createSimulator({ cpus: 3, hardware: PLAIN, seed: 1, domains: [] }), /3 CPUs/)
  })
})

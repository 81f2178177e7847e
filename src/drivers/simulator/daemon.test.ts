import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { Outcome } from '#core/model/decision.ts'
import type { TurnSummary } from '#daemon/control.ts'
import { SILENT } from '#daemon/log.ts'
import { startDaemon } from '#daemon/main.ts'
import { watchWindows } from '#daemon/windows.ts'
import { drawFaults, type Fault } from './fault.ts'
import { createSimulator, type Simulator } from './simulator.ts'

/** The daemon as it is, its loop, journal and sockets included, in a host that is computed. */

/** On two CPUs: a shop that needs 0.78, an API that needs 0.64, and a batch job that takes what it gets. */
function simulate(faults: readonly Fault[] = []): Simulator {
  return createSimulator({
    cpus: 2,
    seed: 7,
    domains: [
      { name: 'shop', load: { kind: 'open', arrivalsPerSecond: 195, demandMs: 4, spread: 'constant', parallelism: 4 } },
      { name: 'api', load: { kind: 'open', arrivalsPerSecond: 128, demandMs: 5, spread: 'constant', parallelism: 4 } },
      { name: 'batch', load: { kind: 'batch', threads: 4 } },
    ],
    metrics: { 'shop-p95': { domain: 'shop', what: 'p95' }, 'api-p95': { domain: 'api', what: 'p95' } },
    faults,
    calendar: watchWindows,
  })
}

const policyIn = (mode: 'observe' | 'manage') => `
apiVersion: reeve/v1
host: { mode: ${mode}, interval: 1s, headroom: { cpu: 2% }, surplus: { default: [batch] }, cooldown: 3s }
windows:
  day: { cron: "* 7-17 * * *", zone: Europe/Berlin }
metrics:
  shop-p95: { source: push, domain: shop, unit: ms, staleAfter: 5s }
  api-p95: { source: push, domain: api, unit: ms, staleAfter: 5s }
domains:
  shop: { driver: simulator }
  api: { driver: simulator }
  batch: { driver: simulator }
goals:
  - { domain: shop, kind: performance, metric: shop-p95, below: 60ms, priority: 1 }
  - { domain: api, kind: performance, metric: api-p95, below: 80ms, priority: 2 }
`

/** Runs a daemon on the simulated host for so many seconds of it. */
async function play(t: TestContext, sim: Simulator, mode: 'observe' | 'manage', seconds: number) {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-simulator-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const turns: TurnSummary[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const daemon = await startDaemon({
    policyText: policyIn(mode),
    stateDir: join(dir, 'state'),
    runDir: join(dir, 'run'),
    drivers: [sim.driver],
    clock: sim.clock,
    metrics: [sim.metrics],
    log: SILENT,
  })
  daemon.onTurn((turn) => {
    turns.push(turn)
    if (turn.observation.at.monotonicMs >= seconds * 1000) resolve()
  })
  await promise
  await daemon.stop()
  return turns
}

/** Part of the seconds after the first 20 in which the goal was met. */
function attainment(sim: Simulator, name: string, p95Ms: number): number {
  const windows = sim.windows(name).slice(20)
  return windows.filter((window) => window.p95Ms !== null && window.p95Ms <= p95Ms).length / windows.length
}
const outcomesOf = (turns: readonly TurnSummary[], status: Outcome['status']): readonly Outcome[] =>
  turns.flatMap(({ outcomes }) => outcomes.filter((outcome) => outcome.status === status))

describe('the daemon on a simulated host', () => {
  it('meets goals that are missed under equal weights', async (t) => {
    const unmanaged = simulate()
    await play(t, unmanaged, 'observe', 60)
    assert.ok(attainment(unmanaged, 'shop', 60) < 0.1, `unmanaged: ${attainment(unmanaged, 'shop', 60)}`)

    const managed = simulate()
    const turns = await play(t, managed, 'manage', 60)
    assert.ok(attainment(managed, 'shop', 60) > 0.95, `managed: ${attainment(managed, 'shop', 60)}`)
    assert.ok(attainment(managed, 'api', 80) > 0.9, `managed: ${attainment(managed, 'api', 80)}`)
    assert.deepEqual(
      turns.flatMap(({ decision }) => decision.violations),
      [],
    )
    const left = 60_000 * 2 - managed.workOf('shop') * 4 - managed.workOf('api') * 5
    assert.ok(managed.workOf('batch') > 0.99 * left, 'the batch job has all that was left')
  })

  it('decides the same every time', async (t) => {
    const plans = async () => (await play(t, simulate(), 'manage', 20)).map(({ decision }) => decision.plan)
    assert.deepEqual(await plans(), await plans())
  })

  it('tells a domain that vanishes before its change, and goes on with the others', async (t) => {
    const sim = simulate([
      { kind: 'vanish', domain: 'api', atMs: 1000, afterLook: true, backAtMs: 20_000 },
      { kind: 'vanish', domain: 'batch', atMs: 40_000 },
    ])
    const turns = await play(t, sim, 'manage', 60)
    assert.ok(outcomesOf(turns, 'vanished').some(({ node }) => node === '/api'))
    const present = (second: number) => turns[second]?.observation.domains.map(({ identity }) => identity as string)
    assert.deepEqual(present(10), ['shop@1', 'batch@1'])
    assert.deepEqual(present(30), ['shop@1', 'api@2', 'batch@1'])
    assert.deepEqual(present(50), ['shop@1', 'api@2'])
    assert.ok(attainment(sim, 'shop', 60) > 0.9, `${attainment(sim, 'shop', 60)}`)
  })

  it('tries a knob that fails again, and manages once it works', async (t) => {
    const sim = simulate([
      { kind: 'write-fails', domain: 'batch', knob: 'cpu.weight', code: 'EIO', atMs: 0, untilMs: 15_000 },
    ])
    const turns = await play(t, sim, 'manage', 60)
    const failed = outcomesOf(turns, 'failed')
    assert.ok(failed.length >= 2 && failed.length < 15, `${failed.length} attempts`)
    assert.ok(failed.every((outcome) => outcome.status === 'failed' && outcome.code === 'EIO'))
    assert.ok(attainment(sim, 'shop', 60) > 0.9, `${attainment(sim, 'shop', 60)}`)
  })

  it('lives through faults by chance without a violation', async (t) => {
    const scene = {
      durationMs: 60_000,
      perMinute: 20,
      cpus: 2,
      domains: ['shop', 'api', 'batch'],
      metrics: ['shop-p95'],
    }
    const statuses = new Set<string>()
    for (const seed of Array.from({ length: 12 }, (_, seed) => seed + 1)) {
      const turns = await play(t, simulate(drawFaults({ ...scene, seed })), 'manage', 60)
      for (const { outcomes } of turns) for (const { status } of outcomes) statuses.add(status)
      assert.ok(turns.length >= 60)
      assert.deepEqual(
        turns.flatMap(({ decision }) => decision.violations),
        [],
        `seed ${seed}`,
      )
    }
    assert.deepEqual([...statuses].sort(), ['applied', 'failed', 'not-tried', 'vanished'])
  })
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { SILENT } from '#daemon/log.ts'
import { startDaemon } from '#daemon/main.ts'
import type { MetricSource } from '#ports.ts'
import { createSimulator } from './simulator.ts'

/**
 * Metrics that lie to the daemon as it is, of a service whose use answers to what it is given. It shares its priority with
 * one that tells the truth, and another one is of a lower priority: these keep their goals, for the policy says how much
 * may be asked for on the liar's account.
 */

const SECONDS = 120
const SETTLED = 30
const JOBS = ['one', 'two', 'three']

const POLICY = `
apiVersion: reeve/v1
host: { mode: manage, headroom: { cpu: 2% }, surplus: { default: [one] }, cooldown: 3s }
metrics:
  liar-p95: { source: push, domain: liar, unit: ms, staleAfter: 5s }
  beside-p95: { source: push, domain: beside, unit: ms, staleAfter: 5s }
  below-rate: { source: push, domain: below, unit: requests/s, staleAfter: 5s }
domains:
  liar: { driver: simulator }
  beside: { driver: simulator }
  below: { driver: simulator }
${JOBS.map((name) => `  ${name}: { driver: simulator }`).join('\n')}
goals:
  - { domain: liar, kind: performance, metric: liar-p95, below: 60ms, priority: 1, upTo: { cpu: 800m } }
  - { domain: beside, kind: performance, metric: beside-p95, below: 80ms, priority: 1 }
  - { domain: below, kind: throughput, metric: below-rate, atLeast: 60, priority: 2 }
`

/** What is told in place of the last of what was so, a value a second. */
const LIES: Readonly<Record<string, (was: readonly number[]) => number>> = {
  'a constant that misses': () => 900,
  'a constant that is met': () => 1,
  'seconds where milliseconds are meant': (was) => (was.at(-1) ?? 0) / 1000,
  'microseconds where milliseconds are meant': (was) => (was.at(-1) ?? 0) * 1000,
  'what was so 30 s ago, as if it were new': (was) => was.at(-31) ?? was[0] ?? 0,
  'no number': () => Number.NaN,
  'a coin': (was) => (was.length % 2 === 0 ? 5 : 5000),
}

function lying(source: MetricSource, lie: (was: readonly number[]) => number): MetricSource {
  const was: number[] = []
  let takenAtMs = -1
  return {
    start: (metric) => source.start(metric),
    latest: () =>
      source.latest().map((reading) => {
        if (reading.metric !== 'liar-p95') return reading
        if (reading.takenAtMs !== takenAtMs) was.push(reading.value)
        takenAtMs = reading.takenAtMs
        return { ...reading, value: lie(was) }
      }),
    close: () => source.close(),
  }
}

async function play(t: TestContext, lie: (was: readonly number[]) => number) {
  const service = { kind: 'open', demandMs: 5, spread: 'constant', parallelism: 4 } as const
  const sim = createSimulator({
    cpus: 2,
    seed: 7,
    domains: [
      { name: 'liar', load: { ...service, arrivalsPerSecond: 100, underwayMost: 300 } },
      { name: 'beside', load: { ...service, arrivalsPerSecond: 100 } },
      { name: 'below', load: { ...service, arrivalsPerSecond: 80 } },
      ...JOBS.map((name) => ({ name, load: { kind: 'batch', threads: 2 } as const })),
    ],
    metrics: {
      'liar-p95': { domain: 'liar', what: 'p95' },
      'beside-p95': { domain: 'beside', what: 'p95' },
      'below-rate': { domain: 'below', what: 'throughput' },
    },
  })
  const dir = mkdtempSync(join(tmpdir(), 'reeve-lies-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const daemon = await startDaemon({
    policyText: POLICY,
    stateDir: join(dir, 'state'),
    runDir: join(dir, 'run'),
    drivers: [sim.driver],
    clock: sim.clock,
    metrics: [lying(sim.metrics, lie)],
    log: SILENT,
  })
  let violations = 0
  daemon.onTurn(({ decision, observation }) => {
    violations += decision.violations.length
    if (observation.at.monotonicMs >= SECONDS * 1000) resolve()
  })
  await over
  await daemon.stop()
  return { sim, violations }
}

describe('metrics that lie about a service at work', () => {
  for (const [what, lie] of Object.entries(LIES)) {
    it(`${what}: the others keep their goals`, async (t) => {
      const { sim, violations } = await play(t, lie)
      assert.equal(violations, 0)
      const held = (name: string, isMet: (p95Ms: number, rate: number) => boolean): number => {
        const windows = sim.windows(name).slice(SETTLED)
        return windows.filter((its) => isMet(its.p95Ms ?? Infinity, its.throughput)).length / windows.length
      }
      const parts = [held('beside', (p95Ms) => p95Ms <= 80), held('below', (_, rate) => rate >= 60)]
      assert.ok(
        parts.every((part) => part > 0.9),
        `${parts}`,
      )
    })
  }
})

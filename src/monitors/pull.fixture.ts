import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MetricReading } from '#core/model/observation.ts'
import type { MetricPolicy, MetricSourcePolicy } from '#core/model/policy.ts'
import { createClock } from '#daemon/clock.ts'
import { surroundingsOf } from '#drivers/cgroup/command.ts'
import type { Clock } from '#ports.ts'
import { createPullSource, type PullSource } from './pull-source.ts'

interface Test {
  after(work: () => unknown): void
}

export interface Pulled {
  readonly pull: PullSource
  readonly metric: MetricPolicy
  /** Everything that was told, in its order. */
  readonly told: readonly string[]
  reading(): MetricReading | undefined
  value(): number | undefined
  problem(): string | null
}

/** Looks at one metric, every 20 ms unless it says otherwise, until the test ends. */
export function pulled(
  t: Test,
  source: MetricSourcePolicy,
  its: Partial<MetricPolicy> = {},
  clock: Clock = createClock(),
): Pulled {
  const told: string[] = []
  const say = (message: string) => void told.push(message)
  const pull = createPullSource({ clock, surroundingsOf, tell: { info: say, warn: say } })
  t.after(() => pull.close())
  const metric: MetricPolicy = { name: 'm', unit: 'ms', intervalMs: 20, staleMs: 10_000, ...its, source }
  pull.start(metric)
  const reading = () => pull.latest()[0]
  const problem = () => pull.problems()[0]?.reason ?? null
  return { pull, metric, told, reading, value: () => reading()?.value, problem }
}

/** Waits until something holds, and fails with what `what` says where it never does. */
export async function until(isSo: () => boolean, what: () => unknown = () => 'it never came to that'): Promise<void> {
  for (const end = performance.now() + 20_000; performance.now() < end && !isSo(); ) await sleep(2)
  assert.ok(isSo(), JSON.stringify(what()))
}

/** A server on 127.0.0.1 that lasts as long as the test. */
export async function served(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A clock whose two hands are set by hand; sleeping lasts a millisecond of real time. */
export function handClock() {
  const clock = {
    monotonicMs: 1000,
    utcMs: Date.parse('2026-11-20T12:00:00Z'),
    now: () => ({ bootId: 'b', monotonicMs: clock.monotonicMs, utcMs: clock.utcMs, zones: {}, openWindows: [] }),
    async sleepUntil(_ms: number, signal: AbortSignal) {
      await sleep(1, undefined, { signal }).catch(() => undefined)
    },
  }
  return clock satisfies Clock
}

import { constants, open } from 'node:fs/promises'
import type { MetricReading } from '#core/model/observation.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Clock, MetricSource } from '#ports.ts'
import { judgeValue, refuse, type Tally } from './reading.ts'

/** A metrics file is a few numbers; more is a wrong path. */
const SIZE_MOST = 256 * 1024

const NO_WINDOWS = [] as const

/** One look at a file: its number, and when it was written. */
interface Look {
  readonly mtimeMs: number
  readonly atMs: number
}

/**
 * Numbers from JSON files, each at a dotted path. A file is read at its metric's interval, beside the turns: a slow
 * disk makes a reading old, never a turn late. A file that cannot be read or has no such number gives no reading, so
 * its metric becomes stale.
 */
export function createFileSource(clock: Clock, tally: Tally): MetricSource {
  const stopping = new AbortController()
  const readings = new Map<string, MetricReading>()
  const running: Promise<void>[] = []

  async function follow(metric: MetricPolicy & { source: { kind: 'file' } }): Promise<void> {
    let last: Look | null = null
    while (!stopping.signal.aborted) {
      const beat = clock.now(NO_WINDOWS).monotonicMs + metric.intervalMs
      last = await look(metric, last)
      await clock.sleepUntil(beat, stopping.signal)
    }
  }

  async function look(metric: MetricPolicy & { source: { kind: 'file' } }, last: Look | null): Promise<Look | null> {
    const { path, key } = metric.source
    try {
      const { text, mtimeMs } = await readSmallFile(path)
      const now = clock.now(NO_WINDOWS)
      const seen: Look = { mtimeMs, atMs: now.monotonicMs }
      if (last !== null && mtimeMs === last.mtimeMs) return { ...last, atMs: now.monotonicMs }
      const judged = judgeValue(metric, valueAt(JSON.parse(text), key))
      if (judged.ok) {
        tally.accepted++
        const takenAtMs = writtenAt(seen, now.utcMs, last)
        readings.set(metric.name, { metric: metric.name, domain: null, takenAtMs, value: judged.value })
      } else refuse(tally, `${judged.reason} (${key} in ${path})`)
      return seen
    } catch (error) {
      refuse(tally, `${metric.name}: cannot read ${path}: ${reasonOf(error)}`)
      return last
    }
  }

  return {
    start(metric) {
      const { source } = metric
      if (source.kind === 'file') running.push(follow({ ...metric, source }))
    },
    latest: () => [...readings.values()],
    async close() {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

/**
 * When the file was written, on the monotonic clock. Its time is UTC, which may have jumped since the file was looked at
 * last, but one thing is certain: a file that changed was written after that look.
 */
function writtenAt({ mtimeMs, atMs }: Look, utcMs: number, last: Look | null): number {
  const ageMs = Math.max(0, utcMs - mtimeMs)
  return Math.max(atMs - ageMs, last?.atMs ?? Number.NEGATIVE_INFINITY)
}

async function readSmallFile(path: string): Promise<{ text: string; mtimeMs: number }> {
  // A pipe in the file's place must not keep this waiting for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > SIZE_MOST) throw new Error(`it has ${stat.size} bytes, more than the ${SIZE_MOST} that are read`)
    return { text: await file.readFile('utf8'), mtimeMs: stat.mtimeMs }
  } finally {
    await file.close()
  }
}

/** `shop.latency.p95` of `{"shop": {"latency": {"p95": 12}}}` is 12; a key that has dots itself is found whole first. */
export function valueAt(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (Object.hasOwn(value, key)) return (value as Record<string, unknown>)[key]
  const dot = key.indexOf('.')
  if (dot < 0 || !Object.hasOwn(value, key.slice(0, dot))) return undefined
  return valueAt((value as Record<string, unknown>)[key.slice(0, dot)], key.slice(dot + 1))
}

import { type DomainView, rateOf } from '#core/look.ts'
import type { GoalMemory } from '#core/model/knowledge.ts'
import type { MetricReading } from '#core/model/observation.ts'
import type { MetricPolicy, MetricSourcePolicy } from '#core/model/policy.ts'
import { CPU } from '#core/model/resource.ts'
import { remembered } from './estimator.ts'

type CounterPolicy = Extract<MetricSourcePolicy, { readonly kind: 'counter' }>

/** Counters of work that is counted where it arrives, whether or not it is done. */
const ARRIVALS: ReadonlySet<string> = new Set(['net.rxPackets', 'net.rx'])

export function countsArrivals({ source }: MetricPolicy): boolean {
  return source.kind === 'counter' && !source.perCpuSecond && ARRIVALS.has(source.counter)
}

/**
 * A reading of a domain's own counter: its increase per second, or per second of CPU time. Counters are not read every
 * turn, and between two of them the goal remembers the last.
 *
 * Worked: 500 packets in a second in which the domain used 250 millicores are 2000 packets per CPU-second.
 */
export function countedReading(
  metric: MetricPolicy,
  domain: DomainView,
  memory: GoalMemory,
): MetricReading | undefined {
  const reading = (value: number, takenAtMs: number) => ({ metric: metric.name, domain: domain.name, takenAtMs, value })
  const now = metric.source.kind === 'counter' ? increase(metric.source, domain) : undefined
  if (now !== undefined) return reading(now.value, now.atMs)
  const value = remembered(memory, 'counted')
  const atMs = remembered(memory, 'countedAtMs')
  return value === undefined || atMs === undefined ? undefined : reading(value, atMs)
}

/** What the goal is to remember of a reading. */
export function countedMemory({ value, takenAtMs }: MetricReading): GoalMemory {
  return { counted: value, countedAtMs: takenAtMs }
}

function increase(source: CounterPolicy, domain: DomainView): { value: number; atMs: number } | undefined {
  const perSecond = rateOf(domain, source.counter)
  if (perSecond === undefined) return undefined
  const { told, takenAtMs } = domain.seen
  const isTold = told !== undefined && source.counter in told.counters
  const atMs = isTold ? told.atMs : takenAtMs
  if (!source.perCpuSecond) return { value: perSecond, atMs }
  // What is told only now and then was counted over many turns.
  const milli = (isTold ? domain.smoothUse : domain.use)[CPU]
  return milli === undefined || milli <= 0 ? undefined : { value: (perSecond * 1000) / milli, atMs }
}

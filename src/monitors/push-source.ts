import type { DomainName } from '#core/model/ids.ts'
import type { MetricReading } from '#core/model/observation.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import type { Clock, MetricSource } from '#ports.ts'
import { createLastReadings, type MetricProblem } from './last-readings.ts'
import { judgeValue, refuse, type Tally } from './reading.ts'

const NO_WINDOWS = [] as const

/** One reading as it was sent. */
export interface PushedReading {
  readonly metric: string
  readonly domain?: string | undefined
  readonly value?: unknown
}

/** Whom a reading may speak for: the operator for anybody, a process for the domain that it runs in. */
export type Pusher = { readonly kind: 'operator' } | { readonly kind: 'domain'; readonly domain: DomainName }

/** A reading that is not believed, with the reason. */
export class RefusedReading extends Error {
  override readonly name = 'RefusedReading'
}

export interface PushSource extends MetricSource {
  /** All readings or none; throws `RefusedReading`. */
  push(readings: readonly PushedReading[], pusher: Pusher): void
  /** Forgets metrics that the policy no longer has, or has with another meaning: what was sent was meant otherwise. */
  keepOnly(metrics: readonly MetricPolicy[]): void
  /** Metrics whose readings may be stuck. */
  problems(): readonly MetricProblem[]
}

type PushedMetric = MetricPolicy & { readonly source: { readonly kind: 'push' } }

/** Readings that applications send over a socket. They are as old as their arrival; a sender's own time counts for nothing. */
export function createPushSource(clock: Clock, tally: Tally): PushSource {
  const metrics = new Map<string, PushedMetric>()
  const readings = createLastReadings()

  /**
   * Returns the metric and its reading, or throws: the policy's word on a metric's domain comes first, then the sender's,
   * then who it is.
   */
  function judge(
    { metric: name, domain: named, value }: PushedReading,
    pusher: Pusher,
    takenAtMs: number,
  ): readonly [PushedMetric, MetricReading] {
    const metric = metrics.get(name)
    if (metric === undefined) {
      throw new RefusedReading(`no metric '${name}' with a push source is in the policy`)
    }
    const own = pusher.kind === 'domain' ? pusher.domain : null
    const domain = metric.source.domain ?? (named as DomainName | undefined) ?? own
    if (named !== undefined && named !== domain) {
      throw new RefusedReading(`${name}: the policy binds it to domain '${domain}', not to '${named}'`)
    }
    if (own !== null && domain !== own) {
      throw new RefusedReading(`${name}: a process in domain '${own}' may not speak for domain '${domain}'`)
    }
    const judged = judgeValue(value)
    if (!judged.ok) throw new RefusedReading(`${name}: ${judged.reason}`)
    return [metric, { metric: name, domain, takenAtMs, value: judged.value }]
  }

  return {
    start(metric) {
      if (isPushed(metric)) metrics.set(metric.name, metric)
    },
    keepOnly(kept) {
      const meanings = new Map(kept.filter(isPushed).map((metric) => [metric.name, meaningOf(metric)]))
      for (const [name, metric] of metrics) {
        if (meanings.get(name) === meaningOf(metric)) continue
        metrics.delete(name)
        readings.forget(name)
      }
    },
    push(pushed, pusher) {
      const takenAtMs = clock.now(NO_WINDOWS).monotonicMs
      try {
        const judged = pushed.map((reading) => judge(reading, pusher, takenAtMs))
        for (const [metric, reading] of judged) readings.set(metric, reading)
        for (const metric of new Set(judged.map(([metric]) => metric))) readings.forgetOld(metric, takenAtMs)
        tally.accepted += judged.length
      } catch (error) {
        if (error instanceof RefusedReading) refuse(tally, error.message)
        throw error
      }
    },
    latest: () => readings.all(),
    problems: () => readings.unmoving(),
    async close() {
      for (const name of metrics.keys()) readings.forget(name)
    },
  }
}

function isPushed(metric: MetricPolicy): metric is PushedMetric {
  return metric.source.kind === 'push'
}

/** What a value says. When it grows old is another matter, for which nobody has to send it again. */
function meaningOf({ unit, source }: PushedMetric): string {
  return JSON.stringify([unit, source])
}

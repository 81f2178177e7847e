import type { DomainName } from '#core/model/ids.ts'
import type { MetricReading } from '#core/model/observation.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import type { Clock, MetricSource } from '#ports.ts'
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
  /** Forgets metrics that the policy no longer has. */
  keepOnly(metrics: readonly MetricPolicy[]): void
}

/** Readings that applications send over a socket. They are as old as their arrival; a sender's own time counts for nothing. */
export function createPushSource(clock: Clock, tally: Tally): PushSource {
  const metrics = new Map<string, MetricPolicy & { source: { kind: 'push' } }>()
  const readings = new Map<string, MetricReading>()

  /** Returns the reading, or throws: the policy's word on a metric's domain comes first, then the sender's, then who it is. */
  function judge(
    { metric: name, domain: named, value }: PushedReading,
    pusher: Pusher,
    takenAtMs: number,
  ): MetricReading {
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
    return { metric: name, domain, takenAtMs, value: judged.value }
  }

  return {
    start(metric) {
      const { source } = metric
      if (source.kind === 'push') metrics.set(metric.name, { ...metric, source })
    },
    keepOnly(kept) {
      const names = new Set(kept.filter(({ source }) => source.kind === 'push').map(({ name }) => name))
      for (const name of metrics.keys()) if (!names.has(name)) metrics.delete(name)
      for (const [key, { metric }] of readings) if (!names.has(metric)) readings.delete(key)
    },
    push(pushed, pusher) {
      const takenAtMs = clock.now(NO_WINDOWS).monotonicMs
      try {
        const judged = pushed.map((reading) => judge(reading, pusher, takenAtMs))
        for (const reading of judged) readings.set(`${reading.metric} ${reading.domain ?? ''}`, reading)
        tally.accepted += judged.length
      } catch (error) {
        if (error instanceof RefusedReading) refuse(tally, error.message)
        throw error
      }
    },
    latest: () => [...readings.values()],
    async close() {
      readings.clear()
    },
  }
}

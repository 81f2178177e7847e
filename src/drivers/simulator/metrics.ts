import type { DomainName } from '#core/model/ids.ts'
import type { MetricReading } from '#core/model/observation.ts'
import { createPrng } from '#lib/prng.ts'
import type { MetricSource } from '#ports.ts'
import { isDuring } from './fault.ts'
import type { World } from './world.ts'

/** Where a policy's metric comes from in the simulated host, whatever source the policy names for it. */
export interface SimulatedMetric {
  readonly domain: string
  /** Response time in milliseconds, or answers per second. */
  readonly what: 'p95' | 'throughput'
}

/**
 * Readings of the simulated domains, one a window. They are taken whether or not a policy names them, and told only for
 * metrics that it names. A window in which nobody asked has no response time, so its reading stays the one before.
 */
export function createSimulatedMetrics(
  world: World,
  metrics: Readonly<Record<string, SimulatedMetric>>,
  seed: number,
  noise: number,
): MetricSource {
  const started = new Set<string>()
  const readings = new Map<string, MetricReading>()
  const sources = Object.entries(metrics).map(([metric, its]) => {
    const domain = world.domains.get(its.domain)
    if (domain === undefined) throw new Error(`metric ${metric}: there is no simulated domain '${its.domain}'`)
    return { metric, domain, what: its.what, prng: createPrng(seed, `noise of ${metric}`) }
  })

  world.onWindow(() => {
    for (const { metric, domain, what, prng } of sources) {
      const window = domain.windows.closed.at(-1)
      const exact = what === 'p95' ? window?.p95Ms : window?.throughput
      // Drawn in any case, so that a gap leaves the noise of later readings as it was.
      const factor = 1 + noise * (2 * prng.next() - 1)
      const stopped = world.faults.some(
        (fault) => fault.kind === 'metric-stops' && fault.metric === metric && isDuring(fault, world.steppedMs),
      )
      if (stopped || !domain.isPresent || exact === undefined || exact === null) continue
      const takenAtMs = world.steppedMs
      readings.set(metric, { metric, domain: domain.name as DomainName, takenAtMs, value: exact * factor })
    }
  })

  return {
    start: ({ name }) => void started.add(name),
    latest: () => [...readings.values()].filter(({ metric }) => started.has(metric)),
    close: async () => started.clear(),
  }
}

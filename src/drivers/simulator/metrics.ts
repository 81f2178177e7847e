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
  /** What a reading is multiplied by, for metrics in another unit; 1 where not stated. */
  readonly factor?: number
}

/** By the name of the metric, which several domains may report under. */
export type SimulatedMetrics = Readonly<Record<string, SimulatedMetric | readonly SimulatedMetric[]>>

/** A reading that was taken, and when it comes. */
interface Underway {
  readonly key: string
  readonly comesAtMs: number
  readonly reading: MetricReading
}

const NEVER = Number.POSITIVE_INFINITY

/**
 * Readings of the simulated domains, one a window. They are taken whether or not a policy names them, and told only for
 * metrics that it names. A window in which nobody asked has no response time, so its reading stays the one before.
 */
export function createSimulatedMetrics(
  world: World,
  metrics: SimulatedMetrics,
  seed: number,
  noise: number,
): MetricSource {
  const started = new Set<string>()
  const readings = new Map<string, MetricReading>()
  let underway: Underway[] = []
  const all = Object.entries(metrics).flatMap(([metric, its]) => [its].flat().map((one) => ({ metric, ...one })))
  const sources = all.map(({ metric, what, factor = 1, ...its }) => {
    const domain = world.domains.get(its.domain)
    if (domain === undefined) throw new Error(`metric ${metric}: there is no simulated domain '${its.domain}'`)
    const stream = Array.isArray(metrics[metric]) ? `noise of ${metric} of ${its.domain}` : `noise of ${metric}`
    return { metric, domain, what, factor, key: `${metric} ${its.domain}`, prng: createPrng(seed, stream) }
  })

  /** What has come by now is told, unless something newer was told already. */
  function arrive(): void {
    const isHere = ({ comesAtMs }: Underway): boolean => comesAtMs <= world.nowMs
    for (const { key, reading } of underway.filter(isHere)) {
      if (reading.takenAtMs >= (readings.get(key)?.takenAtMs ?? 0)) readings.set(key, reading)
    }
    underway = underway.filter((one) => !isHere(one))
  }

  world.onWindow(() => {
    for (const { metric, domain, what, factor: unit, key, prng } of sources) {
      const window = domain.windows.closed.at(-1)
      const exact = what === 'p95' ? window?.p95Ms : window?.throughput
      // Drawn in any case, so that a gap leaves the noise of later readings as it was.
      const factor = 1 + noise * (2 * prng.next() - 1)
      const lateMs = latenessOf(metric, world)
      if (lateMs === NEVER || !domain.isPresent || exact === undefined || exact === null) continue
      const takenAtMs = world.nowMs
      const reading = { metric, domain: domain.name as DomainName, takenAtMs, value: exact * unit * factor }
      underway.push({ key, comesAtMs: takenAtMs + lateMs, reading })
    }
    arrive()
  })

  return {
    start: ({ name }) => void started.add(name),
    latest() {
      arrive()
      return [...readings.values()].filter(({ metric }) => started.has(metric))
    },
    close: async () => started.clear(),
  }
}

/** How long after it is taken now a reading of a metric comes; never while the metric has stopped. */
function latenessOf(metric: string, { faults, nowMs }: World): number {
  let lateMs = 0
  for (const fault of faults) {
    if ((fault.kind !== 'metric-stops' && fault.kind !== 'metric-late') || fault.metric !== metric) continue
    if (isDuring(fault, nowMs)) lateMs = Math.max(lateMs, fault.kind === 'metric-late' ? fault.byMs : NEVER)
  }
  return lateMs
}

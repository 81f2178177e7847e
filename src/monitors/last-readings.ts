import type { MetricReading } from '#core/model/observation.ts'
import type { MetricPolicy } from '#core/model/policy.ts'

/** Domains that are no longer told of are forgotten after so many times the age at which a reading is stale. */
const FORGOTTEN_AFTER = 20

/** What is measured of a program at work moves: so many readings in a row that are exactly alike, over so long, are told of. */
const SAME_LEAST = 60
const SAME_MS_LEAST = 5 * 60_000

/** What is wrong with a metric, or seems so: why it has no new reading now, or that its readings may be stuck. */
export interface MetricProblem {
  readonly metric: string
  readonly reason: string
}

/** The last reading of each metric for each domain. */
export interface LastReadings {
  set(metric: MetricPolicy, reading: MetricReading): void
  /** Forgets domains of which the metric told nothing for long before this time. */
  forgetOld(metric: MetricPolicy, nowMs: number): void
  forget(name: string): void
  all(): readonly MetricReading[]
  /** Metrics that have told the same for long, a line for each. Some are constant, so their readings count. */
  unmoving(): readonly MetricProblem[]
}

/** A reading, how many in a row were exactly like it, since when, and how long that may be without a word. */
interface Kept {
  readonly reading: MetricReading
  readonly same: number
  readonly sinceMs: number
  readonly quietMs: number
}

export function createLastReadings(): LastReadings {
  const kept = new Map<string, Map<string, Kept>>()
  const readingsOf = (name: string) => [...(kept.get(name)?.values() ?? [])]

  return {
    set(metric, reading) {
      const its = kept.get(metric.name) ?? new Map<string, Kept>()
      const key = reading.domain ?? ''
      kept.set(metric.name, its.set(key, { ...sameAfter(its.get(key), reading), reading, quietMs: quietMsOf(metric) }))
    },
    forgetOld({ name, staleMs }, nowMs) {
      const its = kept.get(name)
      for (const [key, { reading }] of its ?? []) {
        if (nowMs - reading.takenAtMs > FORGOTTEN_AFTER * staleMs) its?.delete(key)
      }
    },
    forget: (name) => void kept.delete(name),
    all: () => [...kept.keys()].flatMap((name) => readingsOf(name).map(({ reading }) => reading)),
    unmoving() {
      return [...kept.keys()].flatMap((metric) => {
        const [first, ...others] = readingsOf(metric).filter(isUnmoving)
        return first === undefined ? [] : [{ metric, reason: unmovingText(first, others.length) }]
      })
    },
  }
}

function sameAfter(before: Kept | undefined, { value, takenAtMs }: MetricReading): Pick<Kept, 'same' | 'sinceMs'> {
  if (before?.reading.value !== value) return { same: 1, sinceMs: takenAtMs }
  // One that is told again, such as an answer out of a cache, is the same reading.
  const isNew = takenAtMs > before.reading.takenAtMs
  return { same: before.same + (isNew ? 1 : 0), sinceMs: before.sinceMs }
}

/** A percentile may be one and the same sample for as long as that is in the window. */
function quietMsOf({ source }: MetricPolicy): number {
  if (source.kind === 'http') return source.windowMs + SAME_MS_LEAST
  if (source.kind === 'statsd' && source.take.kind === 'timer') return source.take.windowMs + SAME_MS_LEAST
  return SAME_MS_LEAST
}

/** A 0 is what an idle program tells. */
function isUnmoving({ reading, same, sinceMs, quietMs }: Kept): boolean {
  return reading.value > 0 && same >= SAME_LEAST && reading.takenAtMs - sinceMs >= quietMs
}

function unmovingText({ reading: { domain, takenAtMs, value }, same, sinceMs }: Kept, others: number): string {
  const alike = others === 0 ? '' : `, and ${others} more like it`
  const of = domain === null ? '' : ` (of domain ${domain}${alike})`
  const minutes = Math.floor((takenAtMs - sinceMs) / 60_000)
  const seen = `its last ${same} readings, over ${minutes} min, were all ${value}${of}`
  return `${seen}: whatever measures it may be stuck; the readings count all the same`
}

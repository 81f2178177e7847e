import type { Identity } from '#core/model/ids.ts'
import type { DomainObservation } from '#core/model/observation.ts'
import { CPU } from '#core/model/resource.ts'
import type { Answer } from './answers.ts'

/** A cumulative counter as it was last, on record and as it is shown. */
export interface Counter {
  readonly recorded: number
  readonly shown: number
}

/** The counters of CPU of one domain. */
export interface DomainCounters {
  readonly identity: Identity
  readonly atMs: number
  readonly counters: Readonly<Record<string, Counter>>
}

/** What its threads waited for, in milliseconds; the first of them that there is takes what was never waited on record. */
const WAITS = ['cpu.waitMs', 'cpu.pressureMs', 'cpu.throttledMs']
const ANSWERED = [CPU as string, ...WAITS]

/**
 * A counter goes on from what was shown by `factor` of its growth on record, and `added`; it never goes back unless the
 * recorded one did. What has always been as recorded is so bit for bit.
 */
export function advanced(before: Counter | null, recorded: number, factor: number, added: number): Counter {
  if (before === null) return { recorded, shown: recorded }
  const grown = recorded - before.recorded
  if (grown < 0) return { recorded, shown: before.shown + grown }
  if (before.shown === before.recorded && factor === 1 && added === 0) return { recorded, shown: recorded }
  return { recorded, shown: before.shown + Math.max(0, grown * factor + added) }
}

/** The counters of a domain by now; another one of the same name begins anew. No `answer`: as recorded. */
export function countedOn(
  last: DomainCounters | null,
  { identity, takenAtMs, counters: seen, told }: DomainObservation,
  answer: Answer | null,
): DomainCounters {
  const before = last?.identity === identity ? last : null
  const all = { ...seen, ...told?.counters }
  const main = WAITS.find((name) => name in all)
  const counters: Record<string, Counter> = { ...before?.counters }
  for (const name of ANSWERED) {
    const recorded = all[name]
    if (recorded === undefined) continue
    const { was, now } = (name === CPU ? answer?.use : answer?.waited) ?? { was: 1, now: 1 }
    const seconds = (takenAtMs - (before?.atMs ?? takenAtMs)) / 1000
    const added = name === main && was === 0 ? now * seconds : 0
    counters[name] = advanced(before?.counters[name] ?? null, recorded, was > 0 ? now / was : 1, added)
  }
  return { identity, atMs: takenAtMs, counters }
}

/** Millicore-seconds that it has used more than on record. */
export function usedMore({ counters }: Pick<DomainCounters, 'counters'>): number {
  const { shown = 0, recorded = 0 } = counters[CPU] ?? {}
  return shown - recorded
}

/** The domain with the counters that are shown of it. */
export function withCounters(domain: DomainObservation, { counters }: DomainCounters): DomainObservation {
  if (ANSWERED.every((name) => counters[name]?.shown === counters[name]?.recorded)) return domain
  const shown = (its: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(its).map(([name, value]) => [name, counters[name]?.shown ?? value]))
  const { told } = domain
  return {
    ...domain,
    counters: shown(domain.counters),
    ...(told === undefined ? {} : { told: { ...told, counters: shown(told.counters) } }),
  }
}

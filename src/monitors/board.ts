import type { DomainName } from '#core/model/ids.ts'
import type { MetricReading } from '#core/model/observation.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import { createLastReadings, type MetricProblem } from './last-readings.ts'
import { judgeValue } from './reading.ts'

/** A value as a source found it, not judged yet. `takenAtMs` is of the monotonic clock. */
export interface FoundValue {
  readonly domain: DomainName | null
  readonly takenAtMs: number
  readonly value: unknown
}

/** What one look at a source came to; a look that failed throws, with a message for the operator. */
export type Found =
  /** Values, and what was wrong all the same. */
  | { readonly kind: 'values'; readonly values: readonly FoundValue[]; readonly problem: string | null }
  /** All is well and nothing is new: what was read last stands, and grows old. */
  | { readonly kind: 'unchanged' }
  /** There will be a value once there is enough to make it of. */
  | { readonly kind: 'waiting'; readonly reason: string }

export const UNCHANGED: Found = { kind: 'unchanged' }

/** One value that stands for the goal's own scope. */
export function oneValue(value: unknown, takenAtMs: number, problem: string | null = null): Found {
  return { kind: 'values', values: [{ domain: null, takenAtMs, value }], problem }
}

/** Where what goes wrong is said: once, not at every interval. */
export interface Teller {
  info(message: string): void
  warn(message: string): void
}

/** What was read last of each metric, and what is wrong with it. */
export interface Board {
  /** Takes what a look came to; a value that is not believed is the metric's problem, and the others are taken. */
  take(metric: MetricPolicy, found: Found): void
  fail(metric: MetricPolicy, reason: string): void
  /** Forgets a metric that the policy no longer has. */
  forget(name: string): void
  readings(): readonly MetricReading[]
  problems(): readonly MetricProblem[]
}

export function createBoard(tell: Teller): Board {
  const readings = createLastReadings()
  const problems = new Map<string, { readonly reason: string; readonly isTold: boolean }>()

  function fail({ name }: MetricPolicy, reason: string): void {
    if (problems.get(name)?.isTold !== true) tell.warn(`metric ${name}: ${reason}`)
    problems.set(name, { reason, isTold: true })
  }

  function recover({ name }: MetricPolicy): void {
    if (problems.get(name)?.isTold === true) tell.info(`metric ${name} is read again`)
    problems.delete(name)
  }

  function accept(metric: MetricPolicy, found: readonly FoundValue[]): string | null {
    let refused: string | null = null
    let newestMs = Number.NEGATIVE_INFINITY
    for (const { domain, takenAtMs, value } of found) {
      const judged = judgeValue(value)
      const of = domain === null ? '' : ` (of domain ${domain})`
      if (!judged.ok) refused ??= `${judged.reason}${of}`
      else readings.set(metric, { metric: metric.name, domain, takenAtMs, value: judged.value })
      newestMs = Math.max(newestMs, takenAtMs)
    }
    readings.forgetOld(metric, newestMs)
    return refused
  }

  return {
    take(metric, found) {
      if (found.kind === 'values') {
        const problem = accept(metric, found.values) ?? found.problem
        if (problem === null) recover(metric)
        else fail(metric, problem)
      } else if (found.kind === 'waiting') {
        problems.set(metric.name, { reason: found.reason, isTold: problems.get(metric.name)?.isTold ?? false })
      }
    },
    fail,
    forget(name) {
      readings.forget(name)
      problems.delete(name)
    },
    readings: () => readings.all(),
    problems: () => [...[...problems].map(([metric, { reason }]) => ({ metric, reason })), ...readings.unmoving()],
  }
}

/**
 * Who is on the stage, and the terms that a contender is told. Nothing of a contender's own is here: all of them get
 * the same terms, and the same file of readings.
 */

/** `store` answers out of a file and is bound by memory; the others are bound by CPU. */
export const SERVICES = ['shop', 'api', 'search', 'store'] as const
/** Batch jobs have no goal; they do as much as they get. `scan` reads a file that is larger than any memory it gets. */
export const JOBS = ['batch', 'scan'] as const
export const DOMAINS = [...SERVICES, ...JOBS] as const

export type Service = (typeof SERVICES)[number]
export type Domain = (typeof DOMAINS)[number]

/** A 95th percentile of at most `target` ms, or at least `target` answers a second. */
export interface Goal {
  readonly service: Service
  readonly kind: 'latency' | 'rate'
  readonly target: number
  readonly priority: 1 | 2
}

/** What an administrator asks for at one time. */
export interface Terms {
  readonly goals: readonly Goal[]
  /** Domains that must be held to their amount by a quota, whoever chose the amount. */
  readonly capped: readonly Domain[]
  /**
   * Bytes that all domains together have for what they keep of files, beyond what their processes hold themselves; null
   * where memory is not short.
   */
  readonly fileBytes: number | null
}

/** The file that the generator writes four times a second: what a monitor saw of each service in the last second. */
export type Readings = Readonly<Record<string, { readonly p95Ms: number; readonly perSecond: number }>>

/** CPUs that everything plays on, in millicores. */
export const CAPACITY = 2000

/**
 * How far a reading is on the good side of its goal, as a part of the target: 0.1 is 10 % better than asked for, -1 is
 * off by as much as was asked for. Null where nothing was read.
 *
 * Worked: a p95 of 150 ms against 100 ms is -0.5; 45 answers a second against 50 are -0.1.
 */
export function slackOf(goal: Goal, readings: Readings): number | null {
  const reading = readings[goal.service]
  if (reading === undefined) return null
  if (goal.kind === 'rate') return reading.perSecond / goal.target - 1
  return reading.perSecond === 0 ? null : 1 - reading.p95Ms / goal.target
}

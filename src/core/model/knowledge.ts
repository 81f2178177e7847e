import type { Promised, PromiseRecord } from './decision.ts'
import type { DomainName, GoalId, Identity, NodeId, ResourceKey } from './ids.ts'
import type { Knob, Setting } from './observation.ts'
import type { Activity } from './policy.ts'

/** What the decider keeps between turns. Empty knowledge is always safe: it only makes the next decision more careful. */
export interface Knowledge {
  readonly turn: number
  readonly bootId: string
  readonly lastAtMs: number
  /** The host's counters as last seen, and the smoothed use by whoever is not managed, per resource. */
  readonly host: Readonly<Record<ResourceKey, HostKnowledge>>
  readonly domains: Readonly<Record<DomainName, DomainKnowledge>>
  /** What Reeve last set on nodes, for telling its own settings from those of others. */
  readonly set: Readonly<Record<NodeId, Readonly<Partial<Record<Knob, SetKnob>>>>>
  /** Changes that failed, by node and knob (`NODE KNOB`): tried again later and later, so that one never blocks all. */
  readonly failures: Readonly<Record<string, Failure>>
  readonly forecast: ForecastKnowledge
}

/** What forecasts are made from. It belongs to names, not to identities: a domain that restarts has the same days. */
export interface ForecastKnowledge {
  /** Ten seconds of UTC in which needs were noted last, since 1970. */
  readonly slot: number
  /** Events that were on in the last turn. */
  readonly events: readonly string[]
  /** What has begun lately, oldest first. */
  readonly starts: readonly ForecastStart[]
  /** By domain, then by goal and resource (`GOAL RESOURCE`). */
  readonly profiles: Readonly<Record<DomainName, Readonly<Record<string, ForecastProfile>>>>
}

export interface ForecastStart {
  readonly what: 'event' | 'start'
  readonly name: string
  /** In which it began. */
  readonly minute: number
}

/**
 * One need over time: about half a KiB on record where every day is the same, 3 KiB at most. Texts have a character for each level (see `forecast/levels.ts`), a blank for what is not known.
 */
export interface ForecastProfile {
  /** Minutes in which it was first and last stated. */
  readonly since: number
  readonly minute: number
  /** Of the minute under way. */
  readonly sum: number
  readonly count: number
  /** Each minute before that, the last one last. */
  readonly past: string
  /** Each five minutes of a day; of all days, and of weekdays (0 is Sunday) where these are known to be otherwise. */
  readonly days: string
  readonly week: Readonly<Record<string, string>>
  /** Part of the last bins in which weekday and all days differed, and the weekday was nearer. */
  readonly weekly: number
  readonly season: ForecastTrust
  /** By `event NAME` or `start NAME`: what follows it. */
  readonly after: Readonly<Record<string, ForecastFollowing>>
}

/** How well a forecast has done; the fields of `ForecastDecision`. */
export interface ForecastTrust {
  readonly skill: number
  readonly scored: number
  readonly right: number
}

export interface ForecastFollowing extends ForecastTrust {
  /** Each minute from the start on. */
  readonly levels: string
}

export interface Failure {
  readonly count: number
  readonly retryAtMs: number
}

export interface HostKnowledge {
  readonly used: number | null
  readonly unmanaged: number
  /** Its total, as last seen. */
  readonly capacity: number
  /** The total that was divided last, from which capacity is lost or gained; a journal of old may lack it. */
  readonly divided?: number
}

export interface DomainKnowledge {
  readonly identity: Identity
  /** Turns since this identity was first seen. */
  readonly turns: number
  readonly seenAtMs: number
  readonly counters: Readonly<Record<string, number>>
  /** What `counters` leaves out, because it is not read every turn or not at its time, each as it last was. */
  readonly slow: Readonly<Record<string, { readonly value: number; readonly atMs: number }>>
  /** Levels as last read, which is not every turn. */
  readonly levels: Readonly<Record<string, number>>
  readonly resources: Readonly<Record<ResourceKey, ResourceKnowledge>>
  /** A journal of old may lack it. */
  readonly activity?: ActivityKnowledge
  /** Whatever an estimator wants to remember of a goal: JSON, opaque to everybody else. */
  readonly goals: Readonly<Record<GoalId, GoalMemory>>
  /** What was promised to goals for which an allocation was changed. */
  readonly promises: Readonly<Record<GoalId, PromiseKnowledge>>
}

export interface PromiseKnowledge {
  readonly record: PromiseRecord
  /** Made and not yet due: what was promised in which turn and when, and what came so far. */
  readonly pending:
    | (Promised & { readonly turn: number; readonly atMs: number; readonly sum: number; readonly count: number })
    | null
}

export interface ActivityKnowledge {
  readonly is: Activity
  /** What it seemed in the last turn, and in how many turns in a row, where that is something else. */
  readonly seems: Activity
  readonly turns: number
  /** Per second, as last told: packets, bytes, and turns on a CPU. */
  readonly rates: Readonly<Record<'network' | 'disk' | 'interrupt', number>>
}

export type GoalMemory = { readonly [key: string]: number | string | boolean | null }

export interface ResourceKnowledge {
  /** Smoothed use, in the resource's unit (per second for rates); null until it could be told. */
  readonly use: number | null
  /** What Reeve decided last, or null where it has not yet. */
  readonly allocation: number | null
  /** Consecutive samples at or above each rung of the threshold ladder, and since when; one sign at a time. */
  readonly ladder: {
    readonly sign: -1 | 0 | 1
    readonly samples: readonly number[]
    readonly sinceMs: readonly number[]
  }
  /** Readings in a row in which a stock's use stayed above its allocation: what was to be given is not coming. */
  readonly stalled: number
  /** Part of the time (0..1) that it stood still for want of it, as last told; a journal of old may lack it. */
  readonly heldBack?: number
  /** What a setting that somebody else made, and that is left to him, was worth when it was found. */
  readonly yielded?: { readonly found: Setting; readonly amount: number }
  /** Of CPU: since when, turn after turn, it got much less than is owed to it by weights, and wanted more (`restraint.ts`). */
  readonly shortSinceMs?: number
  /** Of CPU: it has a quota for having taken what others were short of. */
  readonly isRestrained?: true
  /**
   * Of a stock, the most that was not enough, and when that was seen last; absent where it never was so. `killed` where
   * it was killed for want of it.
   */
  readonly shortAt?: { readonly amount: number; readonly atMs: number; readonly killed?: true }
  /** Of a stock, what its processes hold themselves, as `DomainView` has it; absent where that is not told. */
  readonly own?: number
  readonly moved: { readonly direction: -1 | 1; readonly atMs: number } | null
}

export interface SetKnob {
  readonly value: Setting
  /** Where a guest that was asked may be on its way: from the first to the last; null for all other knobs. */
  readonly underWay: readonly [least: number, most: number] | null
  /** What Reeve had set before, which holds where this change was not made; null where it had set nothing. */
  readonly before: { readonly value: Setting } | null
  /** What was there before Reeve set it first; a journal of old may lack it. */
  readonly found?: Setting
  /** What a change that failed has tried: somebody slow may have made it all the same, or make it yet. */
  readonly tried?: Setting
  readonly atMs: number
}

export const NO_KNOWLEDGE: Knowledge = {
  turn: 0,
  bootId: '',
  lastAtMs: 0,
  host: {},
  domains: {},
  set: {},
  failures: {},
  forecast: { slot: 0, events: [], starts: [], profiles: {} },
}

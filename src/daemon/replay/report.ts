import type { HoldReason, Verdict } from '#core/model/decision.ts'
import type { DomainName, GoalId, ResourceKey } from '#core/model/ids.ts'

/** What `reeve replay` found, as `--json` prints it. Amounts are in the resources' units. */

/** The turns that were asked for, as far as they are on record. */
export interface Span {
  readonly firstTurn: number
  readonly lastTurn: number
  readonly fromUtcMs: number
  readonly toUtcMs: number
}

/** Every turn decided again by the policy that was in force in it. */
export interface SamePolicyReport {
  readonly kind: 'same-policy'
  readonly span: Span | null
  /** The version that decided again. */
  readonly decider: string
  /** Turns of this version, which are compared bit for bit; those of others are in `otherVersions`. */
  readonly turns: number
  readonly same: number
  /** Turns and checkpoints that differ, and segments that could not be decided again. */
  readonly differing: { readonly turns: number; readonly checkpoints: number; readonly segments: number }
  /** The first of them, at most ten. */
  readonly differences: readonly RecordDifference[]
  /** Times that turns are missing from the record, where knowledge cannot be followed. */
  readonly gaps: number
  /** Times that Reeve started without what it had learned, as it does where it cannot bring that back. */
  readonly startedAnew: number
  /** Turns that another version decided, compared as another policy's turns are; null where there are none. */
  readonly otherVersions: { readonly deciders: readonly string[]; readonly comparison: Comparison } | null
}

/** Where the record and what is decided from it are not the same. */
export type RecordDifference =
  /** In what was decided. */
  | {
      readonly kind: 'decision'
      readonly turn: number
      readonly path: string
      readonly recorded: string
      readonly now: string
    }
  /** Between the knowledge recorded before this turn and that which follows from the turns before it. */
  | {
      readonly kind: 'knowledge'
      readonly turn: number
      readonly path: string
      readonly recorded: string
      readonly now: string
    }
  /** The turns from this checkpoint on cannot be read, or cannot be decided on. */
  | { readonly kind: 'unusable'; readonly turn: number; readonly message: string }

/** Every turn decided again by another policy. */
export interface OtherPolicyReport {
  readonly kind: 'other-policy'
  readonly span: Span | null
  readonly policy: { readonly file: string; readonly hash: string }
  readonly comparison: Comparison
  /** What the models that were learned on record answer to it; null where that was not asked for. */
  readonly simulated: SimulatedRun | null
  /** What the policy names and the record never shows: nothing can be said of it. */
  readonly notOnRecord: {
    readonly domains: readonly string[]
    readonly metrics: readonly string[]
    readonly resources: readonly string[]
  }
  /** Times that turns are missing from the record: after each it is decided anew from what was known by the record. */
  readonly gaps: number
  /** Segments that could not be read or decided on, the first ten with the reason; they are left out. */
  readonly unusable: { readonly segments: number; readonly first: readonly Unusable[] }
}

export type Unusable = Extract<RecordDifference, { readonly kind: 'unusable' }>

/** What the command adds: how long it took, in milliseconds. */
export type ReplayReport = (SamePolicyReport | OtherPolicyReport) & {
  readonly tookMs: number
  readonly turnsPerSecond: number
}

/** A figure as it was on record, and as it comes out now. */
export interface WasAndNow<Figure> {
  readonly was: Figure
  readonly now: Figure
}

/** Two ways to decide the same turns, side by side. */
export interface Comparison {
  readonly turns: number
  /** Turns in which other changes would have been made, and the first of them. */
  readonly otherChanges: { readonly turns: number; readonly firstTurn: number | null }
  /** Changes planned, summed over the turns. */
  readonly changes: WasAndNow<number>
  readonly verdicts: readonly (WasAndNow<number> & { readonly verdict: VerdictName })[]
  readonly amounts: readonly AmountComparison[]
  readonly goals: readonly GoalComparison[]
  /** What no replay can tell. */
  readonly limit: string
}

/** Why a turn went as it did, in one word. */
export type VerdictName = Exclude<Verdict['kind'], 'no-beneficial-change'> | HoldReason

/** One domain and one resource. */
export interface AmountComparison extends WasAndNow<Means | null> {
  readonly domain: DomainName
  readonly resource: ResourceKey
  readonly unit: string
  /** Of the allocations, in turns that have both; null where there is no difference. */
  readonly greatest: (WasAndNow<number> & { readonly turn: number }) | null
}

/** Over the turns in which the domain had an amount of the resource. */
export interface Means {
  readonly turns: number
  readonly entitlement: number
  readonly allocation: number
}

export interface GoalComparison {
  readonly goal: GoalId
  readonly domain: DomainName
  /** How it stood on record, in turns: history, which no other policy changes. null for a goal that there was not. */
  readonly recorded: { readonly turns: number; readonly met: number; readonly missed: number } | null
  /** Turns in which its domain was granted less than the goal was thought to need; null where the goal was not there. */
  readonly short: WasAndNow<number | null>
  /** Mean entitlements of its domain, of the resources that the goal needs. */
  readonly entitlements: readonly (WasAndNow<number | null> & {
    readonly resource: ResourceKey
    readonly unit: string
  })[]
}

/** A record that answers to what another policy sets, by models. */
export interface SimulatedRun {
  readonly goals: readonly SimulatedGoal[]
  /** Mean use of CPU in millicores, over the turns in which it could be told. */
  readonly uses: readonly (WasAndNow<number> & { readonly domain: DomainName })[]
  /** What no model answers where it would have been another, and in how many turns: it was taken as recorded. */
  readonly unknown: readonly { readonly what: string; readonly turns: number }[]
}

/** In turns. A goal that was closed or could not be measured is in none of them. */
export interface SimulatedGoal {
  readonly goal: GoalId
  readonly domain: DomainName
  readonly recorded: { readonly met: number; readonly missed: number }
  /**
   * The recorded decisions by the models: what these said of a turn before its reading came, in how many they said that
   * the goal is met, in how many they were right about that, and the factor by which they were off in the mean. null
   * where none was to be trusted.
   */
  readonly check: { readonly turns: number; readonly met: number; readonly agreed: number; readonly off: number } | null
  /** Under the other policy; `unknown` where no model tells. */
  readonly now: { readonly met: number; readonly missed: number; readonly unknown: number }
  /** Geometric means of the performance index, over `recorded` and over what is known of `now`; above 1 is missed. */
  readonly index: WasAndNow<number | null>
}

import type { Because, SmallestChange } from '#core/arbitrate/problem.ts'
import type { EstimateReason } from './estimate-reason.ts'
import type { DomainName, GoalId, Identity, NodeId, ResourceKey } from './ids.ts'
import type { Knob, Setting } from './observation.ts'
import type { Activity, AffinityRule, DriftAnswer } from './policy.ts'

/** What to do and why. Plain data: rendered for people in one place, compared by replay, verified by the checker. */
export interface Decision {
  /** Version of the code that decided; what another version decides again is not compared bit for bit. */
  readonly decider: string
  readonly turn: number
  readonly goals: readonly GoalDecision[]
  readonly resources: readonly ResourceDecision[]
  /** Changes to carry out, in order. Empty with a reason in `verdict`. */
  readonly plan: readonly Change[]
  readonly verdict: Verdict
  /** The second pass, as if every domain in `advise` were managed; null where there is none. */
  readonly advice: Advice | null
  /** What each domain does most; a decision of old may lack it. */
  readonly activities?: Readonly<Record<DomainName, Activity>>
  /** Settings that somebody else changed after Reeve had set them. */
  readonly drift: readonly Drift[]
  /** What the checker found. Anything here means that the plan is not applied. */
  readonly violations: readonly Violation[]
}

/** A knob that is not as Reeve set it; what is yielded is left alone, and what it enforces counts as fixed. */
export interface Drift {
  readonly domain: DomainName
  readonly knob: Knob
  readonly expected: Setting
  readonly found: Setting
  readonly answer: DriftAnswer
}

export interface Advice {
  readonly resources: readonly ResourceDecision[]
  readonly plan: readonly Change[]
}

/** Why the plan is as it is, as a whole. */
export type Verdict =
  | { readonly kind: 'changes'; readonly count: number; readonly triggers: readonly Trigger[] }
  | { readonly kind: 'no-beneficial-change'; readonly reason: HoldReason }
  | { readonly kind: 'stopped-by-checker' }

/** What released a reallocation of one resource. */
export type Trigger =
  | {
      readonly kind: 'threshold'
      readonly resource: ResourceKey
      readonly domain: DomainName
      readonly difference: number
      readonly samples: number
    }
  | { readonly kind: 'first-allocation'; readonly resource: ResourceKey; readonly domain: DomainName }
  | { readonly kind: 'capacity'; readonly resource: ResourceKey; readonly from: number; readonly to: number }
  | { readonly kind: 'policy'; readonly resource: ResourceKey; readonly domain: DomainName }
  | {
      readonly kind: 'no-progress'
      readonly resource: ResourceKey
      readonly domain: DomainName
      readonly turns: number
    }
  | { readonly kind: 'not-in-force'; readonly resource: ResourceKey; readonly domain: DomainName }
  | {
      readonly kind: 'drift'
      readonly resource: ResourceKey
      readonly domain: DomainName
      readonly expected: Setting
      readonly found: Setting
    }

export type HoldReason =
  | 'nothing-managed'
  | 'within-thresholds'
  | 'already-so'
  | 'quiet-window'
  | 'paused'
  | 'first-sight'
  | 'nothing-observed'

/** How one goal stood for one domain, and what its estimator made of it. */
export interface GoalDecision {
  readonly goal: GoalId
  readonly domain: DomainName
  readonly priority: number
  readonly status:
    | { readonly kind: 'met' | 'missed'; readonly measured: number; readonly target: number; readonly index: number }
    | { readonly kind: 'unknown'; readonly reason: 'no-reading' | 'stale' | 'invalid' | 'first-sight' }
    | { readonly kind: 'closed'; readonly reason: string }
  /** What it needs of each resource, in the resource's unit. */
  readonly need: Readonly<Record<ResourceKey, number>>
  /** What it would need where that is more than the policy lets it ask for: it cannot be met then. */
  readonly cut: Readonly<Record<ResourceKey, number>>
  readonly because: EstimateReason
  /** Who else had something to say of the need, and what came of what it said before. */
  readonly forecasts: readonly ForecastDecision[]
  /** Where an allocation is changed for it: what its estimator says will come of that. */
  readonly promised: Promised | null
  /** A promise of an earlier turn that fell due in this one. */
  readonly graded: Graded | null
  /** All promises to it so far. */
  readonly record: PromiseRecord | null
  /** The resource of which less than it asks for would be granted in this class; null where all of it would. */
  readonly short: ResourceKey | null
  /** For a goal that was not served: the single smallest changes that would have served it. */
  readonly wouldMeet: readonly SmallestChange[]
}

/** What an estimator says the goal will measure once a change of allocation has had its effect, in the goal's unit. */
export interface Promised {
  /** The estimator, by the kind of its reason. */
  readonly by: EstimateReason['kind']
  readonly predicted: number
}

/** A promise beside what came. */
export interface Graded extends Promised {
  /** The turn that made it. */
  readonly turn: number
  /** Mean of what was measured from the time on at which a change has had its effect. */
  readonly came: number
  /** Part of what was promised by which what came is worse, 0 where it is as good or better. */
  readonly off: number
  readonly isKept: boolean
}

/** `off` is the mean over `made`. */
export interface PromiseRecord {
  readonly made: number
  readonly kept: number
  readonly off: number
}

/** What a forecast says of the coming minute, and how well it has done. */
export interface ForecastDecision {
  readonly resource: ResourceKey
  readonly by: ForecastKind
  /** What it expects to be needed; null where that is no more than what is needed now. */
  readonly predicted: number | null
  /** The estimator's need, where it was raised to what is predicted; null where it was not. */
  readonly raisedFrom: number | null
  /** Why it has no say: it was not right enough yet, it has erred, or the policy has silenced it; null where it has a say. */
  readonly silent: 'unproven' | 'erred' | 'policy' | null
  /** 0..1, of its last forecasts the later ones more. */
  readonly skill: number
  /** Forecasts of a rise that could be compared with what came, and those of them that came for the most part. */
  readonly scored: number
  readonly right: number
}

export type ForecastKind =
  /** The time of the day: of all days alike, or of the same weekday. */
  | { readonly kind: 'season'; readonly of: 'days' | 'weekday' }
  /** What follows when an event begins or a domain starts. */
  | { readonly kind: 'after'; readonly what: 'event' | 'start'; readonly name: string }

export interface ResourceDecision {
  readonly resource: ResourceKey
  readonly capacity: CapacityDecision
  readonly classes: readonly ClassDecision[]
  readonly rows: readonly AmountDecision[]
  readonly unallocated: number
}

/**
 * What is divided of a resource, in its unit: available = total - headroom - use of unmanaged domains beyond the headroom,
 * in whole grains. Of 2000 millicores with a headroom of 100 and 250 used by others, 1750.
 */
export interface CapacityDecision {
  readonly total: number
  readonly headroom: number
  readonly unmanaged: number
  /** What fixed domains keep of what is available: they take part with what is in force for them. */
  readonly fixed: number
  readonly available: number
  /** True where it did not cover the starting amounts, so that these were shrunk in proportion. */
  readonly shrunk: boolean
}

export type ClassDecision = {
  readonly priority: number
  /** No goals are in it, but what processes near a limit that kills ask for after all goals. */
  readonly afterGoals?: true
} & ({ readonly satisfied: true } | { readonly satisfied: false; readonly level?: number; readonly fraction?: number })

/** One domain and one resource. */
export interface AmountDecision {
  readonly domain: DomainName
  readonly parent: DomainName | null
  readonly role: 'managed' | 'fixed' | 'advised' | 'parent'
  /** Cumulative amounts asked for, one per priority class, and one more after all goals where `own` is near. */
  readonly requests: readonly number[]
  /**
   * What its processes have held of late and a tenth of room: a limit below this may kill them. Absent where none does,
   * and in journals of old.
   */
  readonly own?: number
  readonly use: number | null
  readonly inForce: number | null
  /** What arbitration granted, exactly. */
  readonly entitlement: number
  /** What is enforced: the entitlement settled and rounded to the grain. */
  readonly allocation: number
  readonly because: Because
  /** Why the allocation differs from the entitlement by more than rounding; null where it does not. */
  readonly settled: SettleReason | null
  /** Who gave what this domain gained since the last turn. */
  readonly gains: readonly Transfer[]
}

export interface Transfer {
  readonly from: DomainName | 'unallocated'
  readonly amount: number
}

export type SettleReason =
  | { readonly kind: 'within-thresholds'; readonly difference: number }
  | { readonly kind: 'cooldown'; readonly untilMs: number }
  | { readonly kind: 'maximum-step'; readonly step: number }
  | { readonly kind: 'minimum-change'; readonly least: number }
  | { readonly kind: 'working-set'; readonly floor: number }
  | { readonly kind: 'awaiting-donor'; readonly donor: DomainName }
  | { readonly kind: 'gives-first' }
  | { readonly kind: 'no-progress'; readonly turns: number }
  /** It keeps what its goals need: with less than `least` they are projected to be missed, for others of this priority. */
  | { readonly kind: 'impact'; readonly priority: number; readonly least: number }

/** One write to one knob: so specific that carrying it out leaves no choice. */
export interface Change {
  readonly driver: string
  readonly node: NodeId
  /** null for a place in the hierarchy above domains. */
  readonly domain: DomainName | null
  readonly identity: Identity | null
  readonly knob: Knob
  readonly resource: ResourceKey
  readonly from: Setting
  readonly to: Setting
  readonly direction: 'shrink' | 'grow' | 'neutral'
  readonly because: ChangeReason
}

export type ChangeReason =
  | {
      readonly kind: 'allocation'
      readonly resource: ResourceKey
      readonly from: number | null
      readonly to: number
      readonly trigger: Trigger
    }
  | { readonly kind: 'hierarchy'; readonly inside: number; readonly unmanaged: number }
  | { readonly kind: 'placement'; readonly cpus: string; readonly rule: 'pin' | 'near' | 'apart' | 'all' }
  /** By what it does most; `serving` are the CPUs that serve the interrupts it is near to, empty by other rules. */
  | {
      readonly kind: 'placement'
      readonly cpus: string
      readonly rule: 'activity'
      readonly activity: Activity
      readonly by: AffinityRule
      readonly serving: string
    }
  /** `activity` where that is what it follows. */
  | { readonly kind: 'scheduling'; readonly activity?: Activity }
  /** It is swapped for others while it is given less than `least`, in millicores. */
  | { readonly kind: 'pause'; readonly allocation: number; readonly least: number }
  /** vCPUs enough for what it is given and uses, in millicores. */
  | { readonly kind: 'vcpus'; readonly allocation: number; readonly use: number }
  /** The policy's own limit, in the resource's unit; null where it states none any more. */
  | { readonly kind: 'limit'; readonly resource: ResourceKey; readonly limit: number | null }
  /**
   * Under a guarantee it uses more than is in force for it while `short` waits for what is owed to that one; null where
   * nobody does any more. In millicores.
   */
  | { readonly kind: 'restraint'; readonly use: number; readonly inForce: number; readonly short: DomainName | null }
  | { readonly kind: 'release' }

/** What became of a change. The next observation shows whether it is believed. */
export type Outcome =
  | { readonly status: 'applied'; readonly node: NodeId; readonly knob: Knob; readonly to: Setting }
  | {
      readonly status: 'failed'
      readonly node: NodeId
      readonly knob: Knob
      readonly code: string
      readonly message: string
    }
  | { readonly status: 'vanished'; readonly node: NodeId; readonly knob: Knob }
  | { readonly status: 'not-tried'; readonly node: NodeId; readonly knob: Knob }
  /** Reeve died before it was told: what is there now may be what was to be set, or what was there before. */
  | { readonly status: 'unknown'; readonly node: NodeId; readonly knob: Knob }
  /** It was put back as it was found: what is there now is not Reeve's. */
  | { readonly status: 'given-up'; readonly node: NodeId; readonly knob: Knob }

/** A property or certificate that does not hold. */
export interface Violation {
  readonly rule: string
  readonly subject: string
  readonly message: string
}

/**
 * The arbitration of one resource as data: what goes in, what comes out. Columns instead of objects, because ten
 * thousand domains in eight classes are an ordinary problem for the simulator. Nothing here computes.
 *
 * Rows are domains in input order, a parent before its children (pre-order), so `parent[i] < i`.
 * A row with children is a parent; requests, own, lend and borrow of a parent are ignored (a schema refuses them).
 */

/** How a class that does not fit is shared among siblings. */
export type Fairness = 'max-min' | 'satisfy-most' | 'proportional'
/** What becomes of capacity after the last class. Default domains act only among their own siblings. */
export type SurplusRule = 'hold' | 'spread' | 'equal' | { readonly default: readonly string[] }
/** What becomes of the remainder of a class that does not fit: shared by the fairness rule unless said otherwise. */
export type RemainderRule = 'share' | 'hold' | { readonly default: readonly string[] }

export interface Problem {
  readonly capacity: number
  /** Start of a leaf without a reservation. */
  readonly minimum: number
  readonly fairness: Fairness
  readonly surplus: SurplusRule
  readonly remainder: RemainderRule
  readonly count: number
  /** Number of priority classes P; class 0 (own) comes before them and has no column. */
  readonly classes: number
  readonly ids: readonly string[]
  /** Row of the parent, -1 at the top. */
  readonly parent: Int32Array
  /** Class-major: requests[(k - 1) * count + i] is the cumulative amount row i asks for in class k (rows need not rise). */
  readonly requests: Float64Array
  /** Above 0; NaN on a parent stands for the sum of its children's. */
  readonly weight: Float64Array
  /** NaN where there is none; an explicit 0 is a reservation. */
  readonly reservation: Float64Array
  /** NaN where there is none. */
  readonly own: Float64Array
  /** 1 or 0. */
  readonly lend: Uint8Array
  /** 1 or 0. */
  readonly borrow: Uint8Array
  /** Infinity where there is none. */
  readonly limit: Float64Array
}

/** What stopped an entitlement where it is; codes of the column `bound`, in this order. */
export const BOUNDS = [
  'start', // the reservation or minimum it began with (a class below asked for no more, or all stopped before it was raised)
  'own', // what it owns, granted in class 0
  'request', // all that it asked for, in the class `boundClass`
  'limit', // its limit
  'level', // the water level (max-min, the rest of satisfy-most) or fraction (proportional) of the class that stopped
  'surplus', // assigned surplus, or the remainder given to default domains, on top of what the classes granted
  'shrunk', // capacity does not cover the starting amounts
] as const
export type BoundKind = (typeof BOUNDS)[number]

/** How one group of siblings came out; `parent` -1 is the top level. */
export interface GroupOutcome {
  readonly parent: number
  /** The capacity divided among these siblings: the problem's, or the entitlement of their parent. */
  readonly capacity: number
  /** The class that did not fit (0 is the class of owners), or -1 where all classes fit. */
  readonly stoppedAt: number
  /** Water level at that class (max-min; for satisfy-most among those not served), else NaN. */
  readonly level: number
  /** Fraction of everyone's gap at that class (proportional), else NaN. */
  readonly fraction: number
  /** Surplus increment per unit of weight (`spread`) or per domain (`equal`), else 0. */
  readonly surplusStep: number
  /** True where the capacity did not cover the starting amounts and these were shrunk in proportion. */
  readonly shrunk: boolean
}

export interface Arbitration {
  /** Exact entitlements before rounding; a parent's is the capacity inside it. */
  readonly entitlement: Float64Array
  /** Index into BOUNDS. */
  readonly bound: Uint8Array
  /** The class (0..P) in which that bound took hold: the last class that raised the row, or the class that stopped. */
  readonly boundClass: Int16Array
  /** One entry per group of siblings: the top first, then parents in input order. */
  readonly groups: readonly GroupOutcome[]
}

/** The certificate of one entitlement as a value, for people and for the journal. */
export type Because =
  | { readonly bound: 'start'; readonly reservation: number; readonly explicit: boolean }
  | { readonly bound: 'own'; readonly own: number; readonly lend: boolean }
  | { readonly bound: 'request'; readonly priority: number; readonly request: number }
  | { readonly bound: 'limit'; readonly priority: number; readonly limit: number }
  | { readonly bound: 'level'; readonly priority: number; readonly level: number; readonly weight: number }
  | {
      readonly bound: 'fraction'
      readonly priority: number
      readonly fraction: number
      readonly from: number
      readonly want: number
    }
  | { readonly bound: 'surplus'; readonly granted: number; readonly surplus: number }
  | { readonly bound: 'shrunk'; readonly start: number; readonly fraction: number }

/** The smallest change, made alone, that would have raised a row to what it wanted in a class; amounts are in grains' unit. */
export type SmallestChange =
  | { readonly change: 'capacity'; readonly from: number; readonly to: number }
  | { readonly change: 'limit'; readonly from: number; readonly to: number }
  | { readonly change: 'weight'; readonly from: number; readonly to: number }
  | { readonly change: 'priority'; readonly from: number; readonly to: number }
  | { readonly change: 'request'; readonly of: string; readonly from: number; readonly to: number }

import type { ResourceKey } from './ids.ts'

/** How an estimator came to its number; one shape per way of estimating. */
export type EstimateReason =
  | { readonly kind: 'fixed' }
  | {
      readonly kind: 'utilization'
      readonly resource: ResourceKey
      /** The most of the last 30 to 60 s: what was used, and more of it while it was held back. */
      readonly wanted: number
      readonly target: number
      /** Whether it is held back now. */
      readonly heldBack: boolean
    }
  | {
      readonly kind: 'work-cost'
      readonly use: number
      readonly throughput: number
      readonly target: number
      readonly perUnit: number
      /** What is asked for beyond that, as a factor, because the cost varies. */
      readonly margin: number
      /** Part of an entitlement that really arrives while the domain wants more, at most 1. */
      readonly delivered: number
    }
  /** So many times what it was tried with, `from` (millicores). */
  | {
      readonly kind: 'feedback'
      readonly measured: number
      readonly target: number
      readonly factor: number
      readonly from: number
    }
  | {
      readonly kind: 'queue'
      readonly measured: number
      readonly target: number
      /** What the model of the service would have said of this reading, in the metric's unit. */
      readonly expected: number
      /** What it says will be measured with what is asked for. */
      readonly predicted: number
      /** By how much it has been off of late: the mean of |ln(measured / expected)|. */
      readonly off: number
    }
  /** `rate` is what arrives (units per second), `perUnit` what one of it costs (millicore-seconds), `margin` as above. */
  | {
      readonly kind: 'arrivals'
      readonly rate: number
      readonly target: number
      readonly perUnit: number
      readonly margin: number
    }
  | {
      readonly kind: 'not-this-resource'
      readonly use: number
      readonly entitlement: number
      /** What it is tried with instead, and for how much of the time (0..1) it stood still for want of that. */
      readonly tries?: { readonly resource: ResourceKey; readonly stalled: number }
    }
  | { readonly kind: 'held'; readonly ageMs: number }
  /** Its metric says nothing, so it is judged by what it uses: `target` (0..1) of what it gets is to be enough. */
  | {
      readonly kind: 'by-use'
      readonly reason: 'no-reading' | 'stale' | 'invalid' | 'nothing-done' | 'silenced' | 'no-amount'
      readonly wanted: number
      readonly target: number
      readonly heldBack: boolean
    }
  /** Not even what it uses is known yet. */
  | { readonly kind: 'fallback'; readonly reason: 'no-reading' }
  | { readonly kind: 'closed' }

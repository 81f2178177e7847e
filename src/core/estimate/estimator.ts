import type { EstimateReason } from '#core/model/estimate-reason.ts'
import type { ResourceKey } from '#core/model/ids.ts'
import type { GoalMemory } from '#core/model/knowledge.ts'
import type { Aim, Silenceable } from '#core/model/policy.ts'

/**
 * What an estimator is told of one domain. All amounts are in the resource's unit, fractions in 0..1. It gets values,
 * never readers of values, and may remember a few numbers of its own from turn to turn.
 */
export interface Sight {
  readonly use: Readonly<Record<ResourceKey, number>>
  readonly smoothUse: Readonly<Record<ResourceKey, number>>
  readonly heldBack: Readonly<Record<ResourceKey, number>>
  /** Of stocks only: what it must hold. */
  readonly workingSet: Readonly<Record<ResourceKey, number>>
  /** What was granted and is in force; of CPU, in the time of which the use is told. */
  readonly inForce: Readonly<Record<ResourceKey, number>>
  readonly capacity: Readonly<Record<ResourceKey, number>>
  readonly metric: MetricSight
  /** What has no say, by the policy. */
  readonly without: readonly Silenceable[]
  /** Of the host's monotonic clock. */
  readonly nowMs: number
}

/** The reading that a goal refers to, judged by its age and its value. */
export type MetricSight =
  | {
      readonly kind: 'fresh'
      readonly value: number
      readonly ageMs: number
      /** An earlier turn has learned from it and acted upon it already: metrics may come less often than turns. */
      readonly isRepeated?: true
      /** Mean use of CPU (millicores) between the reading before and this one; absent where that is not known. */
      readonly use?: number
    }
  /** Too old to act upon, not yet too old to hold. */
  | { readonly kind: 'held'; readonly value: number; readonly ageMs: number }
  | { readonly kind: 'lost'; readonly reason: 'no-reading' | 'stale' | 'invalid' }

export interface Estimate {
  /** How much of each resource the goal needs; a resource that is absent is not asked for. */
  readonly need: Readonly<Record<ResourceKey, number>>
  /** Below this the goal is projected to be missed; absent where the estimator cannot tell. */
  readonly least: Readonly<Record<ResourceKey, number>>
  readonly because: EstimateReason
  /** What was measured in the goal's own unit, and the performance index (above 1 means missed); null where unknown. */
  readonly measured: { readonly value: number; readonly target: number; readonly index: number } | null
  readonly memory: GoalMemory
}

/** One way of telling how much a goal needs. Pure; empty memory is always safe. */
export type Estimator<Kind extends Aim['kind']> = (
  aim: Extract<Aim, { readonly kind: Kind }>,
  sight: Sight,
  memory: GoalMemory,
) => Estimate

/** A number out of an estimator's memory, or undefined where it holds none of that name. */
export function remembered(memory: GoalMemory, name: string): number | undefined {
  const value = memory[name]
  return typeof value === 'number' ? value : undefined
}

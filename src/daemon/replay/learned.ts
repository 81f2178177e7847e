import { remembered } from '#core/estimate/estimator.ts'
import { isTrusted, type Queue, queueOf } from '#core/estimate/queue.ts'
import type { GoalId } from '#core/model/ids.ts'
import type { GoalMemory } from '#core/model/knowledge.ts'
import type { Goal, Policy } from '#core/model/policy.ts'

/** What the recorded Reeve had learned of a service, as far as its readings can be answered by it. */
export type Model =
  /** A time, by the queue that had earned trust. */
  | { readonly kind: 'time'; readonly queue: Queue }
  /** A rate, by the CPU that a unit of work costs: millicores per unit. */
  | { readonly kind: 'rate'; readonly perUnit: number }

/** The models of a domain by the metrics that its goals go by; null where none is to be trusted. */
export function modelsOf(
  { goals }: Policy,
  memories: Readonly<Record<GoalId, GoalMemory>>,
): ReadonlyMap<string, Model | null> {
  const models = new Map<string, Model | null>()
  for (const { id, aim } of goals) {
    const memory = memories[id]
    if (memory !== undefined && 'metric' in aim) models.set(aim.metric, models.get(aim.metric) ?? modelFor(aim, memory))
  }
  return models
}

function modelFor(aim: Goal['aim'], memory: GoalMemory): Model | null {
  if (aim.kind === 'throughput') {
    const perUnit = (remembered(memory, 'use') ?? 0) / (remembered(memory, 'rate') ?? 0)
    return perUnit > 0 && perUnit < Number.POSITIVE_INFINITY ? { kind: 'rate', perUnit } : null
  }
  // Of which more is better is no time, and nothing is learned of it.
  if (aim.kind !== 'performance' || aim.direction === 'above') return null
  const queue = queueOf(memory)
  return queue !== null && isTrusted(queue) ? { kind: 'time', queue } : null
}

/** Whether a goal goes by a time of the domain, which has requests to answer then. */
export function isService({ goals }: Policy, memories: Readonly<Record<GoalId, GoalMemory>>): boolean {
  return goals.some(({ id, aim }) => aim.kind === 'performance' && aim.direction === 'below' && id in memories)
}

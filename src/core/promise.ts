import type { Allotted } from './allot.ts'
import type { Need } from './estimate/estimate.ts'
import { isMove } from './ladder.ts'
import type { View } from './look.ts'
import type { Graded, Promised } from './model/decision.ts'
import type { EstimateReason } from './model/estimate-reason.ts'
import type { DomainName } from './model/ids.ts'
import type { PromiseKnowledge } from './model/knowledge.ts'
import type { Goal } from './model/policy.ts'

/** A change of allocation has its effect after this time, and what comes of it is known after that. */
const EFFECT_MS = 10_000
const DUE_MS = 30_000
/** What comes may be worse than promised by this part of it: measurements are noisy. */
const KEPT = 0.1
/** Estimators that give a goal what they think it needs and so promise the goal itself. */
const PROMISE_THE_TARGET: ReadonlySet<EstimateReason['kind']> = new Set(['utilization', 'work-cost', 'feedback'])

/** What is said to come of this turn's change for a goal, and what came of an earlier one. */
export interface Promising {
  readonly promised: Promised | null
  readonly graded: Graded | null
  /** null where nothing was promised to the goal yet. */
  readonly knowledge: PromiseKnowledge | null
}

/**
 * Compares each promise with what came, and notes new ones. A goal is promised something when the allocation of its domain
 * changes and it is granted what its estimator asks for; what is granted less, or may ask for less, promises nothing. A
 * promise is graded when it is due, or when its domain's allocation changes before that and something was measured
 * already; each reading counts once, and none that was taken before the change had its effect. In the order of `needs`.
 */
export function promise(
  view: View,
  needs: readonly Need[],
  allotted: readonly Allotted[],
  acting: boolean,
): Promising[] {
  const grants = allotted.map(grantsOf)
  return needs.map((need) => {
    const known = view.byName.get(need.domain)?.known?.promises[need.goal.id] ?? null
    const its = grantsFor(need, allotted, grants)
    const isMoved = acting && its.some((grant) => grant?.isMoved === true)
    const promised = isMoved && isGranted(need, its) ? promisedBy(need) : null
    return next(known, { promised, isMoved }, need, view.known.turn + 1, view.seen.at.monotonicMs)
  })
}

function next(
  known: PromiseKnowledge | null,
  { promised, isMoved }: { readonly promised: Promised | null; readonly isMoved: boolean },
  { goal, status, measuredAtMs }: Need,
  turn: number,
  nowMs: number,
): Promising {
  if (known === null && promised === null) return { promised, graded: null, knowledge: null }
  let pending = known?.pending ?? null
  const isMeasured = status.kind === 'met' || status.kind === 'missed'
  if (pending !== null && isMeasured && measuredAtMs !== null && measuredAtMs - pending.atMs >= EFFECT_MS) {
    pending = { ...pending, sum: pending.sum + status.measured, count: pending.count + 1 }
  }
  // A metric that comes seldom is waited for, and one that is lost is not.
  const isDue = pending !== null && nowMs - pending.atMs >= DUE_MS && (pending.count > 0 || !isMeasured)
  const isOver = pending !== null && (isMoved || isDue)
  const graded = pending !== null && isOver && pending.count > 0 ? grade(pending, goal) : null
  const before = known?.record ?? { made: 0, kept: 0, off: 0 }
  const made = before.made + 1
  const record =
    graded === null
      ? before
      : { made, kept: before.kept + (graded.isKept ? 1 : 0), off: before.off + (graded.off - before.off) / made }
  const fresh = promised === null ? null : { ...promised, turn, atMs: nowMs, sum: 0, count: 0 }
  return { promised, graded, knowledge: { record, pending: isOver || pending === null ? fresh : pending } }
}

/** Worked: 200 ms were promised and 230 came, which is 0.15 off; 150 would be as good as promised. */
function grade(pending: NonNullable<PromiseKnowledge['pending']>, goal: Goal): Graded {
  const { by, predicted, turn, sum, count } = pending
  const came = sum / count
  const worse = isMoreBetter(goal) ? predicted - came : came - predicted
  const off = Math.max(0, worse) / Math.max(Math.abs(predicted), 1e-9)
  return { by, predicted, turn, came, off, isKept: off <= KEPT }
}

function isMoreBetter({ aim }: Goal): boolean {
  return aim.kind === 'throughput' || (aim.kind === 'performance' && aim.direction === 'above')
}

/** An estimator with a model says what it predicts in its reason. */
function promisedBy({ because, status }: Need): Promised | null {
  const by = because.kind
  if ('predicted' in because) return { by, predicted: because.predicted }
  if (!PROMISE_THE_TARGET.has(by) || (status.kind !== 'met' && status.kind !== 'missed')) return null
  return { by, predicted: status.target }
}

interface Grant {
  /** What is enforced from now on, and for which requests. */
  readonly allocation: number
  readonly requests: readonly number[]
  readonly isMoved: boolean
  readonly grain: number
}

function grantsOf({ frame, rounding }: Allotted): Map<DomainName, Grant> {
  const { key, grain } = frame.resource
  const grants = new Map<DomainName, Grant>()
  for (const [index, { name, view, standing, requests }] of frame.rows.entries()) {
    if (view === null || standing !== 'managed') continue
    const allocation = rounding.allocation[index] ?? 0
    grants.set(name, { allocation, requests, isMoved: isMove(allocation - (view.inForce[key] ?? 0), grain), grain })
  }
  return grants
}

/** What its domain is given of each resource that the goal needs; undefined where that is not decided. */
function grantsFor(
  { domain, need }: Need,
  allotted: readonly Allotted[],
  grants: readonly ReadonlyMap<DomainName, Grant>[],
): (Grant | undefined)[] {
  return allotted.flatMap(({ frame }, index) => {
    return need[frame.resource.key] === undefined ? [] : [grants[index]?.get(domain)]
  })
}

/** Whether all that the goal needs and was asked for up to its class is given, and it may ask for all that it needs. */
function isGranted({ goal, cut }: Need, its: readonly (Grant | undefined)[]): boolean {
  if (Object.keys(cut).length > 0) return false
  return its.every((grant) => {
    return grant !== undefined && grant.allocation >= (grant.requests[goal.priority - 1] ?? 0) - grant.grain
  })
}

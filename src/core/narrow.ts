import type { Arbitration, Problem } from './arbitrate/problem.ts'
import type { Need } from './estimate/estimate.ts'
import { type Bounds, type Frame, type FrameRow, isHard, isNear, ownOf, standsAt, startOf } from './frame.ts'
import { isMove } from './ladder.ts'
import type { DomainView, View } from './look.ts'
import type { SettleReason } from './model/decision.ts'
import type { DomainName } from './model/ids.ts'
import type { Resource } from './model/resource.ts'

/** A row that may not move as far as arbitration would have it, and why. */
export interface Narrowed extends Bounds {
  readonly row: number
  readonly reason: SettleReason
}

/** A donor of memory keeps this much above its working set. */
export const WORKING_SET_MARGIN = 1.05
/** A donor that has not come down to its allocation in so many turns keeps what it uses: the move is cancelled. */
export const STALLED_MOST = 10
/** Amounts closer than this part of a grain are the same amount. */
export const SAME = 1e-6

/**
 * How far rows may grow this turn, whatever arbitration grants: by one step, and not at all within their cooldown unless
 * a goal of theirs is missed, a limit may soon kill them, or they have not even their start. Only what bounds a row more than its limit does is told.
 */
export function ceilings(context: Context): Narrowed[] {
  const { problem, missed } = context
  const step = stepOf(context)
  return movable(context).flatMap((its): Narrowed[] => {
    const { row, inForce } = its
    const isUrgent = missed.has(its.view.name) || isNear(its.its, context.frame.resource.key)
    const untilMs = isUrgent ? null : cooldownEnd(context, its, 1)
    const cooling = untilMs === null ? Number.POSITIVE_INFINITY : Math.max(inForce, startOf(problem, row))
    const ceiling = Math.min(cooling, inForce + step)
    if (ceiling >= Math.min(problem.limit[row] ?? Number.POSITIVE_INFINITY, problem.capacity)) return []
    const reason: SettleReason =
      untilMs !== null && cooling === ceiling ? { kind: 'cooldown', untilMs } : { kind: 'maximum-step', step }
    return [{ row, floor: 0, ceiling, reason }]
  })
}

/**
 * Finds rows that an arbitration would take too much from, or too soon, or move for too little, each with the bounds that
 * hold it. Rows that respect their bounds already are not found again.
 */
export function narrow(context: Context, arbitration: Arbitration): Narrowed[] {
  return movable(context).flatMap((its) => {
    const held = holdOf(context, { ...its, entitlement: arbitration.entitlement[its.row] ?? 0 })
    return held === null ? [] : [{ row: its.row, ...held }]
  })
}

function movable({ frame }: Context): Movable[] {
  const { key, compressible } = frame.resource
  return frame.rows.flatMap((its, row): Movable[] => {
    const { view, standing } = its
    const inForce = view?.inForce[key]
    if (view === null || standing !== 'managed' || inForce === undefined) return []
    // A domain for which nothing was decided yet has nothing to hold on to, but memory in use stays in use.
    const known = view.known?.resources[key]
    const isNew = (known?.allocation ?? null) === null && (known?.moved ?? null) === null
    return isNew && compressible ? [] : [{ row, its, view, inForce }]
  })
}

/** What holds of a resource this turn, whatever is arbitrated. */
export interface Context {
  readonly view: View
  readonly frame: Frame
  readonly problem: Problem
  readonly missed: ReadonlySet<DomainName>
  /** Some domain grows for a goal that is missed now, away from a limit that kills, or to its start: nobody's cooldown keeps it waiting. */
  readonly urgent: boolean
  /** What is in force no longer fits: donors cannot be spared. */
  readonly lost: boolean
}

/** A row that is decided, of which something is in force. */
interface Movable {
  readonly row: number
  readonly its: FrameRow
  readonly view: DomainView
  readonly inForce: number
}

interface Move extends Movable {
  readonly entitlement: number
}

type Hold = Bounds & { readonly reason: SettleReason }

/** `problem` and `ideal` are those in which nothing was held back: what grows only because others are held is not owed. */
export function contextOf(
  view: View,
  frame: Frame,
  problem: Problem,
  ideal: Arbitration,
  needs: readonly Need[],
): Context {
  const { key, grain } = frame.resource
  const missed = new Set(needs.filter((need) => need.status.kind === 'missed').map((need) => need.domain))
  let standing = 0
  let urgent = false
  for (const [row, its] of frame.rows.entries()) {
    if (its.view === null) continue
    const inForce = its.view.inForce[key] ?? 0
    const gain = (ideal.entitlement[row] ?? 0) - inForce
    standing += standsAt(its, key)
    const isOwed = missed.has(its.name) || isNear(its, key) || inForce < startOf(problem, row) - grain
    urgent ||= its.standing === 'managed' && gain > 0 && isMove(gain, grain) && isOwed
  }
  return {
    view,
    frame,
    problem,
    missed,
    urgent,
    lost: standing > problem.capacity + grain,
  }
}

/** The first rule that holds this move back, in the order of their weight; null where it may go ahead. */
function holdOf(context: Context, move: Move): Hold | null {
  const gain = move.entitlement - move.inForce
  const stalled = notGiving(context, move)
  if (stalled !== null) return stalled
  if (Math.abs(gain) <= context.frame.resource.grain * SAME) return null
  // Where capacity was lost nobody can be kept above what is left, but for whom that would kill.
  if (gain < 0 && context.lost)
    return isHard(move.view, context.frame.resource.key) ? keepWorkingSet(context, move) : null
  const holds =
    gain > 0
      ? [tooSmall(context, move, gain)]
      : [
          tooSmall(context, move, gain),
          holdShrink(context, move),
          keepWorkingSet(context, move),
          shrinksTooFar(context, move),
        ]
  return holds.find((hold) => hold !== null && !isAtLimit(context, move, hold)) ?? null
}

/** A limit that came down is followed at once, whatever would hold a shrink back; but memory in use is not cut off. */
function isAtLimit(context: Context, { row, entitlement }: Move, { floor, reason }: Hold): boolean {
  const limit = context.problem.limit[row] ?? Number.POSITIVE_INFINITY
  return reason.kind !== 'working-set' && floor > limit && !isBelow(entitlement, limit, context)
}

function notGiving({ frame }: Context, { view, entitlement }: Move): Hold | null {
  const turns = view.known?.resources[frame.resource.key]?.stalled ?? 0
  const floor = view.held[frame.resource.key] ?? 0
  if (turns < STALLED_MOST || floor <= entitlement) return null
  return { floor, ceiling: Number.POSITIVE_INFINITY, reason: { kind: 'no-progress', turns } }
}

function tooSmall({ view, frame, urgent }: Context, { its, inForce }: Move, gain: number): Hold | null {
  if (gain > 0 ? isNear(its, frame.resource.key) : urgent) return null
  const least = view.policy.host.minimumChange[frame.resource.key] ?? 0
  return Math.abs(gain) < least ? { floor: inForce, ceiling: inForce, reason: { kind: 'minimum-change', least } } : null
}

/** The most by which one allocation may change in a turn. */
function stepOf({ view, frame }: Context): number {
  return (view.policy.host.maximumStep[frame.resource.key] ?? 1) * frame.capacity.total
}

function shrinksTooFar(context: Context, { inForce, entitlement }: Move): Hold | null {
  const step = stepOf(context)
  if (inForce - entitlement <= step + context.frame.resource.grain * SAME) return null
  return { floor: inForce - step, ceiling: Number.POSITIVE_INFINITY, reason: { kind: 'maximum-step', step } }
}

function isBelow(one: number, other: number, { frame }: Context): boolean {
  return one < other - frame.resource.grain * SAME
}

/** A shrink is held by its cooldown, unless somebody is owed what it gives. */
function holdShrink(context: Context, move: Move): Hold | null {
  const untilMs = cooldownEnd(context, move, -1)
  if (untilMs === null || context.urgent) return null
  return { floor: move.inForce, ceiling: Number.POSITIVE_INFINITY, reason: { kind: 'cooldown', untilMs } }
}

/**
 * What cannot be taken away in no time stays where it is in use. Of one for whom nobody asks for any that is what its
 * processes hold themselves, where that is told: what else it uses is read again from its disk. Nor does a limit that
 * kills come nearer to them than they follow it.
 */
function keepWorkingSet({ frame }: Context, { view, its, inForce, entitlement }: Move): Hold | null {
  const { key, compressible } = frame.resource
  const isAskedFor = its.requests.some((amount) => amount > 0)
  const inUse = (isAskedFor ? undefined : ownOf(view, key)) ?? view.workingSet[key]
  if (compressible || inUse === undefined) return null
  const floor = Math.min(inForce, Math.max(inUse * WORKING_SET_MARGIN, its.own))
  return floor > entitlement
    ? { floor, ceiling: Number.POSITIVE_INFINITY, reason: { kind: 'working-set', floor } }
    : null
}

/** When the cooldown ends that a move in this direction would break, or null where it breaks none. */
function cooldownEnd({ view, frame }: Context, its: Movable, direction: -1 | 1): number | null {
  const moved = its.view.known?.resources[frame.resource.key]?.moved ?? null
  if (moved === null || moved.direction === direction) return null
  const untilMs = moved.atMs + view.policy.host.cooldownMs
  return view.seen.at.monotonicMs < untilMs ? untilMs : null
}

/** What a row takes up now: what is in force for it, or what it holds where that is more. */
function standingAt(resource: Resource, view: DomainView): number {
  return Math.max(view.inForce[resource.key] ?? 0, view.held[resource.key] ?? 0)
}

/**
 * Incompressible resources move in two steps: donors shrink now, receivers grow once an observation shows it. Until
 * then what is free already is divided among those that grow, in proportion to their growth; donors are held to what
 * they are to give, so that it stays free. Returns nothing where everything fits at once.
 *
 * Worked: of 1000, 600 and 400 in force become 450 and 550. Nothing is free, so this turn enforces 450 and 400.
 */
export function awaitDonors({ rows, resource }: Frame, problem: Problem, arbitration: Arbitration): Narrowed[] {
  if (resource.compressible) return []
  let standing = 0
  let growth = 0
  let donor: { readonly name: DomainName; readonly gives: number } | null = null
  const leaves: { readonly row: number; readonly has: number; readonly entitlement: number }[] = []
  for (const [row, { view, standing: role, name }] of rows.entries()) {
    if (view === null) continue
    const has = standingAt(resource, view)
    standing += has
    if (role !== 'managed') continue
    const entitlement = arbitration.entitlement[row] ?? 0
    growth += Math.max(0, entitlement - has)
    if (donor === null || has - entitlement > donor.gives) donor = { name, gives: has - entitlement }
    leaves.push({ row, has, entitlement })
  }
  const covered = Math.max(0, problem.capacity - standing) / growth
  if (donor === null || growth <= resource.grain * SAME || covered >= 1) return []
  const waiting: SettleReason = { kind: 'awaiting-donor', donor: donor.name }
  return leaves.map(({ row, has, entitlement }) => ({
    row,
    floor: 0,
    ceiling: Math.min(entitlement, has + Math.max(0, entitlement - has) * covered),
    reason: entitlement > has ? waiting : { kind: 'gives-first' },
  }))
}

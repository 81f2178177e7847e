import { account } from './account.ts'
import { because } from './arbitrate/because.ts'
import type { GroupOutcome } from './arbitrate/problem.ts'
import { rollUp } from './arbitrate/rollup.ts'
import { newWorkspace } from './arbitrate/workspace.ts'
import type { Need } from './estimate/estimate.ts'
import { type Frame, frame, startOf } from './frame.ts'
import { differenceOf } from './ladder.ts'
import type { View } from './look.ts'
import type { AmountDecision, ClassDecision, ResourceDecision, SettleReason } from './model/decision.ts'
import { keepOrRound, type Rounding } from './round.ts'
import { requestRows } from './rows.ts'
import { type Settled, settle } from './settle.ts'

/** One resource, from demand to what is to be enforced, with everything that certifies it. */
export interface Allotted {
  readonly frame: Frame
  readonly settled: Settled
  /** By row, in the resource's unit; `kept` is what was in force already. */
  readonly rounding: Rounding
}

/** Arbitrates, settles and rounds every resource; `asManaged` treats what is advised as if it were managed. */
export function allot(view: View, needs: readonly Need[], asManaged: boolean): Allotted[] {
  const classes = classesOf(view)
  const workspace = newWorkspace()
  return view.policy.resources.map((resource) => {
    const framed = frame(view, resource, requestRows(needs, resource.key, classes), classes, asManaged)
    const settled = settle(view, framed, needs, workspace)
    return { frame: framed, settled, rounding: roundOff(view, framed, settled) }
  })
}

/** Everything stays where nothing triggered; otherwise what is in force is kept where it is near enough. */
function roundOff(
  view: View,
  { rows, resource, capacity }: Frame,
  { problem, arbitration, triggers }: Settled,
): Rounding {
  const inForce = Float64Array.from(rows, (row) => inForceOf(view, row.name, resource.key) ?? Number.NaN)
  if (triggers.length === 0) {
    const allocation = inForce.map((amount, row) =>
      Number.isNaN(amount) ? (arbitration.entitlement[row] ?? 0) : amount,
    )
    return { status: 'kept', allocation }
  }
  const { count, parent, limit } = problem
  const start = problem.reservation.map((_, row) => startOf(problem, row))
  const { entitlement } = arbitration
  return keepOrRound({ count, parent, inForce, entitlement, start, limit }, resource.grain, capacity.available)
}

/** In force by settings for what runs; what was decided last for a parent, which has no settings of its own. */
function inForceOf(view: View, name: Frame['rows'][number]['name'], resource: Frame['resource']['key']): number | null {
  const domain = view.byName.get(name)
  if (domain !== undefined) return domain.inForce[resource] ?? null
  return view.known.domains[name]?.resources[resource]?.allocation ?? null
}

/** The same as plain data, for the journal and for people. */
export function describe(view: View, its: Allotted): ResourceDecision {
  const { frame: framed, settled, rounding } = its
  const { allocation } = rounding
  const { rows, resource, capacity } = framed
  const { ideal, problem, arbitration } = settled
  const gains = account(rows, resource.key, allocation, resource.grain)
  const demand = rollUp(problem)
  const top = arbitration.groups[0]
  let given = 0
  const described = rows.map((row, index): AmountDecision => {
    if (row.parent < 0) given += allocation[index] ?? 0
    const inForce = inForceOf(view, row.name, resource.key)
    const entitlement = ideal.entitlement[index] ?? 0
    return {
      domain: row.name,
      parent: row.parent < 0 ? null : (rows[row.parent]?.name ?? null),
      role: row.standing,
      requests: row.requests,
      ...(row.own > 0 && { own: row.own }),
      use: row.view?.use[resource.key] ?? null,
      inForce,
      entitlement,
      allocation: allocation[index] ?? 0,
      because: because(problem, arbitration, index, demand),
      settled: settleReason(settled, index, entitlement, inForce, resource.grain),
      gains: gains[index] ?? [],
    }
  })
  return {
    resource: resource.key,
    capacity: { ...capacity, shrunk: (top?.shrunk ?? false) || (ideal.groups[0]?.shrunk ?? false) },
    classes: outcomesOf(framed.classes, classesOf(view), top),
    rows: described,
    unallocated: capacity.available - given,
  }
}

function settleReason(
  settled: Settled,
  row: number,
  entitlement: number,
  inForce: number | null,
  grain: number,
): SettleReason | null {
  const reason = settled.reasons.get(row)
  if (reason !== undefined) return reason
  if (settled.triggers.length > 0 || inForce === null || Math.abs(entitlement - inForce) <= grain) return null
  return { kind: 'within-thresholds', difference: differenceOf(entitlement, inForce, grain) }
}

/** How many classes of goals there are. */
function classesOf({ policy }: View): number {
  return policy.goals.reduce((most, goal) => Math.max(most, goal.priority), 0)
}

/** How the classes came out at the top level. Class 0, the owners', is told apart only where it is the one that stopped. */
function outcomesOf(classes: number, ofGoals: number, top: GroupOutcome | undefined): ClassDecision[] {
  const stoppedAt = top === undefined || top.stoppedAt < 0 ? Number.POSITIVE_INFINITY : top.stoppedAt
  const outcomes: ClassDecision[] = []
  for (let priority = stoppedAt === 0 ? 0 : 1; priority <= classes; priority++) {
    const its = { priority, ...(priority > ofGoals && { afterGoals: true as const }) }
    if (priority < stoppedAt) outcomes.push({ ...its, satisfied: true })
    else if (priority > stoppedAt || top === undefined) outcomes.push({ ...its, satisfied: false })
    else outcomes.push({ ...its, satisfied: false, ...stopOf(top) })
  }
  return outcomes
}

function stopOf({ level, fraction }: GroupOutcome): { level?: number; fraction?: number } {
  if (!Number.isNaN(level)) return { level }
  return Number.isNaN(fraction) ? {} : { fraction }
}

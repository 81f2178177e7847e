import type { Allotted } from './allot.ts'
import { checkAllocation } from './check/check-allocation.ts'
import { checkArbitration } from './check/check-arbitration.ts'
import { checkDonors } from './check/check-donors.ts'
import { type ChangeToCheck, checkPlan } from './check/check-plan.ts'
import { checkSmallestChange } from './check/check-smallest-change.ts'
import { type FrameRow, isNear, standsAt, startOf } from './frame.ts'
import type { View } from './look.ts'
import type { Change, GoalDecision, ResourceDecision, Violation } from './model/decision.ts'

/**
 * Lays a whole decision before the independent checker: every arbitration with its certificates, the rounding, who
 * gave what, the order of the plan, cooldowns, and what is claimed to have been enough for missed goals. Hands over
 * data only; what is right is for the checker alone to know.
 */
export function verify(
  view: View,
  allotted: readonly Allotted[],
  resources: readonly ResourceDecision[],
  goals: readonly GoalDecision[],
  planned: readonly Change[],
): Violation[] {
  const timing = { nowMs: view.seen.at.monotonicMs, cooldownMs: view.policy.host.cooldownMs }
  return [
    ...allotted.flatMap((its, index) => verifyResource(its, resources[index] as ResourceDecision)),
    ...allotted.flatMap((its) => checkPlan(movesOf(its, goals), timing)),
    ...checkPlan(planned, timing),
    ...goals.flatMap((goal) => verifyClaims(goal, allotted)),
  ]
}

function verifyResource({ frame, settled, rounding }: Allotted, { resource, rows }: ResourceDecision): Violation[] {
  const { problem, arbitration, ideal, idealProblem, triggers } = settled
  const { grain } = frame.resource
  const found = checkArbitration(problem, arbitration)
  if (ideal !== arbitration) found.push(...checkArbitration(idealProblem, ideal))
  // Without a trigger nothing is enforced anew, so there is nothing to round.
  if (triggers.length > 0)
    found.push(...checkAllocation(problem, { grain, entitlement: arbitration.entitlement, ...rounding }))
  const accounts = rows.map(({ domain, role, inForce, allocation, gains }) => ({
    domain,
    before: role === 'parent' ? null : inForce,
    allocation,
    gains,
  }))
  return [...found, ...checkDonors(accounts, resource, grain)]
}

/** Each domain's own move of a resource, for the cooldown: a row that went by a grain was rounded, not moved. */
function movesOf({ frame, rounding, settled }: Allotted, goals: readonly GoalDecision[]): ChangeToCheck[] {
  const { key, grain } = frame.resource
  const { limit } = settled.idealProblem
  const missed = new Set(goals.filter((goal) => goal.status.kind === 'missed').map((goal) => goal.domain))
  const isOwed = (row: FrameRow, index: number): boolean => {
    const isBelowStart = (row.view?.inForce[key] ?? 0) < startOf(settled.idealProblem, index) - grain
    return missed.has(row.name) || isNear(row, key) || isBelowStart
  }
  const moves = frame.rows.flatMap((row, index) => {
    const inForce = row.view?.inForce[key]
    const gain = (rounding.allocation[index] ?? 0) - (inForce ?? 0)
    if (row.standing !== 'managed' || inForce === undefined || Math.abs(gain) <= grain * 1.001) return []
    const moved = row.view?.known?.resources[key]?.moved ?? null
    // A limit that came down is followed at once.
    return [{ row, gain, moved, owed: isOwed(row, index), isOver: inForce > (limit[index] as number) + grain }]
  })
  const standing = frame.rows.reduce((sum, row) => sum + standsAt(row, key), 0)
  const lost = standing > settled.problem.capacity + grain
  // Whoever is owed may have to wait until the donor has given.
  const urgent = frame.rows.some((row, index) => {
    const growth = (settled.ideal.entitlement[index] ?? 0) - (row.view?.inForce[key] ?? 0)
    return row.standing === 'managed' && growth > grain && isOwed(row, index)
  })
  return moves.map(({ row, gain, owed, isOver, moved }) => ({
    domain: row.name,
    node: row.name,
    knob: key,
    // Rows are in the order of the policy, not of a plan.
    resource: row.name,
    direction: gain > 0 ? 'grow' : 'shrink',
    from: null,
    to: null,
    last: moved === null ? null : { direction: moved.direction > 0 ? 'grow' : 'shrink', atMs: moved.atMs },
    excused: gain > 0 ? owed : urgent || lost || isOver,
  }))
}

function verifyClaims(goal: GoalDecision, allotted: readonly Allotted[]): Violation[] {
  const its = allotted.find(({ frame }) => frame.resource.key === goal.short)
  if (its === undefined) return []
  const row = its.frame.rows.findIndex((candidate) => candidate.name === goal.domain)
  const missed = { row, priority: goal.priority }
  return goal.wouldMeet.flatMap((change) =>
    checkSmallestChange(its.settled.idealProblem, its.frame.resource.grain, missed, change),
  )
}

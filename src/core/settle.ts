import { arbitrate } from './arbitrate/arbitrate.ts'
import { BOUND } from './arbitrate/division.ts'
import type { Arbitration, Problem } from './arbitrate/problem.ts'
import type { Workspace } from './arbitrate/workspace.ts'
import type { Need } from './estimate/estimate.ts'
import { type Bounds, type Frame, type FrameRow, isNear, problemOf, startOf } from './frame.ts'
import { impact } from './impact.ts'
import { AT_REST, climb, DEFAULT_LADDER, differenceOf, isMove, type Ladder, LEFT_OVER } from './ladder.ts'
import type { View } from './look.ts'
import type { SettleReason, Trigger } from './model/decision.ts'
import type { DomainName } from './model/ids.ts'
import type { HostKnowledge } from './model/knowledge.ts'
import { awaitDonors, ceilings, contextOf, type Narrowed, narrow, SAME, STALLED_MOST } from './narrow.ts'

/** One resource, settled: what is to be enforced now, and why it is not simply what arbitration granted. */
export interface Settled {
  /** What every goal would get if nothing held changes back. */
  readonly ideal: Arbitration
  readonly idealProblem: Problem
  /** The problem whose entitlements are enforced: the ideal one, narrowed by what settling holds back. */
  readonly problem: Problem
  readonly arbitration: Arbitration
  /** Empty where everything stays as it is. */
  readonly triggers: readonly Trigger[]
  /** By row. */
  readonly reasons: ReadonlyMap<number, SettleReason>
  readonly ladders: ReadonlyMap<DomainName, Ladder>
}

/** Donors are spared in at most so many rounds. */
const SPARED_MOST = 3
/** Rounds of arbitration, each with what the one before held back. */
const ROUNDS_MOST = 12

/**
 * Decides whether a reallocation is worth making now, and how much of it. One trigger releases the whole reallocation
 * of the resource; what cooldown, steps and working sets hold back narrows the problem, which is then
 * arbitrated anew, so that a receiver whose donor is held back shrinks with it by the ordinary rules.
 */
export function settle(view: View, frame: Frame, needs: readonly Need[], workspace: Workspace): Settled {
  const problem = problemOf(view, frame)
  const ideal = arbitrate(problem, workspace)
  const { ladders, triggers } = look(view, frame, problem, ideal)
  const standing = {
    ideal,
    idealProblem: problem,
    problem,
    arbitration: ideal,
    triggers: [],
    reasons: new Map(),
    ladders,
  }
  if (triggers.length === 0) return standing
  const context = contextOf(view, frame, problem, ideal, needs)
  const bounds = new Map<number, Bounds>()
  const reasons = new Map<number, SettleReason>()
  let narrowed = problem
  let arbitration = ideal
  const bind = (found: readonly Narrowed[]): void => {
    for (const { row, floor, ceiling } of found) bounds.set(row, tighter(bounds.get(row), { floor, ceiling }))
    if (found.length === 0) return
    narrowed = problemOf(view, frame, bounds)
    arbitration = arbitrate(narrowed, workspace)
  }
  const hold = (found: readonly Narrowed[]): void => {
    for (const { row, reason } of found) reasons.set(row, reasons.get(row) ?? reason)
    bind(found)
  }
  const grown = ceilings(context)
  bind(grown)
  const isHarmAllowed = view.policy.host.without.includes('impact')
  let isStable = false
  for (let round = 0, sparing = 0; round < ROUNDS_MOST && sparing <= SPARED_MOST && !isStable; round++) {
    const spared = isHarmAllowed ? [] : impact(frame, needs, narrowed, arbitration)
    const found = [...narrow(context, arbitration), ...spared]
    sparing += spared.length > 0 ? 1 : 0
    isStable = found.length === 0
    hold(found)
  }
  // What still breaks a rule after that is not made, nor what would cut anybody off from what is in use.
  const isCut = !frame.resource.compressible && isBelowFloor(bounds, arbitration, frame.resource.grain)
  if (!isStable || isCut) return standing
  for (const { row, reason, ceiling } of grown) {
    const binds = arbitration.bound[row] === BOUND.limit || ceiling < startOf(problem, row)
    if (binds) reasons.set(row, reasons.get(row) ?? reason)
  }
  // Before donors are waited for: who waits for them only is the reason that they are to give.
  if (triggers.every((trigger) => isHeldBack(trigger, frame, arbitration))) return { ...standing, reasons }
  hold(awaitDonors(frame, narrowed, arbitration))
  return { ideal, idealProblem: problem, problem: narrowed, arbitration, triggers, reasons, ladders }
}

function isBelowFloor(bounds: ReadonlyMap<number, Bounds>, { entitlement }: Arbitration, grain: number): boolean {
  return bounds.entries().some(([row, { floor }]) => (entitlement[row] ?? 0) < floor - SAME * grain)
}

/** A difference that may not be made up for yet is no reason to move the others. */
function isHeldBack(trigger: Trigger, { rows, resource }: Frame, { entitlement }: Arbitration): boolean {
  if (trigger.kind !== 'threshold') return false
  const row = rows.findIndex(({ name }) => name === trigger.domain)
  const inForce = rows[row]?.view?.inForce[resource.key]
  return inForce !== undefined && !isMove((entitlement[row] ?? 0) - inForce, resource.grain)
}

/** Both bounds at once; where they contradict each other the ceiling wins, which never hands out what is not there. */
function tighter(one: Bounds | undefined, other: Bounds): Bounds {
  const ceiling = Math.min(one?.ceiling ?? other.ceiling, other.ceiling)
  return { floor: Math.min(Math.max(one?.floor ?? 0, other.floor), ceiling), ceiling }
}

/** Climbs every domain's ladder with this turn's difference and collects what triggers. */
function look(view: View, frame: Frame, problem: Problem, ideal: Arbitration) {
  const { key, grain } = frame.resource
  const ofGoals = view.policy.host.thresholds[key] ?? DEFAULT_LADDER
  const ladders = new Map<DomainName, Ladder>()
  const triggers: Trigger[] = []
  const before = dividedBefore(view.known.host[key])
  if (before !== undefined && before !== frame.capacity.total) {
    triggers.push({ kind: 'capacity', resource: key, from: before, to: frame.capacity.total })
  }
  for (let index = 0; index < frame.rows.length; index++) {
    const row = frame.rows[index] as FrameRow
    if (row.view === null || row.standing !== 'managed') continue
    const known = row.view.known?.resources[key]
    const inForce = row.view.inForce[key] ?? 0
    const difference = differenceOf(ideal.entitlement[index] ?? 0, inForce, grain)
    const rungs = isLeftOver(row) ? LEFT_OVER : ofGoals
    const { ladder, triggered } = climb(known?.ladder ?? AT_REST, rungs, difference, view.seen.at.monotonicMs)
    ladders.set(row.name, ladder)
    const isDue = triggered || (difference > 0 && isNear(row, key))
    const trigger = triggerOf(view, frame, problem, index, row, isDue ? difference : null, ladder)
    if (trigger !== null) triggers.push(trigger)
  }
  return { ladders, triggers }
}

/** The capacity that was divided last; undefined where nothing is known of the resource. */
export function dividedBefore(known: HostKnowledge | undefined): number | undefined {
  return known?.divided ?? known?.capacity
}

function triggerOf(
  view: View,
  frame: Frame,
  problem: Problem,
  index: number,
  row: FrameRow,
  difference: number | null,
  ladder: Ladder,
): Trigger | null {
  const { key: resource, grain } = frame.resource
  const domain = row.name
  const drift = row.view?.drifted[resource]
  if (drift !== undefined) return { kind: 'drift', resource, domain, expected: drift.expected, found: drift.found }
  const decided = row.view?.known?.resources[resource]?.allocation ?? null
  if (decided === null) return { kind: 'first-allocation', resource, domain }
  if (row.view?.unmade[resource] === 'due') return { kind: 'not-in-force', resource, domain }
  const turns = row.view?.known?.resources[resource]?.stalled ?? 0
  if (turns >= STALLED_MOST) return { kind: 'no-progress', resource, domain, turns }
  const limit = problem.limit[index] ?? Number.POSITIVE_INFINITY
  const reservation = problem.reservation[index] ?? Number.NaN
  // Where a policy caps what was only weighted before, what is in force may be more than was ever decided.
  const most = row.policy.enforcement === 'cap' ? Math.max(decided, row.view?.inForce[resource] ?? 0) : decided
  if (most > limit + grain || decided < reservation - grain) return { kind: 'policy', resource, domain }
  if (difference === null || (isDefault(view, domain) && !isShort(row, row.view?.inForce[resource] ?? 0, limit, grain)))
    return null
  return { kind: 'threshold', resource, domain, difference, samples: Math.max(...ladder.samples) }
}

/**
 * Whom nobody asks anything for gets what is left over, which moves with everybody's needs. Where that binds nobody (a
 * guarantee is a weight, and what is unused goes to whoever runs) it is no reason to move them again, unless it lasts.
 */
function isLeftOver({ policy, requests }: FrameRow): boolean {
  return policy.enforcement === 'guarantee' && requests.every((amount) => amount === 0)
}

/** Whether its own goals ask for more than it has. */
const isShort = ({ requests }: FrameRow, inForce: number, limit: number, grain: number): boolean =>
  inForce + grain < Math.min(Math.max(0, ...requests), limit)

/** The over-achieving of a domain that takes what is left over is no reason to move anything. */
function isDefault(view: View, domain: DomainName): boolean {
  const { surplus, remainder } = view.policy.host
  return [surplus, remainder].some((rule) => typeof rule === 'object' && rule.default.includes(domain))
}

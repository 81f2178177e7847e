import type { AmountDecision, GoalDecision, ResourceDecision } from '#core/model/decision.ts'
import type { Policy } from '#core/model/policy.ts'
import { type Decided, grainOf, isTriggered, NEARLY, show } from './decided.ts'
import { classesOf, requestsOf, sharesOf } from './expected.ts'
import { wantsOf } from './on-division.ts'

/** Whom a reallocation harms. */

/**
 * "Settling", impact: a donor whose goals of the class that does not fit, or of higher ones, are projected to be missed
 * keeps what they need, the cheapest first and as many as fit. Told where no tree is, nothing else is held back, and the
 * decision itself says below what each goal is missed.
 */
export function* sparesWhomItWouldHarm(its: Decided): Generator<string> {
  const { policy, record } = its
  if (policy.host.without.includes('impact')) return
  for (const one of record.decision.resources) {
    if (!isTriggered(its, one.resource) || one.capacity.shrunk) continue
    const isPlain = one.rows.every(({ parent, role, settled }) => {
      return parent === null && role !== 'parent' && (settled === null || settled.kind === 'impact')
    })
    if (isPlain) yield* sparesIn(its, one)
  }
}

function* sparesIn(its: Decided, one: ResourceDecision): Generator<string> {
  const { policy, record } = its
  const shares = sharesOf(its, one.resource)
  if (shares === null) return
  const wants = one.rows.map((row) =>
    row.role === 'managed' ? wantsOf(policy, one, row, shares(row.domain)) : standsAt(row, policy),
  )
  const sum = (k: number) => wants.reduce((total, its) => total + (its[k] as number), 0)
  const { available } = one.capacity
  const grain = grainOf(policy, one.resource)
  const classes = Array.from({ length: classesOf(policy) }, (_, index) => index + 1)
  const stopped = classes.find((k) => sum(k) > available * (1 + NEARLY))
  if (stopped === undefined || sum(0) > available) return
  const room = available - sum(stopped - 1)
  const costOf = (index: number): number => {
    const row = one.rows[index] as AmountDecision
    return Math.min(row.inForce ?? 0, requestUpTo(row, stopped)) - (wants[index]?.[stopped - 1] as number)
  }
  const isHarmed = ({ allocation }: AmountDecision, least: number): boolean => allocation < least - 2 * grain
  const isMet = ({ domain, inForce }: AmountDecision, least: number): boolean =>
    least <= Math.min(inForce ?? 0, shares(domain).limit ?? Number.POSITIVE_INFINITY)
  // Whoever costs less than `most` comes first, spared or not; where the decision does not tell what he costs, it may be.
  const takenBy = (row: AmountDecision, index: number, most: number): number => {
    if (row.role !== 'managed') return 0
    if (row.settled !== null) return costOf(index)
    const least = leastOf(policy, record.decision.goals, one, row, stopped)
    if (least === null) return Math.max(0, Math.min(costOf(index), most))
    if (!isMet(row, least)) return 0
    const cost = isHarmed(row, least) ? costOf(index) : Math.max(0, least - (wants[index]?.[stopped - 1] as number))
    return cost > most ? 0 : cost
  }
  for (const [index, row] of one.rows.entries()) {
    if (row.role !== 'managed' || row.settled !== null || row.inForce === null) continue
    const least = leastOf(policy, record.decision.goals, one, row, stopped)
    if (least === null || !isMet(row, least) || !isHarmed(row, least)) continue
    const others = one.rows.reduce((sum, other, at) => sum + (at === index ? 0 : takenBy(other, at, costOf(index))), 0)
    if (others + costOf(index) < room - grain) {
      yield `${show(one, row)} shrinks from ${row.inForce} to ${row.allocation}, and its goals need ${least}`
    }
  }
}

/** Who is not decided for wants what he has, in every class. */
const standsAt = ({ inForce, use }: AmountDecision, policy: Policy): number[] =>
  new Array<number>(classesOf(policy) + 1).fill(inForce ?? use ?? 0)

const requestUpTo = ({ requests }: AmountDecision, k: number): number => requests[Math.min(k, requests.length) - 1] ?? 0

/** Below what the goals of a domain of these classes are projected to be missed; null where the decision does not say it of all of them. */
function leastOf(
  policy: Policy,
  goals: readonly GoalDecision[],
  { resource }: ResourceDecision,
  { domain }: AmountDecision,
  upTo: number,
): number | null {
  const its = goals.filter((goal) => {
    return goal.domain === domain && goal.priority <= upTo && goal.need[resource] !== undefined
  })
  const needs = its.map((goal) => leastOfOne(goal, goal.need[resource] as number))
  if (its.length === 0 || needs.includes(null)) return null
  const least = its.map((goal, index) => ({ ...goal, need: { [resource]: needs[index] as number } }))
  return requestsOf(policy, { goals: least }, domain, resource)[upTo - 1] ?? null
}

/** Goals whose estimator states no such amount do not count; null where it does and the decision does not tell. */
function leastOfOne({ because, cut, forecasts }: GoalDecision, need: number): number | null {
  if (Object.keys(cut).length > 0 || forecasts.some(({ raisedFrom }) => raisedFrom !== null)) return null
  switch (because.kind) {
    case 'fixed':
    case 'utilization':
      return need
    case 'feedback':
    case 'held':
    case 'by-use':
      return 0
    default:
      return null
  }
}

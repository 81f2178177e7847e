import type { Decision, GoalDecision } from '#core/model/decision.ts'
import type { ResourceKey } from '#core/model/ids.ts'
import { type Decided, grainOf, NEARLY } from './decided.ts'

/** What is promised to goals, and what is said to have come of it (docs/forecasts.md, "What was promised"). */

/** What comes may be worse by this part of what was promised. */
const KEPT = 0.1

/** Each promise of a decision as text, by which it is found again. */
export function promisesOf({ turn, goals }: Decision): string[] {
  return goals.flatMap((its) => (its.promised === null ? [] : [textOf(its, { turn, ...its.promised })]))
}

const textOf = (
  { goal, domain }: Pick<GoalDecision, 'goal' | 'domain'>,
  { turn, by, predicted }: { readonly turn: number; readonly by: string; readonly predicted: number },
): string => `${goal} of ${domain}: ${predicted} by ${by} in turn ${turn}`

/** A promise is a change that gives a goal all that was asked for it; what is given less is promised nothing. */
export function* promisesOnlyWhatItGrants({ policy, record: { decision } }: Decided): Generator<string> {
  for (const { goal, domain, priority, promised, need } of decision.goals) {
    if (promised === null) continue
    const what = `goal ${goal} of ${domain} is promised ${promised.predicted}`
    if (decision.verdict.kind === 'no-beneficial-change') yield `${what}, and nothing is changed`
    let isMoved = false
    for (const { resource, rows } of decision.resources) {
      if (need[resource as ResourceKey] === undefined) continue
      const row = rows.find((one) => one.domain === domain)
      const grain = grainOf(policy, resource) * (1 + NEARLY)
      const asked = row?.requests[priority - 1] ?? 0
      if (row === undefined || row.allocation < asked - grain) {
        yield `${what}, and gets ${row?.allocation ?? 'nothing'} of ${resource}, of ${asked}`
      } else isMoved ||= Math.abs(row.allocation - (row.inForce ?? 0)) > grain / (1 + NEARLY)
    }
    if (!isMoved) yield `${what}, and stays as it is`
  }
}

/** Every promise is compared with what came as it was made, and none that was not made. */
export function* gradesWhatItPromised({ policy, record, promised }: Decided): Generator<string> {
  for (const its of record.decision.goals) {
    const { graded } = its
    if (graded === null) continue
    const promise = textOf(its, graded)
    if (!promised.has(promise)) yield `${promise} is graded, and was never promised`
    const aim = policy.goals.find(({ id }) => id === its.goal)?.aim
    const isMoreBetter = aim?.kind === 'throughput' || (aim?.kind === 'performance' && aim.direction === 'above')
    const { predicted, came } = graded
    const worse = Math.max(0, isMoreBetter ? predicted - came : came - predicted)
    const isKept = worse <= KEPT * Math.abs(predicted) + NEARLY
    const isOnTheLine = Math.abs(worse - KEPT * Math.abs(predicted)) <= NEARLY
    if (graded.isKept !== isKept && !isOnTheLine) yield `${promise}: ${came} came, and it counts as ${graded.isKept}`
  }
}

import { type Active, activities } from './activity.ts'
import { type Allotted, allot, describe } from './allot.ts'
import { estimate, type Need } from './estimate/estimate.ts'
import { foresee } from './forecast/foresee.ts'
import { judge } from './judge.ts'
import { learn } from './learn.ts'
import { look, type View } from './look.ts'
import type { Advice, Change, Decision, HoldReason, Verdict, Violation } from './model/decision.ts'
import type { Knowledge } from './model/knowledge.ts'
import type { Observation } from './model/observation.ts'
import type { Policy } from './model/policy.ts'
import { plan } from './plan.ts'
import { promise } from './promise.ts'
import { reconcile } from './reconcile.ts'
import { restraints } from './restraint.ts'
import { verify } from './verify.ts'

/** Version of the decider: raised whenever the same inputs could lead to another decision. */
export const DECIDER = 'reeve/17'

export type Decide = typeof decide

/**
 * The decision: what to do and why, from what is wanted, what was seen, and what is remembered. Pure: the same arguments
 * give the same result, bit for bit, under the same Node. `thorough` only adds to what is said of missed goals.
 */
export function decide(
  policy: Policy,
  observation: Observation,
  known: Knowledge,
  thorough = false,
): { readonly decision: Decision; readonly knowledge: Knowledge } {
  const view = look(policy, observation, reconcile(known, observation))
  const active = activities(view)
  const { needs, forecast } = foresee(view, estimate(view))
  const allotted = allot(view, needs, false)
  const resources = allotted.map((its) => describe(view, its))
  const restrained = restraints(view, allotted, needs)
  const planned = plan(view, allotted, restrained.held, active)
  const stopped = stoppedBy(view)
  // A promise is of what is written: anything else may be waiting to be tried again.
  const promises = promise(view, needs, allotted, stopped === null && planned.length > 0)
  const goals = judge(needs, allotted, promises, thorough)
  const isAnew = planned.length > 0 || allotted.some(({ settled }) => settled.triggers.length > 0)
  const violations = stopped === null && isAnew ? verify(view, allotted, resources, goals, planned) : []
  const acting = stopped === null && violations.length === 0
  const changes = acting ? planned : []
  const verdict = verdictOf(view, allotted, changes, stopped, violations)
  const drift = view.domains.flatMap((domain) => domain.drift)
  const doing = Object.fromEntries([...active].map(([name, { is }]) => [name, is]))
  const decided = {
    decider: DECIDER,
    turn: known.turn + 1,
    goals,
    resources,
    plan: changes,
    verdict,
    activities: doing,
    drift,
  }
  return {
    decision: { ...decided, advice: advise(view, needs, active), violations },
    knowledge: learn(view, { needs, forecast, promises, allotted, restrained, active, changes, acting }),
  }
}

/**
 * Why what is decided this turn does not count; null where it does, be there anything to write for it or not: of what
 * is only counted, being granted is all.
 */
function stoppedBy({ policy, seen, domains }: View): HoldReason | null {
  if (seen.paused) return 'paused'
  if (policy.host.quiet.some((window) => seen.at.openWindows.includes(window))) return 'quiet-window'
  return domains.length === 0 ? 'nothing-observed' : null
}

/** Why there is nothing to write. */
function nothingToDo(view: View, allotted: readonly Allotted[]): HoldReason {
  if (view.domains.every((domain) => domain.known === null)) return 'first-sight'
  if (view.domains.every((domain) => domain.standing !== 'managed')) return 'nothing-managed'
  return allotted.some(({ settled }) => settled.triggers.length > 0) ? 'already-so' : 'within-thresholds'
}

function verdictOf(
  view: View,
  allotted: readonly Allotted[],
  changes: readonly Change[],
  stopped: HoldReason | null,
  violations: readonly Violation[],
): Verdict {
  if (violations.length > 0) return { kind: 'stopped-by-checker' }
  if (changes.length === 0) return { kind: 'no-beneficial-change', reason: stopped ?? nothingToDo(view, allotted) }
  return { kind: 'changes', count: changes.length, triggers: allotted.flatMap(({ settled }) => settled.triggers) }
}

/** The second pass, as if every domain in `advise` were managed; null where none is. */
function advise(view: View, needs: readonly Need[], active: Active): Advice | null {
  if (view.domains.every((domain) => domain.standing !== 'advised')) return null
  const allotted = allot(view, needs, true)
  return {
    resources: allotted.map((its) => describe(view, its)),
    plan: plan(view, allotted, restraints(view, allotted, needs).held, active),
  }
}

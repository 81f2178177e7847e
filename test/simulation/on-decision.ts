import type { AmountDecision, ResourceDecision } from '#core/model/decision.ts'
import { type Decided, type DecisionProperty, grainOf, NEARLY, show } from './decided.ts'
import { isCramped, requestsOf, sharesOf } from './expected.ts'
import {
  arbitratesByTheRules,
  conserves,
  dividesNoMoreThanThereIs,
  keepsStartsAndLimits,
  neverInverts,
} from './on-division.ts'
import {
  asksForNoMoreThanItMay,
  countsWhatIsCounted,
  hearsNobodySilenced,
  hearsOnlyWhoWasRight,
  judgesByItsOwnReading,
  takesReadingsAsTheyAre,
  triesOnlyWhatItControls,
  usesNoStaleReading,
} from './on-goals.ts'
import { sparesWhomItWouldHarm } from './on-harm.ts'
import { believesWhatIsSeen, noticesWhatOthersSet, yieldsToOthers } from './on-others.ts'
import { keepsApart, placesWhereThereIsRoom } from './on-places.ts'
import { gradesWhatItPromised, promisesOnlyWhatItGrants } from './on-promises.ts'

/**
 * What must hold of every decision, before anything of it is carried out. Each property is a function that yields what
 * breaks it, and names its source in SEMANTICS, the rules from which Reeve was built (ARCHITECTURE.md has them in short).
 */

/** "Certificates": the checker rejects a decision that breaks a rule. It never has to. */
export function* needsNoCorrection({ record }: Decided): Generator<string> {
  for (const { rule, subject, message } of record.decision.violations) yield `${rule}: ${subject}: ${message}`
}

/** "Identity and versions": turns are counted; no turn on record is made twice. */
export function* countsTurns({ record, lastTurn }: Decided): Generator<string> {
  if (record.turn <= lastTurn) yield `turn ${record.turn} comes after ${lastTurn}`
}

/** All that is decided, with what it follows from, is in numbers: one that is none passes every comparison with a bound. */
export function* countsInNumbers({ record: { decision } }: Decided): Generator<string> {
  yield* noNumbersIn(decision, 'decision')
}

function* noNumbersIn(its: unknown, path: string): Generator<string> {
  if (typeof its === 'number' && !Number.isFinite(its)) yield `${path} is ${its}`
  if (typeof its !== 'object' || its === null) return
  for (const [key, value] of Object.entries(its)) yield* noNumbersIn(value, `${path}.${key}`)
}

/**
 * "From goals to a row": the largest need of an application's goals of a class and those above; applications add up.
 * After them all come its own processes, where they grow into a limit that kills.
 */
export function* asksWhatGoalsNeed({ policy, record: { decision } }: Decided): Generator<string> {
  for (const its of decision.resources) {
    for (const row of its.rows) {
      if (row.role === 'parent') continue
      const asked = requestsOf(policy, decision, row.domain, its.resource)
      if (isCramped(row)) asked.push(Math.max(asked.at(-1) ?? 0, row.own ?? 0))
      const differs = asked.findIndex((amount, k) => Math.abs(amount - (row.requests[k] ?? 0)) > NEARLY * (1 + amount))
      if (differs >= 0 && row.requests.length > 0) {
        yield `${show(its, row)} asks for ${row.requests.join(', ')} where its goals need ${asked.join(', ')}`
      }
    }
  }
}

/** Property 4: in a plan no shrink of a resource comes after a grow of it. */
export function* shrinksFirst({ record }: Decided): Generator<string> {
  const grown = new Set<string>()
  for (const { resource, knob, node, from, to } of record.decision.plan) {
    const isShrink = typeof to === 'number' && (from === null || (typeof from === 'number' && to < from))
    const isGrow = typeof from === 'number' && (to === null || (typeof to === 'number' && to > from))
    if (isShrink && grown.has(resource) && knob !== 'freeze') yield `${knob} of ${node} shrinks after a grow`
    if (isGrow && knob !== 'freeze') grown.add(resource)
  }
}

/**
 * Property 7: no reversal of a knob within its cooldown, unless a missed goal, a start that is not granted yet, lost
 * capacity or processes near a limit that kills caused it, or its own limit came down.
 */
export function* reversesNothingTooSoon(its: Decided): Generator<string> {
  const { policy, record, moves } = its
  const { decision, observation } = record
  const missed = new Set(decision.goals.filter(({ status }) => status.kind === 'missed').map(({ domain }) => domain))
  for (const one of decision.resources) {
    const gains = gainsOf(its, one)
    const standing = one.rows.reduce((sum, row) => sum + standsAt(row), 0)
    const isLost = standing > one.capacity.available + grainOf(policy, one.resource)
    const grain = grainOf(policy, one.resource)
    const { minimum } = policy.host
    const shares = sharesOf(its, one.resource)
    if (shares === null) continue
    const isOwed = (row: AmountDecision) => {
      const { reservation, limit } = shares(row.domain)
      const start = Math.min(reservation ?? minimum[one.resource] ?? 0, limit ?? Number.POSITIVE_INFINITY)
      return missed.has(row.domain) || isCramped(row) || (row.inForce ?? 0) < start - grain
    }
    // Whoever is owed may have to wait until the donor has given.
    const isUrgent = one.rows.some((row) => {
      return row.role === 'managed' && row.entitlement > (row.inForce ?? 0) + grain && isOwed(row)
    })
    for (const move of gains) {
      const { row, gain, key } = move
      const last = moves.get(key)
      const limit = shares(row.domain).limit ?? Number.POSITIVE_INFINITY
      const isOver = (row.inForce ?? 0) > limit + grain
      const isExcused = gain > 0 ? isOwed(row) : isUrgent || isLost || isOver
      if (last === undefined || last.direction === Math.sign(gain) || isExcused) continue
      const sinceMs = observation.at.monotonicMs - last.atMs
      if (sinceMs < policy.host.cooldownMs) yield `${show(one, row)} goes back by ${gain} after ${sinceMs} ms`
    }
  }
}

/** Who is not decided for stands at what is in force for him, or at what he uses where nothing is. */
function standsAt({ role, inForce, use }: AmountDecision): number {
  if (role === 'parent') return 0
  return inForce ?? (role === 'managed' ? 0 : (use ?? 0))
}

/** The moves of one resource that this decision makes; by a grain, rounding alone may shift an amount. */
export function gainsOf({ policy, record }: Decided, one: ResourceDecision) {
  const { verdict } = record.decision
  // What is granted without a write is granted all the same.
  if (verdict.kind !== 'changes' && !('reason' in verdict && verdict.reason === 'already-so')) return []
  const identities = new Map(record.observation.domains.map(({ name, identity }) => [name, identity]))
  return one.rows.flatMap((row) => {
    const gain = row.allocation - (row.inForce ?? row.allocation)
    const isMove = row.role === 'managed' && Math.abs(gain) > 1.001 * grainOf(policy, one.resource)
    return isMove ? [{ row, gain, key: `${one.resource} ${identities.get(row.domain)}` }] : []
  })
}

/** "Identity and versions": a new identity is set anew after its first observation, not in it. */
export function* looksBeforeItTouches({ record, seenBefore }: Decided): Generator<string> {
  for (const { node, knob, identity } of record.decision.plan) {
    if (identity !== null && !seenBefore.has(identity)) yield `${knob} of ${node} is set on ${identity} at first sight`
  }
}

/** "Time": pauses and quiet windows are part of an observation, and nothing is planned in them. */
export function* plansNothingInQuiet({ policy, record: { observation, decision } }: Decided): Generator<string> {
  const isQuiet = policy.host.quiet.some((name) => observation.at.openWindows.includes(name))
  const why = observation.paused ? 'paused' : isQuiet ? 'in a quiet window' : null
  if (why !== null && decision.plan.length > 0) yield `${decision.plan.length} changes are planned while ${why}`
}

/** "Knowledge": what is kept between turns is bounded by what there is to know, however long it goes on. */
export function* knowsNoMoreThanThereIs({ policy, record }: Decided): Generator<string> {
  const { knowledge } = record
  if (knowledge === null) return
  const names = new Set([...Object.keys(knowledge.domains), ...policy.domains.map(({ name }) => name)])
  const nodes = Object.keys(knowledge.set).length
  if (nodes > names.size + 1) yield `settings of ${nodes} nodes are remembered, of ${names.size} domains`
  const failures = Object.keys(knowledge.failures).length
  if (failures > names.size * 8) yield `${failures} failures are remembered, of ${names.size} domains`
  const bytes = JSON.stringify(knowledge).length
  if (bytes > 6000 * (names.size + 1)) yield `${bytes} characters are remembered, of ${names.size} domains`
}

export const ON_DECISION: readonly DecisionProperty[] = [
  needsNoCorrection,
  countsTurns,
  countsInNumbers,
  asksWhatGoalsNeed,
  takesReadingsAsTheyAre,
  usesNoStaleReading,
  judgesByItsOwnReading,
  countsWhatIsCounted,
  asksForNoMoreThanItMay,
  hearsOnlyWhoWasRight,
  hearsNobodySilenced,
  triesOnlyWhatItControls,
  dividesNoMoreThanThereIs,
  conserves,
  keepsStartsAndLimits,
  arbitratesByTheRules,
  neverInverts,
  shrinksFirst,
  reversesNothingTooSoon,
  sparesWhomItWouldHarm,
  promisesOnlyWhatItGrants,
  gradesWhatItPromised,
  looksBeforeItTouches,
  plansNothingInQuiet,
  believesWhatIsSeen,
  noticesWhatOthersSet,
  yieldsToOthers,
  knowsNoMoreThanThereIs,
  placesWhereThereIsRoom,
  keepsApart,
]

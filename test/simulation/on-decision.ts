import { solveReference } from '#core/check/reference.ts'
import type { AmountDecision, ResourceDecision } from '#core/model/decision.ts'
import type { DomainName, ResourceKey } from '#core/model/ids.ts'
import type { DomainObservation, Knob, Setting } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { CPU, MEMORY } from '#core/model/resource.ts'
import type { TurnRecord } from '#ports.ts'
import { classesOf, entryOf, problemOf, requestsOf, shareOf } from './expected.ts'
import type { KnobHistory, Ledger } from './ledger.ts'

/**
 * What must hold of every decision, before anything of it is carried out. Each property is a function that yields what
 * breaks it, and names its source in SEMANTICS, the rules from which Reeve was built (ARCHITECTURE.md has them in short).
 */
export interface Decided {
  readonly policy: Policy
  readonly record: TurnRecord
  readonly ledger: Ledger
  /** Identities that an earlier turn has seen. */
  readonly seenBefore: ReadonlySet<string>
  /** When each row of a resource was moved last by a decision, and which way: by `resource identity`. */
  readonly moves: ReadonlyMap<string, Move>
  /** The last turn that is on record. */
  readonly lastTurn: number
}

export interface Move {
  readonly direction: -1 | 1
  readonly atMs: number
}

export type DecisionProperty = (its: Decided) => Iterable<string>

/** Parts of an amount that doubles lose when they are added up in another order. */
const NEARLY = 1e-6
/** What rounding makes of a setting: 10 millicores and 4 MiB at most, and 2 % of a weight. */
const ROUNDED: Readonly<Record<string, number>> = { [CPU]: 10, [MEMORY]: 4 * 2 ** 20 }
const SAME_WEIGHT = 0.021

export const grainOf = (policy: Policy, resource: ResourceKey): number =>
  policy.resources.find(({ key }) => key === resource)?.grain ?? 1

const isTriggered = ({ record }: Decided, resource: ResourceKey): boolean => {
  const { verdict } = record.decision
  return verdict.kind === 'changes' && verdict.triggers.some((trigger) => trigger.resource === resource)
}

const show = ({ resource }: { resource: string }, { domain }: { domain: string }): string => `${resource} of ${domain}`

/** "Certificates": the checker rejects a decision that breaks a rule. It never has to. */
export function* needsNoCorrection({ record }: Decided): Generator<string> {
  for (const { rule, subject, message } of record.decision.violations) yield `${rule}: ${subject}: ${message}`
}

/** "Identity and versions": turns are counted; no turn on record is made twice. */
export function* countsTurns({ record, lastTurn }: Decided): Generator<string> {
  if (record.turn <= lastTurn) yield `turn ${record.turn} comes after ${lastTurn}`
}

/** "From goals to a row": the largest need of an application's goals of a class and those above; applications add up. */
export function* asksWhatGoalsNeed({ policy, record: { decision } }: Decided): Generator<string> {
  for (const its of decision.resources) {
    for (const row of its.rows) {
      if (row.role === 'parent') continue
      const asked = requestsOf(policy, decision, row.domain, its.resource)
      const differs = asked.findIndex((amount, k) => Math.abs(amount - (row.requests[k] ?? 0)) > NEARLY * (1 + amount))
      if (differs >= 0 && row.requests.length > 0) {
        yield `${show(its, row)} asks for ${row.requests.join(', ')} where its goals need ${asked.join(', ')}`
      }
    }
  }
}

/** "From goals to a row": a goal whose metric is stale, lost or no number is not judged by it. */
export function* usesNoStaleReading({ policy, record }: Decided): Generator<string> {
  const { observation, decision } = record
  for (const { goal, domain, status } of decision.goals) {
    const aim = policy.goals.find(({ id }) => id === goal)?.aim
    if (aim === undefined || !('metric' in aim) || status.kind === 'closed' || status.kind === 'unknown') continue
    const { staleMs } = policy.metrics.find(({ name }) => name === aim.metric) ?? { staleMs: 0 }
    const fresh = observation.metrics.filter((reading) => {
      const isIts = reading.metric === aim.metric && (reading.domain ?? domain) === domain
      return isIts && Number.isFinite(reading.value) && reading.value >= 0
    })
    const ageMs = Math.min(...fresh.map(({ takenAtMs }) => observation.at.monotonicMs - takenAtMs))
    if (!(ageMs <= staleMs)) yield `goal ${goal} is ${status.kind} by a reading that is ${ageMs} ms old, of ${staleMs}`
  }
}

/** "Capacity and modes": no more than the host has, less the headroom, in whole grains. */
export function* dividesNoMoreThanThereIs({ policy, record }: Decided): Generator<string> {
  const { observation, decision } = record
  for (const { resource, capacity } of decision.resources) {
    const declared = policy.resources.find(({ key }) => key === resource)?.capacity
    const total = typeof declared === 'number' ? declared : (observation.capacity[resource]?.total ?? 0)
    const headroom = policy.host.headroom[resource] ?? { amount: 0 }
    const left = total - ('amount' in headroom ? headroom.amount : headroom.fraction * total)
    if (capacity.available > Math.max(0, left) + NEARLY * total) {
      yield `${resource}: ${capacity.available} are divided of ${total}, of which ${left} may be`
    }
  }
}

/** Property 1: conservation, exactly on entitlements, within one grain on allocations; children within their parent. */
export function* conserves(its: Decided): Generator<string> {
  for (const one of its.record.decision.resources) {
    const { resource, rows, capacity } = one
    if (!isTriggered(its, resource)) continue
    const grain = grainOf(its.policy, resource)
    const nearly = NEARLY * (capacity.available + grain)
    yield* within(rows, null, capacity.available, 'allocation', nearly, resource)
    if (!capacity.shrunk) yield* within(rows, null, capacity.available, 'entitlement', nearly, resource)
    for (const row of rows) {
      if (row.role === 'parent') yield* within(rows, row.domain, row.allocation, 'allocation', nearly, resource)
    }
  }
}

function* within(
  rows: readonly AmountDecision[],
  parent: DomainName | null,
  most: number,
  what: 'allocation' | 'entitlement',
  nearly: number,
  resource: ResourceKey,
): Generator<string> {
  const sum = rows.filter((row) => row.parent === parent).reduce((total, row) => total + row[what], 0)
  if (sum > most + nearly) yield `${resource}: ${what}s inside ${parent ?? 'the host'} are ${sum} of ${most}`
}

/** Property 2: none above its limit, nor under its start while the capacity covers the starts; within one grain. */
export function* keepsStartsAndLimits(its: Decided): Generator<string> {
  const { policy, record } = its
  for (const one of record.decision.resources) {
    if (!isTriggered(its, one.resource)) continue
    const grain = grainOf(policy, one.resource) * (1 + NEARLY)
    for (const row of one.rows) {
      if (row.role !== 'managed') continue
      const { reservation, limit } = shareOf(policy, row.domain, one.resource)
      if (limit !== null && row.allocation > limit + 1.5 * grain)
        yield `${show(one, row)}: ${row.allocation} of ${limit}`
      const isReserved = reservation !== null && !one.capacity.shrunk && row.parent === null
      const start = Math.min(reservation ?? 0, limit ?? Number.POSITIVE_INFINITY)
      if (isReserved && row.entitlement < start - NEARLY * start) {
        yield `${show(one, row)} is entitled to ${row.entitlement} where ${start} are reserved`
      }
      if (isReserved && row.settled === null && row.allocation < start - 1.5 * grain) {
        yield `${show(one, row)} gets ${row.allocation} where ${start} are reserved`
      }
    }
  }
}

/** "Arbitration of one resource" as a whole, by the reference that shares no code with the arbiter. */
export function* arbitratesByTheRules({ policy, record }: Decided): Generator<string> {
  for (const one of record.decision.resources) {
    if (one.rows.length === 0) continue
    const problem = problemOf(policy, one)
    const { entitlement } = solveReference(problem)
    const nearly = NEARLY * (problem.capacity + 1)
    for (const [index, row] of one.rows.entries()) {
      const due = entitlement[index] as number
      if (Math.abs(row.entitlement - due) > nearly) {
        yield `${show(one, row)} is entitled to ${row.entitlement} where the rules give ${due}`
      }
    }
  }
}

/** Property 3: nobody has more than he wants of the first class that somebody else lacks; told where no tree is. */
export function* neverInverts({ policy, record }: Decided): Generator<string> {
  const { surplus, remainder } = policy.host
  if (typeof remainder === 'object' || typeof surplus === 'object') return
  for (const one of record.decision.resources) {
    const rows = one.rows.filter(({ role }) => role === 'managed')
    if (one.capacity.shrunk || one.rows.some(({ parent }) => parent !== null)) continue
    const wants = rows.map((row) => wantsOf(policy, one, row))
    const nearly = NEARLY * (one.capacity.available + 1)
    for (let k = 0; k < classesOf(policy); k++) {
      const short = rows.findIndex((row, index) => row.entitlement < (wants[index]?.[k] ?? 0) - nearly)
      if (short < 0) continue
      const above = rows.findIndex((row, index) => row.entitlement > (wants[index]?.[k] ?? 0) + nearly)
      if (above >= 0) {
        const [low, high] = [rows[short] as AmountDecision, rows[above] as AmountDecision]
        yield `${one.resource}: ${high.domain} has more than it wants in class ${k + 1}, in which ${low.domain} is short`
      }
      break
    }
  }
}

/** By class from 1: what a leaf wants, never falling, from its start or what it owns up to its limit. */
function wantsOf(policy: Policy, { resource }: ResourceDecision, row: AmountDecision): number[] {
  const share = shareOf(policy, row.domain, resource)
  const limit = share.limit ?? Number.POSITIVE_INFINITY
  const start = Math.min(share.reservation ?? policy.host.minimum[resource] ?? 0, limit)
  const own = share.own === null ? null : Math.min(Math.max(share.own, start), limit)
  const most = own !== null && !share.borrow ? own : limit
  const highest = Math.min(Math.max(0, ...row.requests), most)
  let have = own === null ? start : Math.max(start, share.lend ? Math.min(highest, own) : own)
  return Array.from({ length: classesOf(policy) }, (_, k) => {
    have = Math.max(have, Math.min(row.requests[k] ?? row.requests.at(-1) ?? 0, most))
    return have
  })
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
 * Property 7: no reversal of a knob within its cooldown, unless a missed goal, a start that is not granted yet or lost
 * capacity caused it, or its own limit came down.
 */
export function* reversesNothingTooSoon(its: Decided): Generator<string> {
  const { policy, record, moves } = its
  const { decision, observation } = record
  const missed = new Set(decision.goals.filter(({ status }) => status.kind === 'missed').map(({ domain }) => domain))
  for (const one of decision.resources) {
    const gains = gainsOf(its, one)
    const standing = one.rows.reduce((sum, row) => sum + (row.role === 'parent' ? 0 : (row.inForce ?? 0)), 0)
    const isLost = standing > one.capacity.available + grainOf(policy, one.resource)
    const grain = grainOf(policy, one.resource)
    const { minimum } = policy.host
    const isOwed = (row: AmountDecision) => {
      const start = shareOf(policy, row.domain, one.resource).reservation ?? minimum[one.resource] ?? 0
      return missed.has(row.domain) || (row.inForce ?? 0) < start - grain
    }
    // Whoever is owed may have to wait until the donor has given.
    const isUrgent = one.rows.some((row) => {
      return row.role === 'managed' && row.entitlement > (row.inForce ?? 0) + grain && isOwed(row)
    })
    for (const move of gains) {
      const { row, gain, key } = move
      const last = moves.get(key)
      const limit = shareOf(policy, row.domain, one.resource).limit ?? Number.POSITIVE_INFINITY
      const isOver = (row.inForce ?? 0) > limit + grain
      const isExcused = gain > 0 ? isOwed(row) : isUrgent || isLost || isOver
      if (last === undefined || last.direction === Math.sign(gain) || isExcused) continue
      const sinceMs = observation.at.monotonicMs - last.atMs
      if (sinceMs < policy.host.cooldownMs) yield `${show(one, row)} goes back by ${gain} after ${sinceMs} ms`
    }
  }
}

/** The moves of one resource that this decision makes; by a grain, rounding alone may shift an amount. */
export function gainsOf({ policy, record }: Decided, one: ResourceDecision) {
  if (record.decision.verdict.kind !== 'changes') return []
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

/** The knob by which a domain comes by a resource, where that is an amount; null where weights do it. */
function amountKnob(policy: Policy, { domain }: AmountDecision, resource: ResourceKey): Knob | null {
  const isCap = entryOf(policy, domain)?.enforcement === 'cap'
  if (resource === CPU) return isCap ? 'cpu.quota' : null
  return resource === MEMORY ? (isCap ? 'memory.limit' : 'memory.soft') : null
}

/** "Whom Reeve trusts", ports: only an observation makes a change believed; what is seen in force is all there is. */
export function* believesWhatIsSeen({ policy, record, ledger }: Decided): Generator<string> {
  for (const one of record.decision.resources) {
    for (const row of one.rows) {
      const seen = record.observation.domains.find(({ name }) => name === row.domain)
      const knob = amountKnob(policy, row, one.resource)
      if (seen === undefined || knob === null || row.inForce === null) continue
      const found = seen.settings[knob]
      const originals = ledger.of({ node: seen.node, knob }, seen.identity)?.originals ?? []
      if (originals.length === 0 || typeof found !== 'number') continue
      const nearly = (ROUNDED[one.resource] ?? 0) + grainOf(policy, one.resource)
      if (row.inForce > found + nearly) yield `${show(one, row)}: ${row.inForce} are believed, ${found} are in force`
    }
  }
}

interface Strange {
  readonly seen: DomainObservation
  readonly knob: Knob
  readonly told: Setting
  readonly found: Setting
}

/** Knobs of managed domains that are not as Reeve was told that it had set them. */
function* strangeKnobs({ policy, record: { observation }, ledger }: Decided): Generator<Strange> {
  for (const seen of observation.domains) {
    const its = entryOf(policy, seen.name)
    if (its === undefined || its.role === 'ignored') continue
    for (const [key, setting] of Object.entries(seen.settings)) {
      const knob = key as Knob
      const found: Setting = setting ?? null
      const history: KnobHistory | undefined = ledger.of({ node: seen.node, knob }, seen.identity)
      if (history?.told === undefined || knob === 'sched') continue
      const { told } = history
      const isNear = knob === 'cpu.weight' && Math.abs(Number(found) - Number(told)) <= Number(told) * SAME_WEIGHT
      if (found !== told && !isNear) yield { seen, knob, told, found }
    }
  }
}

/** Ports, "only an observation makes it believed": what is not as Reeve set it is told, whoever did it. */
export function* noticesWhatOthersSet(its: Decided): Generator<string> {
  const { drift } = its.record.decision
  for (const { seen, knob, told, found } of strangeKnobs(its)) {
    if (drift.some((one) => one.domain === seen.name && one.knob === knob)) continue
    yield `${knob} of ${seen.name} is ${found}, was set to ${told}, and nobody says so`
  }
}

/** Policy, `drift: yield`: a setting that somebody else changed is left to him, until told otherwise. */
export function* yieldsToOthers(its: Decided): Generator<string> {
  const { policy, record } = its
  for (const { seen, knob, found } of strangeKnobs(its)) {
    const answer = entryOf(policy, seen.name)?.drift ?? policy.host.drift
    if (answer !== 'yield' || record.observation.reclaimed.includes(seen.name)) continue
    const change = record.decision.plan.find((one) => one.domain === seen.name && one.knob === knob)
    if (change !== undefined) yield `${knob} of ${seen.name}, which somebody set to ${found}, is to be ${change.to}`
  }
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
  asksWhatGoalsNeed,
  usesNoStaleReading,
  dividesNoMoreThanThereIs,
  conserves,
  keepsStartsAndLimits,
  arbitratesByTheRules,
  neverInverts,
  shrinksFirst,
  reversesNothingTooSoon,
  looksBeforeItTouches,
  plansNothingInQuiet,
  believesWhatIsSeen,
  noticesWhatOthersSet,
  yieldsToOthers,
  knowsNoMoreThanThereIs,
]

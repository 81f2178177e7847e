import type { GoalView } from '#api/contract.ts'
import type { Because, SmallestChange } from '#core/arbitrate/problem.ts'
import type { Change, ChangeReason, Drift, Outcome, SettleReason, Trigger, Verdict } from '#core/model/decision.ts'
import type { EstimateReason } from '#core/model/estimate-reason.ts'
import type { Aim } from '#core/model/policy.ts'
import { type Classes, placeText, upToText } from './classes.ts'
import { amount, counted, listed, measure, percent, setting, short } from './units.ts'

/** Reasons, which are data everywhere else, as parts of sentences. One function for each union of the model. */

export function aimText(aim: Aim, unit: string): string {
  switch (aim.kind) {
    case 'utilization':
      return `use of ${aim.resource} at most ${percent(aim.target)} of what it is entitled to`
    case 'performance':
      return `${aim.metric} ${aim.direction === 'below' ? 'at most' : 'at least'} ${measure(aim.target, unit)}`
    case 'throughput':
      return `${aim.metric} at least ${measure(aim.target, unit)}`
    case 'fixed':
      return `fixed amounts`
  }
}

/** How the goal stands: "measured 240 ms, missed (index 1.2)". */
export function standingText({ status, aim, unit }: GoalView): string {
  switch (status.kind) {
    case 'met':
    case 'missed': {
      const value = standingValue(status.measured, aim, unit)
      const what = aim?.kind === 'fixed' ? `${value} of it in force` : `measured ${value}`
      const isOdd = aim !== null && 'metric' in aim && (status.index > ODD || status.index * ODD < 1)
      const doubt = isOdd
        ? `; ${short(status.target)} are wanted: is it in ${unit === '' ? 'the right unit' : unit}?`
        : ''
      return `${what}, ${status.kind} (index ${short(status.index)}; above 1 is missed)${doubt}`
    }
    case 'unknown':
      return `not known: ${LOST[status.reason]}`
    case 'closed':
      return `does not count now: ${status.reason}`
  }
}

/** A reading that is so many times its target, or as small a part of it, may be in another unit. */
const ODD = 200

/** What is measured for a goal: a part of something, or in the unit of its metric. */
export function standingValue(value: number, aim: Aim | null, unit: string): string {
  return aim?.kind === 'utilization' || aim?.kind === 'fixed' ? percent(value) : measure(value, unit)
}

const LOST = {
  'no-reading': 'nothing was measured yet',
  stale: 'the last reading is too old',
  invalid: 'the last reading is no sensible number',
  'nothing-done': 'nothing was completed yet',
  silenced: 'its policy silences what its work costs',
  'no-amount': 'what was learned of it gives no sensible amount, so it is learned anew',
  'first-sight': 'it was seen for the first time',
} as const

const triedText = (factor: number, from: string): string =>
  short(factor) === '1' ? `${from} are asked for as before` : `${short(factor)} times ${from} are asked for now`

const onTop = (margin: number): string => `and ${percent(margin - 1)} more because that varies`

/** How the need was arrived at, after "It is thought to need X:"; `unit` is that of the goal's metric. */
export function estimateText(because: EstimateReason, unit: string, unitOf: (resource: string) => string): string {
  switch (because.kind) {
    case 'fixed':
      return 'the policy states the amounts'
    case 'utilization': {
      const waiting = because.heldBack ? '; it waits now, and is taken to want a quarter more than it uses' : ''
      return `it wanted up to ${amount(because.wanted, unitOf(because.resource))} in the last 30 to 60 s, which is to be ${percent(because.target)} of what it gets${waiting}`
    }
    case 'work-cost':
      return (
        `it used ${amount(because.use, 'millicores')} for ${measure(because.throughput, unit)}, ` +
        `so ${short(because.perUnit)} millicores for each of the ${measure(because.target, unit)} that are wanted, ` +
        onTop(because.margin) +
        (because.delivered < 0.98
          ? `; of what it is entitled to, only ${percent(because.delivered)} reaches it while it waits`
          : '')
      )
    case 'feedback':
      return (
        `it measured ${measure(because.measured, unit)} where ${measure(because.target, unit)} are wanted, so ` +
        `${triedText(because.factor, amount(because.from, 'millicores'))}; the most of the last 30 to 60 s counts`
      )
    case 'queue':
      return (
        `it measured ${measure(because.measured, unit)} where ${measure(because.expected, unit)} were expected, and with ` +
        `what is asked for ${measure(because.predicted, unit)} are predicted, of the ${measure(because.target, unit)} that are wanted; ` +
        `the model is off by a factor of ${short(Math.exp(because.off))} in the mean`
      )
    case 'arrivals': {
      const most = because.rate > because.target ? `, of which ${measure(because.target, unit)} count,` : ''
      return `${measure(because.rate, unit)} arrive${most} at ${short(because.perUnit)} millicores for each, ${onTop(because.margin)}`
    }
    case 'not-this-resource':
      return (
        `it uses only ${amount(because.use, 'millicores')} of the ${amount(because.entitlement, 'millicores')} that it has, ` +
        'so more would not help' +
        (because.tries === undefined
          ? ''
          : `; it stands still for want of ${because.tries.resource} ${percent(because.tries.stalled)} of the time, ` +
            'so it is tried with more of that')
      )
    case 'held':
      return `the last reading is ${short(because.ageMs / 1000)} s old, so the last estimate is held`
    case 'by-use': {
      const waiting = because.heldBack ? '; it waits for CPU now' : ''
      return `without what its metric tells (${LOST[because.reason]}) it is judged by its CPU: it wanted up to ${amount(because.wanted, 'millicores')} in the last 30 to 60 s, which is to be ${percent(because.target)} of what it gets${waiting}`
    }
    case 'fallback':
      return 'it was not seen for long enough to tell what it uses, so it gets its reservation'
    case 'closed':
      return 'the goal does not count now'
  }
}

/** What bound an entitlement, after "It is entitled to X:". */
export function becauseText(because: Because, unit: string, classes: Classes): string {
  const of = (value: number) => amount(value, unit)
  const at = (priority: number) => placeText(priority, classes)
  switch (because.bound) {
    case 'start':
      return because.explicit
        ? `its reservation is ${of(because.reservation)}, and nothing above that was asked for or left`
        : `${of(because.reservation)} is what every domain starts from, and nothing above that was asked for or left`
    case 'own':
      return `it owns ${of(because.own)}${because.lend ? '' : ', which it does not lend'}`
    case 'request':
      return `that is all it asked for, ${upToText(because.priority, classes)}`
    case 'limit':
      return `it can have ${of(because.limit)} at most, reached ${at(because.priority)}`
    case 'level':
      return (
        `there was not enough for everyone ${at(because.priority)}, so all were raised to the same ` +
        `${of(because.level)} for each unit of weight, and its weight is ${short(because.weight)}`
      )
    case 'fraction':
      return (
        `there was not enough for everyone ${at(because.priority)}, so each got ${percent(because.fraction)} ` +
        `of what was missing, and it missed ${of(because.want - because.from)}`
      )
    case 'surplus':
      return `${of(because.granted)} by its goals and ${of(because.surplus)} of what nobody asked for`
    case 'shrunk':
      return (
        `the capacity does not cover the reservations, so all were cut to ${percent(because.fraction)}, ` +
        `and it starts from ${of(because.start)}`
      )
  }
}

/** Why the allocation is not the entitlement, after "It stays at X:". */
export function settleText(reason: SettleReason, unit: string): string {
  switch (reason.kind) {
    case 'within-thresholds':
      return `the difference of ${percent(reason.difference)} has not lasted long enough to be worth a change`
    case 'cooldown':
      return 'it was moved the other way a moment ago and waits until that has had its effect'
    case 'maximum-step':
      return `it moves by at most ${amount(reason.step, unit)} in one turn`
    case 'minimum-change':
      return `changes below ${amount(reason.least, unit)} are not made`
    case 'working-set':
      return `it works with ${amount(reason.floor, unit)} and is not pushed below that`
    case 'awaiting-donor':
      return `it grows once ${reason.donor} is seen to have given`
    case 'gives-first':
      return 'its shrink comes first, and what it gives is handed on once it is seen'
    case 'no-progress':
      return `it was to shrink for ${counted(reason.turns, 'turn')} and did not, so the move is off`
    case 'impact':
      return `with less than ${amount(reason.least, unit)} its own goals would be missed, for others of priority ${reason.priority}`
  }
}

export function triggerText(trigger: Trigger): string {
  switch (trigger.kind) {
    case 'threshold': {
      const lasted = trigger.samples > 1 ? ` for ${counted(trigger.samples, 'turn')}` : ''
      return `the ${trigger.resource} of ${trigger.domain} was off by ${percent(trigger.difference)}${lasted}`
    }
    case 'first-allocation':
      return `${trigger.domain} had no ${trigger.resource} allocation yet`
    case 'capacity':
      return `the capacity of ${trigger.resource} changed`
    case 'policy':
      return `the policy says something else about the ${trigger.resource} of ${trigger.domain}`
    case 'no-progress':
      return `the ${trigger.resource} of ${trigger.domain} did not shrink in ${counted(trigger.turns, 'turn')}`
    case 'not-in-force':
      return `what was decided for the ${trigger.resource} of ${trigger.domain} is not in force`
    case 'drift':
      return `somebody changed a setting of ${trigger.domain} from ${trigger.expected} to ${trigger.found}`
  }
}

/** A knob that a domain should have and lacks now. */
export function lackText(domain: string, knob: string, reason: string): string {
  return `${knob} of ${domain} cannot be set: ${reason}.`
}

/** Without its full stop, in lower case. */
export function driftText({ domain, knob, expected, found, answer }: Drift): string {
  const what = `somebody set ${knob} of ${domain} to ${setting(knob, found)}, where Reeve had set ${setting(knob, expected)}`
  return answer === 'yield' ? `${what}: it is left so until 'reeve resume ${domain}'` : `${what}: it is set again`
}

export function verdictText(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'changes':
      return verdict.triggers.length === 0
        ? `${counted(verdict.count, 'change')} by which no allocation moves, each for a reason of its own`
        : `${counted(verdict.count, 'change')}, because ${listed(verdict.triggers.map(triggerText))}`
    case 'stopped-by-checker':
      return 'nothing was changed: the checker found the decision faulty, which is a defect in Reeve'
    case 'no-beneficial-change':
      return `nothing to change: ${HELD[verdict.reason]}`
  }
}

/** Why nothing was changed, after "nothing to change:". */
export const HELD = {
  'nothing-managed': 'no domain is in mode manage',
  'within-thresholds': 'what is in force is close enough to what everyone is entitled to',
  'already-so': 'what is in force is what everyone is entitled to',
  'quiet-window': 'a quiet window is open',
  paused: 'paused by the operator',
  'first-sight': 'everything was seen for the first time, and use takes two looks to tell',
  'nothing-observed': 'none of the domains in the policy is running',
} as const

export function changeReasonText(because: ChangeReason): string {
  switch (because.kind) {
    case 'allocation':
      return `its ${because.resource} changes, as ${triggerText(because.trigger)}`
    case 'hierarchy':
      return 'this place in the hierarchy holds what the domains inside it are entitled to'
    case 'placement':
      return placementText(because)
    case 'pause':
      return `it is given ${amount(because.allocation, 'millicores')}, and runs from ${amount(because.least, 'millicores')} on`
    case 'vcpus':
      return `${amount(because.allocation, 'millicores')} allocated and ${amount(because.use, 'millicores')} used need so many vCPUs`
    case 'limit':
      return because.limit === null
        ? `Reeve limits its ${because.resource} no more`
        : `the policy limits its ${because.resource}`
    case 'restraint': {
      const [used, entitled] = [because.use, because.inForce].map((value) => amount(value, 'millicores'))
      const others = because.short === null ? 'nobody waits for that any more' : `${because.short} waits for that`
      return `it used ${used}, entitled to ${entitled}, and ${others}`
    }
    case 'scheduling':
      return because.activity === undefined
        ? 'the policy states how its threads are scheduled'
        : `its threads are scheduled by what it does most: ${because.activity}`
    case 'release':
      return 'the setting that was found goes back'
  }
}

type Placement = Extract<ChangeReason, { kind: 'placement' }>
type ByActivity = Extract<Placement, { rule: 'activity' }>

const DOES = {
  idle: 'it does next to nothing',
  compute: 'it mostly computes',
  network: 'it does mostly network traffic',
  disk: 'it mostly reads and writes',
  interrupt: 'it is mostly woken for a moment',
  'time-critical': 'it is time-critical',
} as const

/** How each rule makes these CPUs the right ones for it. */
const SUITS: Readonly<Record<ByActivity['by'], (serving: string) => string>> = {
  'network-interrupts': (serving) => `${cpusText(serving)} the interrupts of network devices`,
  'disk-interrupts': (serving) => `${cpusText(serving)} the interrupts of disks`,
  interrupts: (serving) => `${cpusText(serving)} the interrupts of devices`,
  cache: () => 'these share a cache with room for it',
  cores: () => 'these are whole cores',
  anywhere: () => 'the others are kept for what is time-critical',
}

const cpusText = (list: string): string => (/^\d+$/.test(list) ? `CPU ${list} serves` : `CPUs ${list} serve`)

function placementText(because: Placement): string {
  if (because.rule !== 'activity') return `its CPUs are ${because.cpus} (${because.rule})`
  const { cpus, activity, by, serving } = because
  const chosen = `its CPUs are ${cpus} (activity), because ${DOES[activity]}`
  // The interrupts that they were chosen for may be gone, and they stay until the next reallocation.
  return by.endsWith('interrupts') && serving === '' ? chosen : `${chosen}, and ${SUITS[by](serving)}`
}

export function outcomeText(outcome: Outcome | null): string {
  if (outcome === null) return 'what came of it is not on record'
  switch (outcome.status) {
    case 'applied':
      return 'applied'
    case 'failed':
      return `failed: ${outcome.message}`
    case 'vanished':
      return 'had vanished'
    case 'not-tried':
      return 'not tried, as an earlier change failed or Reeve was stopped'
    case 'unknown':
      return 'unknown: Reeve died before it was told'
    case 'given-up':
      return 'given up: it was put back as it was found'
  }
}

/** `cpu.weight of /reeve/shop: 100 -> 6000`. */
export function changeText({ knob, node, from, to }: Change): string {
  return `${knob} of ${node}: ${setting(knob, from)} -> ${setting(knob, to)}`
}

/** What alone would have met a goal, after "It would have been met by". */
export function smallestChangeText(change: SmallestChange, unit: string): string {
  const fromTo = (convert: (value: number) => string) => `${convert(change.to)} instead of ${convert(change.from)}`
  const inUnit = fromTo((value) => amount(value, unit))
  switch (change.change) {
    case 'capacity':
      return `a capacity of ${inUnit}`
    case 'limit':
      return `a limit of ${inUnit}`
    case 'weight':
      return `a weight of ${fromTo(short)}`
    case 'priority':
      return `priority ${fromTo(String)}`
    case 'request':
      return `${change.of} asking for ${inUnit}`
  }
}

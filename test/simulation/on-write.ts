import type { Change, Outcome } from '#core/model/decision.ts'
import type { Setting } from '#core/model/observation.ts'
import { CPU } from '#core/model/resource.ts'
import { CAPS, type Decided, grainOf } from './decided.ts'
import { entryOf, shareOf } from './expected.ts'
import { placeOf } from './ledger.ts'

/** What must hold of every single write, in the moment before it is made. */
export interface Asked {
  readonly change: Change
  /** What carries the knob now, and its value; null where the domain is gone. */
  readonly found: { readonly identity: string; readonly value: Setting } | null
  /** The decision of this turn; null where none was put on record, nor was it tried. */
  readonly decided: Decided | null
  /** Whether it is on record, or the journal refused it. */
  readonly isRecorded: boolean
  readonly isRefused: boolean
  /** Steps of this plan before this one; no outcome where nobody answered, and null where the driver threw. */
  readonly before: readonly { readonly change: Change; readonly outcome: Outcome | null | undefined }[]
  readonly ledger: Decided['ledger']
}

export type WriteProperty = (its: Asked) => Iterable<string>

const isRelease = ({ change }: Asked): boolean => change.because.kind === 'release'
const show = ({ change }: Asked): string => `${change.knob} of ${change.node} to ${change.to ?? 'no limit'}`

/** "Identity and versions": each turn is in the journal before anything is touched, or the journal says that it cannot. */
export function* recordsBeforeItActs(its: Asked): Generator<string> {
  if (isRelease(its) || its.isRecorded || (its.decided !== null && its.isRefused)) return
  yield `${show(its)} is written before its turn is on record`
}

/** "Identity and versions": a setting whose original value cannot be stored is not touched. */
export function* remembersBeforeItTouches(its: Asked): Generator<string> {
  const { change, found, ledger } = its
  if (found === null || (change.identity !== null && found.identity !== change.identity)) return
  const safe = ledger.durable.get(placeOf(change))
  if (safe === undefined) return yield `${show(its)} is written, and what was there is not on record`
  if (safe.identity !== found.identity) return yield `${show(its)} is written, and what is on record is another's`
  const originals = ledger.of(change, found.identity)?.originals ?? []
  if (originals.length > 0 && !originals.includes(safe.original)) {
    yield `${show(its)}: the original on record is ${safe.original}, it was ${originals.join(' or ')}`
  }
}

/** "Capacity and modes": what is observed, advised, fixed or ignored is not set, nor what no policy names. */
export function* touchesOnlyWhatItManages(its: Asked): Generator<string> {
  const { change, decided } = its
  if (isRelease(its) || decided === null) return
  if (change.domain === null) return yield `${show(its)}: there is nothing above domains on this host`
  const entry = entryOf(decided.policy, change.domain)
  const mode = entry?.mode ?? decided.policy.host.mode
  if (entry === undefined || entry.role !== 'managed' || mode !== 'manage') {
    yield `${show(its)}: its role is ${entry?.role ?? 'none'}, its mode ${mode}`
  }
}

/** "The operator's pause", `quiet`: nothing is changed by a turn that saw either. */
export function* standsStillInQuiet(its: Asked): Generator<string> {
  if (isRelease(its) || its.decided === null) return
  const { policy, record } = its.decided
  const { paused, at } = record.observation
  if (paused) yield `${show(its)} is written while paused`
  if (policy.host.quiet.some((name) => at.openWindows.includes(name))) yield `${show(its)} is written in a quiet window`
}

/** Shrink first, one at a time: the first step that fails, or that nobody answers, ends the plan. */
export function* stopsAtAFailedStep(its: Asked): Generator<string> {
  if (isRelease(its)) return
  const failed = its.before.find(({ outcome }) => outcome == null || outcome.status === 'failed')
  if (failed !== undefined) yield `${show(its)} is written after ${failed.change.knob} of ${failed.change.node} failed`
}

/** A change is so specific that carrying it out leaves no choice: what is written is planned, in the plan's order. */
export function* carriesOutThePlan(its: Asked): Generator<string> {
  if (isRelease(its) || its.decided === null) return
  const { plan } = its.decided.record.decision
  const position = ({ node, knob, to }: Change) =>
    plan.findIndex((one) => one.node === node && one.knob === knob && one.to === to)
  const at = position(its.change)
  const last = its.before.at(-1)
  if (at < 0) yield `${show(its)} is not planned`
  else if (last !== undefined && position(last.change) >= at)
    yield `${show(its)} comes after what follows it in the plan`
}

/** Property 2, at the host: no cap on what flows above a domain's limit. Memory comes down behind what is in use. */
export function* writesNoMoreThanTheLimit(its: Asked): Generator<string> {
  const { change, decided } = its
  const { resource } = change
  if (isRelease(its) || decided === null || change.domain === null) return
  if (change.knob !== CAPS[resource] || change.knob === 'memory.limit') return
  const { limit } = shareOf(decided.policy, change.domain, resource)
  const most =
    Math.max(limit ?? Number.POSITIVE_INFINITY, resource === CPU ? 10 : 1) + 1.5 * grainOf(decided.policy, resource)
  if (limit !== null && (change.to === null || Number(change.to) > most)) yield `${show(its)} is above ${limit}`
}

/**
 * Property 4, at the host: a cap that grows makes the caps of all that is managed no more than is divided. Caps count as this turn saw them and as the steps before have been answered.
 */
export function* neverOvercommits(its: Asked): Generator<string> {
  const { change, decided } = its
  if (isRelease(its) || decided === null || change.domain === null) return
  const { policy, record } = decided
  for (const { resource, rows, capacity } of record.decision.resources) {
    const knob = CAPS[resource]
    if (knob === undefined || change.knob !== knob) continue
    let sum = 0
    let isGrow = false
    for (const row of rows) {
      const seen = record.observation.domains.find(({ name }) => name === row.domain)
      if (row.role !== 'managed' || entryOf(policy, row.domain)?.enforcement !== 'cap' || seen === undefined) continue
      const steps = its.before.filter((step) => step.change.node === seen.node && step.change.knob === knob)
      const told = steps.findLast(({ outcome }) => outcome != null)?.outcome
      // Who is gone needs no resources any more.
      if (told?.status === 'vanished') continue
      const history = its.ledger.of({ node: seen.node, knob }, seen.identity)
      // What flows and could not be taken is tried again later; until then nobody else is kept waiting for it.
      const isStuck = knob !== 'memory.limit' && history !== undefined && history.told === undefined
      const found = told?.status === 'applied' ? told.to : (seen.settings[knob] ?? null)
      const now = isStuck && told?.status !== 'applied' ? row.allocation : found
      const isIts = change.node === seen.node
      if (isIts) isGrow = found !== null && Number(change.to ?? Number.POSITIVE_INFINITY) > Number(found)
      // Without a cap nobody is promised anything.
      sum += Number((isIts ? change.to : now) ?? 0)
    }
    // Each is rounded by a grain, and no kernel takes less than the least.
    const most = capacity.available + rows.length * Math.max(grainOf(policy, resource), resource === CPU ? 10 : 0)
    if (isGrow && sum > most)
      yield `${show(its)} makes ${sum} of ${resource}, of which ${capacity.available} are divided`
  }
}

/** "Identity and versions": `release` skips what somebody else changed since. */
export function* releasesOnlyItsOwn(its: Asked): Generator<string> {
  const { change, found, ledger } = its
  if (!isRelease(its) || found === null) return
  const safe = ledger.durable.get(placeOf(change))
  const history = ledger.of(change, found.identity)
  if (safe === undefined || history?.isDoubtful !== false || history.lastBy !== 'stranger') return
  const ours = [safe.lastSet, ...safe.mayBe, history.told]
  if (!ours.includes(found.value)) yield `${show(its)} is put back, and somebody else had set ${found.value}`
}

export const ON_WRITE: readonly WriteProperty[] = [
  recordsBeforeItActs,
  remembersBeforeItTouches,
  touchesOnlyWhatItManages,
  standsStillInQuiet,
  stopsAtAFailedStep,
  carriesOutThePlan,
  writesNoMoreThanTheLimit,
  neverOvercommits,
  releasesOnlyItsOwn,
]

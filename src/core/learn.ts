import type { Active } from './activity.ts'
import type { Allotted } from './allot.ts'
import { hasArrived, underWay } from './drift.ts'
import type { Need } from './estimate/estimate.ts'
import type { FrameRow } from './frame.ts'
import { AT_REST, isMove } from './ladder.ts'
import type { DomainView, View } from './look.ts'
import type { Change } from './model/decision.ts'
import type { DomainName, GoalId, Identity, NodeId, ResourceKey } from './model/ids.ts'
import type {
  DomainKnowledge,
  Failure,
  ForecastKnowledge,
  GoalMemory,
  HostKnowledge,
  Knowledge,
  PromiseKnowledge,
  ResourceKnowledge,
  SetKnob,
} from './model/knowledge.ts'
import type { Knob } from './model/observation.ts'
import { CPU, type Resource } from './model/resource.ts'
import type { Promising } from './promise.ts'
import { knobKey, nodeOf } from './reconcile.ts'
import type { Restraints } from './restraint.ts'
import { dividedBefore } from './settle.ts'

/** What is remembered of a domain that is not there, and of nodes nobody showed, is kept for this long. */
const KEPT_MS = 3_600_000

/** What a turn came to. */
export interface Lesson {
  readonly needs: readonly Need[]
  readonly forecast: ForecastKnowledge
  /** In the order of `needs`. */
  readonly promises: readonly Promising[]
  readonly allotted: readonly Allotted[]
  readonly restrained: Restraints
  readonly active: Active
  readonly changes: readonly Change[]
  /** Whether what was decided counts, be there anything to write for it or not. */
  readonly acting: boolean
}

/**
 * What the next turn should know. Where the decision is not acted upon (paused, stopped by the checker) no allocation
 * counts as made.
 */
export function learn(view: View, lesson: Lesson): Knowledge {
  const { at } = view.seen
  const { forecast } = lesson
  return {
    turn: view.known.turn + 1,
    bootId: at.bootId,
    lastAtMs: at.monotonicMs,
    host: learnHost(view, lesson),
    domains: learnDomains(view, lesson),
    ...learnSet(view, lesson),
    forecast,
  }
}

function learnHost(view: View, { allotted, acting }: Lesson): Knowledge['host'] {
  const host: Record<ResourceKey, HostKnowledge> = {}
  for (const { frame, settled } of allotted) {
    const { key } = frame.resource
    const { unmanaged, total: capacity } = frame.capacity
    const isDivided = acting && settled.triggers.length > 0
    const divided = isDivided ? capacity : (dividedBefore(view.known.host[key]) ?? capacity)
    host[key] = { used: view.seen.capacity[key]?.used ?? null, unmanaged, capacity, divided }
  }
  return host
}

function learnDomains(view: View, lesson: Lesson): Knowledge['domains'] {
  const { allotted, active } = lesson
  const nowMs = view.seen.at.monotonicMs
  const domains: Record<DomainName, DomainKnowledge> = {}
  for (const key in view.known.domains) {
    const name = key as DomainName
    const known = view.known.domains[name] as DomainKnowledge
    if (view.byName.has(name)) continue
    if (nowMs - known.seenAtMs < KEPT_MS && view.known.bootId === view.seen.at.bootId) domains[name] = known
  }
  const memories = memoriesOf(lesson.needs)
  const promises = promisesOf(lesson)
  const resources = resourcesOf(view, lesson)
  for (const domain of view.domains) {
    domains[domain.name] = {
      identity: domain.seen.identity,
      turns: (domain.known?.turns ?? 0) + 1,
      seenAtMs: domain.seen.takenAtMs,
      counters: domain.seen.counters,
      slow: slowOf(domain),
      levels: levelsOf(domain),
      resources: resources.get(domain.name) ?? {},
      goals: memories.get(domain.name) ?? {},
      promises: promises.get(domain.name) ?? {},
      ...activityKept(active, domain.name),
    }
  }
  for (const { frame } of allotted) {
    for (const row of frame.rows) {
      if (row.view !== null) continue
      const parent = {
        identity: '' as Identity,
        turns: 0,
        seenAtMs: nowMs,
        counters: {},
        slow: {},
        levels: {},
        goals: {},
        promises: {},
      }
      domains[row.name] = { ...parent, resources: resources.get(row.name) ?? {} }
    }
  }
  return domains
}

function activityKept(active: Active, name: DomainName): Pick<DomainKnowledge, 'activity'> {
  const activity = active.get(name)
  return activity === undefined ? {} : { activity }
}

/** Counters that were seen before and are left out now, and those told; those left out for longer stay as they were. */
function slowOf({ known, seen }: DomainView): DomainKnowledge['slow'] {
  let slow = known?.slow ?? {}
  for (const counter in known?.counters ?? {}) {
    if (known === null || seen.counters[counter] !== undefined) continue
    slow = { ...slow, [counter]: { value: known.counters[counter] as number, atMs: known.seenAtMs } }
  }
  const { atMs, counters: told } = seen.told ?? { atMs: 0, counters: {} as Readonly<Record<string, number>> }
  for (const counter in told) slow = { ...slow, [counter]: { value: told[counter] as number, atMs } }
  return slow
}

/** Nothing new read: the same levels stand. */
function levelsOf({ known, seen }: DomainView): DomainKnowledge['levels'] {
  if (known === null || isEmpty(known.levels)) return seen.levels
  return isEmpty(seen.levels) ? known.levels : { ...known.levels, ...seen.levels }
}

function isEmpty(its: object): boolean {
  for (const _ in its) return false
  return true
}

function memoriesOf(needs: readonly Need[]): Map<DomainName, Record<GoalId, GoalMemory>> {
  const memories = new Map<DomainName, Record<GoalId, GoalMemory>>()
  for (const { domain, goal, memory } of needs) {
    const ofDomain = memories.get(domain) ?? {}
    ofDomain[goal.id] = memory
    memories.set(domain, ofDomain)
  }
  return memories
}

/** What is promised by a plan that is not acted upon is not promised. */
function promisesOf({ needs, promises, acting }: Lesson): Map<DomainName, Record<GoalId, PromiseKnowledge>> {
  const kept = new Map<DomainName, Record<GoalId, PromiseKnowledge>>()
  for (const [index, { domain, goal }] of needs.entries()) {
    const { knowledge, promised } = promises[index] as Promising
    if (knowledge === null) continue
    const ofDomain = kept.get(domain) ?? {}
    ofDomain[goal.id] = acting || promised === null ? knowledge : { ...knowledge, pending: null }
    kept.set(domain, ofDomain)
  }
  return kept
}

function resourcesOf(
  view: View,
  { allotted, restrained, acting }: Lesson,
): Map<DomainName, Record<ResourceKey, ResourceKnowledge>> {
  const byDomain = new Map<DomainName, Record<ResourceKey, ResourceKnowledge>>()
  for (const { frame, settled, rounding } of allotted) {
    const { key, grain } = frame.resource
    const { allocation } = rounding
    for (let index = 0; index < frame.rows.length; index++) {
      const row = frame.rows[index] as FrameRow
      const before = view.known.domains[row.name]?.resources[key]
      const known = row.view === null || row.view.known !== null ? before : undefined
      const decided = row.standing === 'managed' || row.standing === 'parent'
      // What was to be set and was not is not in force: where nothing is set now either, what is found counts each turn.
      const standing = row.view?.unmade[key] === undefined ? known?.allocation : null
      // Where nothing is reallocated nobody is granted anything for the first time either.
      const isGranted = settled.triggers.length > 0 || (known?.allocation ?? null) !== null
      const isMade = decided && acting && isGranted
      const made = isMade ? (allocation[index] ?? 0) : (standing ?? null)
      const gain = row.view === null || !isMade ? 0 : (allocation[index] ?? 0) - (row.view.inForce[key] ?? 0)
      const shortSinceMs = restrained.short.get(row.name)?.sinceMs
      const ofDomain = byDomain.get(row.name) ?? {}
      ofDomain[key] = {
        use: useOf(row.view, key),
        ...lackOf(row.view, frame.resource),
        ...ownOf(row.view, key),
        allocation: made,
        stalled: stalledOf(row.view, frame.resource, made, known?.stalled ?? 0),
        ...(key === CPU && shortSinceMs !== undefined && { shortSinceMs }),
        ...(key === CPU && restrained.held.has(row.name) && { isRestrained: true }),
        ...yieldedOf(row.view, key),
        ladder: settled.ladders.get(row.name) ?? AT_REST,
        moved: isMove(gain, grain)
          ? { direction: gain > 0 ? 1 : -1, atMs: view.seen.at.monotonicMs }
          : (known?.moved ?? null),
      }
      byDomain.set(row.name, ofDomain)
    }
  }
  return byDomain
}

/** Counts readings, not turns: a level that was not read anew is no sign that nothing is given. */
function stalledOf(
  view: DomainView | null,
  { key, kind, grain }: Resource,
  allocation: number | null,
  before: number,
): number {
  if (kind !== 'stock' || allocation === null || view === null) return 0
  if (!(key in view.seen.levels)) return before
  return (view.held[key] ?? 0) > allocation + grain ? before + 1 : 0
}

/** What it lacked, where it was told once that it did; of CPU that is told every turn. */
function lackOf(view: DomainView | null, { key }: Resource): Pick<ResourceKnowledge, 'heldBack' | 'shortAt'> {
  const heldBack = key === CPU ? 0 : (view?.heldBack[key] ?? 0)
  const shortAt = view?.shortAt[key]
  return { ...(heldBack > 0 && { heldBack }), ...(shortAt !== undefined && { shortAt }) }
}

/** A weight is worth something beside others only, which Reeve sets: it is valued once, or each would follow the other. */
function yieldedOf(view: DomainView | null, key: ResourceKey): Pick<ResourceKnowledge, 'yielded'> {
  const [drift, amount] = [view?.drifted[key], view?.inForce[key]]
  return drift?.answer === 'yield' && amount !== undefined ? { yielded: { found: drift.found, amount } } : {}
}

function ownOf(view: DomainView | null, key: ResourceKey): Pick<ResourceKnowledge, 'own'> {
  const own = view?.own[key]
  return own === undefined ? {} : { own }
}

const useOf = (view: DomainView | null, key: ResourceKey): number | null => view?.smoothUse[key] ?? null

/** What Reeve set, and what failed of it; what belongs to nodes that nobody showed for long is forgotten. */
function learnSet(view: View, { changes, acting }: Lesson): Pick<Knowledge, 'set' | 'failures'> {
  const nowMs = view.seen.at.monotonicMs
  const arrived = view.domains.flatMap(({ seen }) => {
    const asked = view.known.set[seen.node]?.['memory.balloon']
    return asked !== undefined && hasArrived('memory.balloon', asked, seen.settings['memory.balloon'])
      ? [{ node: seen.node, asked }]
      : []
  })
  // What was set on a domain that had this place before is not set on the one that has it now.
  const anew = new Set(view.domains.flatMap(({ known, seen }) => (known === null ? [seen.node] : [])))
  const failures = failuresOf(view, changes, acting, anew)
  const forgotten = (Object.keys(view.known.set) as NodeId[]).filter(
    (node) => anew.has(node) || isForgotten(view, node),
  )
  if (changes.length === 0 && forgotten.length === 0 && arrived.length === 0) return { set: view.known.set, failures }
  const set: Record<NodeId, Partial<Record<Knob, SetKnob>>> = { ...view.known.set }
  for (const { node, asked } of arrived) set[node] = { ...set[node], 'memory.balloon': { ...asked, underWay: null } }
  for (const node of forgotten) delete set[node]
  for (const { node, domain, knob, from, to } of changes) {
    const now = (domain === null ? undefined : view.byName.get(domain)?.seen.settings[knob]) ?? from
    const last = set[node]?.[knob]
    const before = last === undefined ? null : { value: last.value }
    // Of what Reeve set before this was kept nobody knows any more what was there.
    const found = last === undefined ? now : (last.found ?? null)
    const asked = { value: to, underWay: underWay(knob, last, now, to), before, found, atMs: nowMs }
    set[node] = { ...set[node], [knob]: asked }
  }
  return { set, failures }
}

/**
 * What is still to be tried again: not what failed on another that had the place before, nor what is due and not planned
 * any more, since it is as it should be by now.
 */
function failuresOf(
  view: View,
  changes: readonly Change[],
  acting: boolean,
  anew: ReadonlySet<NodeId>,
): Knowledge['failures'] {
  const nowMs = view.seen.at.monotonicMs
  const planned = new Set(changes.map(({ node, knob }) => knobKey(node, knob)))
  const failures: Record<string, Failure> = {}
  for (const key in view.known.failures) {
    const failure = view.known.failures[key] as Failure
    const isOver = acting && failure.retryAtMs <= nowMs && !planned.has(key)
    if (nowMs - failure.retryAtMs < KEPT_MS && !isOver && !anew.has(nodeOf(key))) failures[key] = failure
  }
  return failures
}

function isForgotten(view: View, node: NodeId): boolean {
  if (view.nodes.has(node)) return false
  const atMs = Object.values(view.known.set[node] ?? {}).map((knob) => knob?.atMs ?? 0)
  return view.seen.at.monotonicMs - Math.max(...atMs) >= KEPT_MS
}

import { compareSettings } from './drift.ts'
import { sharesByWeight } from './hierarchy.ts'
import { narrowed } from './metadata.ts'
import type { Drift } from './model/decision.ts'
import type { DomainName, NodeId, ResourceKey } from './model/ids.ts'
import type { DomainKnowledge, Knowledge } from './model/knowledge.ts'
import type { DomainObservation, Knob, Observation, SchedulingNode, Settings } from './model/observation.ts'
import type { DomainPolicy, Policy } from './model/policy.ts'
import { CPU, family, MEMORY, type Resource } from './model/resource.ts'
import { knobKey } from './reconcile.ts'
import { type Shortage, shortageAfter, stalledPart, workingSetOf } from './shortage.ts'

/**
 * The first step: what the counters say about the time since the last turn, domain by domain. Later steps work on
 * this view and never look at a counter again.
 */
export interface View {
  readonly policy: Policy
  readonly seen: Observation
  readonly known: Knowledge
  /** Leaves that are here now, ignored ones left out, in the observation's order. */
  readonly domains: readonly DomainView[]
  readonly byName: ReadonlyMap<DomainName, DomainView>
  readonly nodes: ReadonlyMap<NodeId, SchedulingNode>
}

/** How a domain enters arbitration: decided, decided for show only, or standing at what is in force for it. */
export type Standing = 'managed' | 'advised' | 'fixed'

export interface DomainView {
  readonly name: DomainName
  readonly policy: DomainPolicy
  readonly seen: DomainObservation
  /** What is remembered of this identity; null at first sight. */
  readonly known: DomainKnowledge | null
  readonly standing: Standing
  /** Use since the last turn in the resource's unit (per second for rates); absent where it cannot be told yet. */
  readonly use: Readonly<Record<ResourceKey, number>>
  /** The same smoothed: follows a rise quickly and a fall slowly. */
  readonly smoothUse: Readonly<Record<ResourceKey, number>>
  /** Of a stock, what it has taken so that nobody else can have it; its use where that is all there is to it. */
  readonly held: Readonly<Record<ResourceKey, number>>
  /** Fraction (0..1) of the time in which it wanted the resource that it had to wait for it, as last told. */
  readonly heldBack: Readonly<Record<ResourceKey, number>>
  /** Of a stock, what it was found to be short at, where it was. */
  readonly shortAt: Readonly<Record<ResourceKey, Shortage>>
  /** Of a stock, what it must hold: its smoothed use, and more than it was short at. Cache is none of it. */
  readonly workingSet: Readonly<Record<ResourceKey, number>>
  /** The amount that its settings are worth now, in the resource's unit. */
  readonly inForce: Readonly<Record<ResourceKey, number>>
  /** Of a stock, what its processes hold themselves and nobody can take while they run; follows a fall slowly. */
  readonly own: Readonly<Record<ResourceKey, number>>
  /** What is in force, or on its way as a guest was asked. */
  readonly settings: Settings
  /** Settings that somebody else changed after Reeve had set them. */
  readonly drift: readonly Drift[]
  /** Those of them by which the domain comes by its amounts, by resource. */
  readonly drifted: Readonly<Record<ResourceKey, Drift>>
  /** Decisions that did not come about: to be made now, or not before it is time to try again. */
  readonly unmade: Readonly<Record<ResourceKey, 'due' | 'waiting'>>
}

const RISE = 0.7
const FALL = 0.2

/** Exponential smoothing with 0.7 of a rise and 0.2 of a fall: 100 then 200 gives 170; 100 then 50 gives 90. */
export function smooth(before: number | undefined, now: number): number {
  if (before === undefined) return now
  return before + (now > before ? RISE : FALL) * (now - before)
}

/** True where the domain's policy has the resource controlled, by its key or by the family before `@` and `:`. */
export function controls(domain: DomainPolicy, resource: ResourceKey): boolean {
  return domain.controls.includes(resource) || domain.controls.includes(family(resource))
}

/** What the look at each domain needs of the whole. */
interface Surroundings {
  readonly policy: Policy
  readonly known: Knowledge
  readonly nowMs: number
  readonly nodes: ReadonlyMap<NodeId, SchedulingNode>
  /** What each place gets by its weight when everybody wants all, in millicores. */
  readonly shares: ReadonlyMap<string, number>
  /** Changes of the last plan that were not made, by `knobKey`. */
  readonly notMade: ReadonlySet<string>
  readonly reclaimed: readonly DomainName[]
}

/** Looks at everything that was observed. The cost is linear in domains x resources. */
export function look(policy: Policy, seen: Observation, known: Knowledge): View {
  const sameBoot = known.bootId === seen.at.bootId
  const around = {
    policy,
    known,
    nowMs: seen.at.monotonicMs,
    nodes: nodesById(seen.nodes),
    shares: sharesByWeight(seen.nodes, seen.capacity[CPU]?.total ?? 0),
    reclaimed: seen.reclaimed,
    notMade: new Set(
      seen.outcomes.filter(({ status }) => status !== 'applied').map(({ node, knob }) => knobKey(node, knob)),
    ),
  }
  const parents = new Set(policy.domains.map((domain) => domain.parent).filter((parent) => parent !== null))
  const domains: DomainView[] = []
  for (const domain of seen.domains) {
    const stated = policy.domains[domain.policyIndex]
    if (stated === undefined || domain.isOutside === true) continue
    const its = narrowed(stated, domain)
    if (its.role === 'ignored' || domain.state === 'ended' || parents.has(domain.name)) continue
    const before = known.domains[domain.name]
    const remembered = sameBoot && before?.identity === domain.identity ? before : null
    domains.push(lookAt(around, its, domain, remembered))
  }
  const byName = new Map<DomainName, DomainView>()
  for (const domain of domains) byName.set(domain.name, domain)
  return { policy, seen, known, domains, byName, nodes: around.nodes }
}

function nodesById(nodes: readonly SchedulingNode[]): Map<NodeId, SchedulingNode> {
  const byId = new Map<NodeId, SchedulingNode>()
  for (const node of nodes) byId.set(node.id, node)
  return byId
}

function lookAt(
  around: Surroundings,
  its: DomainPolicy,
  seen: DomainObservation,
  remembered: DomainKnowledge | null,
): DomainView {
  const { policy } = around
  const use: Record<ResourceKey, number> = {}
  const smoothUse: Record<ResourceKey, number> = {}
  const held: Record<ResourceKey, number> = {}
  const heldBack: Record<ResourceKey, number> = {}
  const shortAt: Record<ResourceKey, Shortage> = {}
  const workingSet: Record<ResourceKey, number> = {}
  const inForce: Record<ResourceKey, number> = {}
  const own: Record<ResourceKey, number> = {}
  const drifted: Record<ResourceKey, Drift> = {}
  // What was set on another that had this place says nothing about this one.
  const set = (remembered === null ? undefined : around.known.set[seen.node]) ?? {}
  const { settings, drift } = compareSettings(
    seen,
    around.nodes.get(seen.node),
    set,
    around.reclaimed.includes(seen.name) ? 'reassert' : (its.drift ?? policy.host.drift),
  )
  const unmade: Record<ResourceKey, 'due' | 'waiting'> = {}
  for (const resource of policy.resources) {
    const key = resource.key
    const used = resource.kind === 'stock' ? levelOf(seen, remembered, key) : rate(seen, remembered, key)
    const before = remembered?.resources[key]
    if (used !== undefined) use[key] = used
    if (resource.kind === 'stock') {
      held[key] = levelOf(seen, remembered, heldKey(key)) ?? used ?? 0
      const ownNow = ownOf(before?.own, seen.levels[ownKey(key)])
      if (ownNow !== undefined) own[key] = ownNow
    }
    // A level that was not read anew says nothing more than it did before.
    // Nor does the use of one that stands still say what it would use.
    if (used !== undefined && seen.state === 'running' && (resource.kind === 'rate' || key in seen.levels)) {
      smoothUse[key] = smooth(before?.use ?? undefined, used)
    } else if (before !== undefined && before.use !== null) smoothUse[key] = before.use
    const heldNow =
      key === CPU
        ? waiting(seen, remembered, used)
        : stalledPart(key, Object.keys(seen.counters), (counter) => rate(seen, remembered, counter))
    heldBack[key] = heldNow ?? before?.heldBack ?? 0
    const knob = enforcingKnob(resource, its, seen)
    const changed = drift.find((one) => one.knob === knob)
    if (changed !== undefined) drifted[key] = changed
    const missing = unmadeOf(knob, seen, around)
    if (missing !== null) unmade[key] = missing
    // A cap that was found as it should be was not set by Reeve: whoever changes it now leaves no other trace.
    const isOurs = its.enforcement === 'guarantee' || set[knob] !== undefined || settings[knob] === before?.allocation
    const stands = changed === undefined && missing === null && isOurs
    const amount = amountInForce(resource, its, seen, settings, remembered, stands, changed ?? null, around.shares)
    if (amount !== null) inForce[key] = amount
    if (resource.kind === 'rate' || smoothUse[key] === undefined) continue
    const shortage = shortageAfter(before?.shortAt ?? null, {
      inForce: amount ?? 0,
      total: levelOf(seen, remembered, `${key}.total`) ?? used ?? 0,
      stalled: heldNow ?? 0,
      kills: key === MEMORY ? growth(seen, remembered, 'memory.oomKills') : 0,
      atMs: around.nowMs,
    })
    if (shortage !== null) shortAt[key] = shortage
    workingSet[key] = workingSetOf(smoothUse[key], shortage)
  }
  const standing = standingOf(policy, its, remembered)
  const { name } = seen
  const amounts = { use, smoothUse, held, heldBack, shortAt, workingSet, inForce, own }
  return { name, policy: its, seen, known: remembered, standing, ...amounts, settings, drift, drifted, unmade }
}

/** A domain seen for the first time stands at what it has for one turn: nothing is known of its use yet. */
function standingOf(policy: Policy, its: DomainPolicy, remembered: DomainKnowledge | null): Standing {
  const mode = its.mode ?? policy.host.mode
  if (its.role === 'fixed' || mode === 'observe' || remembered === null) return 'fixed'
  return mode === 'advise' ? 'advised' : 'managed'
}

/** Name of the level that says how much of a stock a domain has taken. */
export const heldKey = (resource: ResourceKey): string => `${resource}.held`

/** Name of the level that says how much of a stock nobody can take from a domain while it runs, as of memory its cache. */
const ownKey = (resource: ResourceKey): string => `${resource}.own`

/** Processes take again what they gave back a moment ago: a rise counts at once, and a fall by and by. */
function ownOf(before: number | undefined, told: number | undefined): number | undefined {
  return told === undefined ? before : Math.max(told, smooth(before, told))
}

/** Levels are not read every turn; in between the last one stands. */
export function levelOf(seen: DomainObservation, remembered: DomainKnowledge | null, key: string): number | undefined {
  return seen.levels[key] ?? remembered?.levels[key]
}

/**
 * Growth of a counter per second since it was last read; undefined at first sight, without time passed, when it was
 * reset, or where it is no number.
 */
function rate(seen: DomainObservation, remembered: DomainKnowledge | null, counter: string): number | undefined {
  const isTold = seen.told !== undefined && counter in seen.told.counters
  const now = isTold ? seen.told.counters[counter] : seen.counters[counter]
  if (now === undefined || remembered === null) return undefined
  const { counters, seenAtMs, slow } = remembered
  const last = counters[counter]
  const before = last === undefined ? slow[counter] : { value: last, atMs: seenAtMs }
  if (before === undefined || !(now >= before.value)) return undefined
  const elapsedMs = (isTold ? seen.told.atMs : seen.takenAtMs) - before.atMs
  return elapsedMs > 0 ? ((now - before.value) * 1000) / elapsedMs : undefined
}

/** Growth of a domain's counter per second since it was last read; undefined where that cannot be told now. */
export function rateOf({ seen, known }: Pick<DomainView, 'seen' | 'known'>, counter: string): number | undefined {
  return rate(seen, known, counter)
}

/** What a counter that was read now has grown by since it was read before; 0 where that cannot be told. */
function growth(seen: DomainObservation, remembered: DomainKnowledge | null, counter: string): number {
  const now = seen.counters[counter]
  const before = remembered?.counters[counter] ?? remembered?.slow[counter]?.value
  return now === undefined || before === undefined ? 0 : Math.max(0, now - before)
}

/**
 * CPU: time ready but not running (run-queue delay plus throttling) over that plus the time running. A domain that ran
 * 600 ms and waited 200 ms in a second was held back for 0.25 of the time it wanted to run.
 */
function waiting(seen: DomainObservation, remembered: DomainKnowledge | null, used: number | undefined): number {
  const waitedMs = waitedMsOf({ seen, known: remembered })
  const wanted = waitedMs + (used ?? 0)
  return wanted > 0 ? waitedMs / wanted : 0
}

/** Milliseconds in a second for which threads of a domain were ready but not running, in the sum; each is a millicore. */
export function waitedMsOf(domain: Pick<DomainView, 'seen' | 'known'>): number {
  const waitMs = rateOf(domain, 'cpu.waitMs') ?? rateOf(domain, 'cpu.pressureMs') ?? 0
  return waitMs + (rateOf(domain, 'cpu.throttledMs') ?? 0)
}

/**
 * What the settings of a domain are worth now. What Reeve set and nobody changed (`stands`) is worth what it decided;
 * otherwise a limit is worth itself, a weight its share of the host among all siblings, and no limit what is used. What is
 * left to somebody else keeps what it was worth when it was found.
 */
function amountInForce(
  resource: Resource,
  its: DomainPolicy,
  seen: DomainObservation,
  settings: Settings,
  remembered: DomainKnowledge | null,
  stands: boolean,
  changed: Drift | null,
  shares: ReadonlyMap<string, number>,
): number | null {
  const decided = remembered?.resources[resource.key]?.allocation ?? null
  if (decided !== null && stands) return decided
  const yielded = remembered?.resources[resource.key]?.yielded
  if (changed?.answer === 'yield' && yielded?.found === changed.found) return yielded.amount
  if (resource.key === CPU) {
    const quota = settings['cpu.quota']
    const share = shares.get(seen.node)
    // A quota that somebody else set is the amount, and the weight is still Reeve's to set by it.
    if (typeof quota === 'number') {
      return share === undefined || changed?.knob === 'cpu.quota' ? quota : Math.min(quota, share)
    }
    return share ?? null
  }
  const limit = settings[limitKnob(resource.key, its.enforcement, seen)]
  if (typeof limit === 'number') return limit
  return resource.kind === 'stock' ? (levelOf(seen, remembered, resource.key) ?? null) : null
}

/** The knob that holds a domain to an amount of a resource other than CPU. */
export function limitKnob(
  resource: ResourceKey,
  enforcement: DomainPolicy['enforcement'],
  { settings }: Pick<DomainObservation, 'settings'>,
): Knob {
  // A machine has a balloon, which gives and takes; a limit would only kill it.
  if (resource === MEMORY && 'memory.balloon' in settings) return 'memory.balloon'
  if (family(resource) === 'memory') return enforcement === 'cap' ? 'memory.limit' : 'memory.soft'
  return resource.replace(/^(io|net)\.\w+/, '$&.limit') as Knob
}

/** The knob by which a domain comes by its amount of a resource. */
function enforcingKnob({ key }: Resource, { enforcement }: DomainPolicy, seen: DomainObservation): Knob {
  if (key !== CPU) return limitKnob(key, enforcement, seen)
  return enforcement === 'guarantee' ? 'cpu.weight' : 'cpu.quota'
}

/** Whether the last change of this knob, or an earlier one, did not come about; null where all is as decided. */
function unmadeOf(
  knob: Knob,
  { node }: DomainObservation,
  { known, notMade, nowMs }: Surroundings,
): 'due' | 'waiting' | null {
  const key = knobKey(node, knob)
  const failure = known.failures[key]
  if (failure !== undefined) return failure.retryAtMs > nowMs ? 'waiting' : 'due'
  return notMade.has(key) ? 'due' : null
}

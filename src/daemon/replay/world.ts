import type { Change, Outcome } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import type { Knowledge } from '#core/model/knowledge.ts'
import type { DomainObservation, Knob, Observation, SchedulingNode, Setting } from '#core/model/observation.ts'
import { knobKey } from '#core/reconcile.ts'
import type { TurnRecord } from '#ports.ts'

/**
 * The host of a record, as far as its settings go, had Reeve decided otherwise.
 *
 * What was observed of settings is what the recorded Reeve had set. Another that is shown them would take them for
 * somebody else's doing and, by default, yield to it. So each knob that either of the two has set is shown as the other
 * Reeve left it: as it set it last, or, where only the recorded one turned it, as it was before that. What somebody
 * else changed, by the record, is changed here too. Where both make the same change in the same turn the knob is as
 * recorded again: also on its way there, and as the kernel rounded it.
 *
 * Outcomes are those of its own plans. A change of a knob that failed in that turn by the record fails here as well,
 * and ends the plan; all others are taken to have been made, at once.
 *
 * Nothing else is touched: what was used, waited for and measured stays as it was observed.
 */
export class OtherWorld {
  /** Settings that are not as recorded. */
  readonly #other = new Map<NodeId, Map<Knob, Setting>>()
  /** Knobs that the recorded Reeve has set: what they do, others did not, unless the record calls it drift. */
  readonly #recorded = new Map<NodeId, Set<Knob>>()
  #before: Before | null = null

  /** `set` is what Reeve had set when the two parted. */
  constructor(set: Knowledge['set']) {
    for (const node in set)
      this.#recorded.set(node as NodeId, new Set(Object.keys(set[node as NodeId] ?? {}) as Knob[]))
  }

  /** What would have been seen in a recorded turn. The turns come one after the other, each followed by `act`. */
  see(record: TurnRecord): Observation {
    const { observation } = record
    const before = this.#before
    if (before === null) return observation
    if (before.record.observation.at.bootId !== observation.at.bootId) {
      // Settings do not outlive the host.
      this.#other.clear()
      this.#recorded.clear()
      return observation
    }
    const outcomes = outcomesOf(before, observation.outcomes)
    this.#carryOut(before, outcomes, observation.outcomes)
    this.#followOthers(record, before.sight)
    return { ...this.#shown(observation), outcomes }
  }

  /** What the other Reeve decided to change in that turn. */
  act(record: TurnRecord, plan: readonly Change[]): void {
    this.#before = { record, sight: sightOf(record.observation), plan }
  }

  /** Notes what is set otherwise now than by the record. */
  #carryOut({ record, sight, plan }: Before, outcomes: readonly Outcome[], recorded: readonly Outcome[]): void {
    const theirs = byKnob(record.decision.plan)
    const theirOutcomes = byKnob(recorded.filter(isOurs))
    for (const { node, knob } of theirs.values()) this.#recorded.getOrInsertComputed(node, () => new Set()).add(knob)
    for (const [i, { node, knob, to }] of plan.entries()) {
      const key = knobKey(node, knob)
      const wasMade = theirOutcomes.get(key)?.status === 'applied'
      const isSame = theirs.get(key)?.to === to
      theirs.delete(key)
      if (outcomes[i]?.status !== 'applied') {
        if (wasMade) this.#keep(sight, node, knob)
      } else if (isSame && wasMade) this.#other.get(node)?.delete(knob)
      else this.#set(node, knob, to)
    }
    for (const { node, knob } of theirs.values()) this.#keep(sight, node, knob)
    for (const { status, node, knob } of recorded) {
      if (status !== 'given-up') continue
      this.#other.get(node)?.delete(knob)
      this.#recorded.get(node)?.delete(knob)
    }
  }

  /** What somebody else changed, and what came new or went, did so here too. */
  #followOthers({ observation, decision }: TurnRecord, before: Sight): void {
    const now = sightOf(observation)
    for (const node of this.#recorded.keys()) if (!isSame(before, now, node)) this.#recorded.delete(node)
    const drifted = new Set(
      decision.drift.map(({ domain, knob }) => {
        const node = observation.domains.find(({ name }) => name === domain)?.node
        return knobKey(node ?? ('' as NodeId), knob)
      }),
    )
    for (const [node, knobs] of this.#other) {
      if (!isSame(before, now, node)) {
        this.#other.delete(node)
        continue
      }
      for (const knob of knobs.keys()) {
        if (foundAt(now, node, knob) === foundAt(before, node, knob)) continue
        if (!this.#recorded.get(node)?.has(knob) || drifted.has(knobKey(node, knob))) knobs.delete(knob)
      }
    }
  }

  #shown(observation: Observation): Observation {
    if (this.#other.size === 0) return observation
    return {
      ...observation,
      domains: observation.domains.map((domain) => withSettings(domain, this.#other.get(domain.node))),
      nodes: observation.nodes.map((node) => withWeight(node, this.#other.get(node.id))),
    }
  }

  #set(node: NodeId, knob: Knob, value: Setting): void {
    this.#other.getOrInsertComputed(node, () => new Map()).set(knob, value)
  }

  /** Only the recorded Reeve turns it: here it stays as it is. */
  #keep(sight: Sight, node: NodeId, knob: Knob): void {
    const found = foundAt(sight, node, knob)
    if (found !== undefined && !this.#other.get(node)?.has(knob)) this.#set(node, knob, found)
  }
}

/** The turn before: its record, and what the other Reeve planned in it. */
interface Before {
  readonly record: TurnRecord
  readonly sight: Sight
  readonly plan: readonly Change[]
}

/** An observation, to be asked for what is in force at a node. */
interface Sight {
  readonly domains: ReadonlyMap<NodeId, DomainObservation>
  readonly nodes: ReadonlyMap<NodeId, SchedulingNode>
}

function sightOf({ domains, nodes }: Observation): Sight {
  return {
    domains: new Map(domains.map((domain) => [domain.node, domain])),
    nodes: new Map(nodes.map((node) => [node.id, node])),
  }
}

/** As the core looks: the place in the hierarchy says what a weight is. */
function foundAt({ domains, nodes }: Sight, node: NodeId, knob: Knob): Setting | undefined {
  const weight = knob === 'cpu.weight' ? nodes.get(node)?.weight : undefined
  return weight ?? domains.get(node)?.settings[knob]
}

/** Whether the same thing is at a node as in the turn before: what was set on another says nothing about it. */
function isSame(before: Sight, now: Sight, node: NodeId): boolean {
  if (!now.domains.has(node) && !now.nodes.has(node)) return false
  return now.domains.get(node)?.identity === before.domains.get(node)?.identity
}

function byKnob<Its extends { readonly node: NodeId; readonly knob: Knob }>(all: readonly Its[]): Map<string, Its> {
  return new Map(all.map((its) => [knobKey(its.node, its.knob), its]))
}

/** What became of the other plan: one outcome for each of its changes, then what is given up by the record. */
function outcomesOf({ record, plan }: Before, recorded: readonly Outcome[]): readonly Outcome[] {
  const theirs = byKnob(record.decision.plan)
  const known = byKnob(recorded.filter(isOurs))
  const givenUp = byKnob(recorded.filter((its) => !isOurs(its)))
  const wasStopped = recorded.every(({ status }) => status !== 'failed')
  let hasFailed = false
  const outcomes = plan.map(({ node, knob, to }): Outcome => {
    const key = knobKey(node, knob)
    const its = known.get(key) ?? givenUp.get(key)
    if (!known.has(key)) givenUp.delete(key)
    if (hasFailed) return { status: 'not-tried', node, knob }
    hasFailed = its?.status === 'failed'
    if (its === undefined) return { status: 'applied', node, knob, to }
    if (its.status === 'applied') return theirs.get(key)?.to === to ? its : { ...its, to }
    // Not tried because another change had failed, which is not in this plan.
    return its.status === 'not-tried' && !wasStopped ? { status: 'applied', node, knob, to } : its
  })
  return [...outcomes, ...givenUp.values()]
}

/** Whether what it is of is still Reeve's: what is given up may have been made, and put back since. */
const isOurs = ({ status }: Outcome): boolean => status !== 'given-up'

/** Only knobs that were seen: no other can be turned. */
function withSettings(domain: DomainObservation, other: ReadonlyMap<Knob, Setting> | undefined): DomainObservation {
  if (other === undefined) return domain
  const settings: Partial<Record<Knob, Setting>> = { ...domain.settings }
  for (const [knob, value] of other) if (knob in settings) settings[knob] = value
  if (!other.has('freeze') || domain.state === 'ended') return { ...domain, settings }
  return { ...domain, settings, state: other.get('freeze') === 1 ? 'paused' : 'running' }
}

function withWeight(node: SchedulingNode, other: ReadonlyMap<Knob, Setting> | undefined): SchedulingNode {
  const weight = other?.get('cpu.weight')
  return typeof weight === 'number' ? { ...node, weight } : node
}

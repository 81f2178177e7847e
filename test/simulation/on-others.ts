import type { AmountDecision } from '#core/model/decision.ts'
import type { ResourceKey } from '#core/model/ids.ts'
import type { DomainObservation, Knob, Setting } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { MEMORY } from '#core/model/resource.ts'
import { CAPS, type Decided, grainOf, ROUNDED, SAME_WEIGHT, show } from './decided.ts'
import { entryOf } from './expected.ts'
import type { KnobHistory } from './ledger.ts'

/** What others set, and what is in force at all: seen, told, and left to them. */

/** The knob by which a domain comes by a resource, where that is an amount; null where weights do it. */
function amountKnob(policy: Policy, { domain }: AmountDecision, resource: ResourceKey): Knob | null {
  if (entryOf(policy, domain)?.enforcement === 'cap') return CAPS[resource] ?? null
  return resource === MEMORY ? 'memory.soft' : null
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

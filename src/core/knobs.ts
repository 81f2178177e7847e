import { controls, limitKnob } from './look.ts'
import type { ResourceKey } from './model/ids.ts'
import type { Knob } from './model/observation.ts'
import type { DomainPolicy, Policy } from './model/policy.ts'
import { CPU, family, MEMORY } from './model/resource.ts'

const NOTHING_SEEN = { settings: {} } as const

/**
 * The knobs of a domain that its policy has turned at all, now or later; whatever else Reeve has set on it is nobody's to
 * take back but who knows how it was found. Every knob that `plan` writes on a domain is one of these.
 *
 * Worked: a capped domain that controls CPU and memory has `cpu.weight`, `cpu.quota`, `cpu.set`, `memory.limit` and
 * `memory.balloon` turned, and not `memory.soft`; one in `observe` has none.
 */
export function knobsOf({ host, resources }: Policy, its: DomainPolicy): ReadonlySet<Knob> {
  const knobs = new Set<Knob>()
  const controlled = resources.filter(({ key }) => controls(its, key))
  if (its.role !== 'managed' || (its.mode ?? host.mode) !== 'manage' || controlled.length === 0) return knobs
  for (const { key, unit } of controlled) {
    if (unit === 'count') continue
    for (const knob of key === CPU ? cpuKnobs(its) : amountKnobs(its, key)) knobs.add(knob)
  }
  if (its.scheduling !== null || its.byActivity !== null) knobs.add('sched')
  return knobs
}

/** A quota may be its own, a limit, or a restraint for a while; a CPU set may follow from where others are placed. */
function cpuKnobs({ pauseBelow, vcpus }: DomainPolicy): Knob[] {
  const knobs: Knob[] = ['cpu.weight', 'cpu.quota', 'cpu.set']
  if (vcpus !== null) knobs.push('cpu.count')
  if (pauseBelow !== null) knobs.push('freeze')
  return knobs
}

/** What holds it to its amount, and what holds it to its limit, which `plan` also takes away. */
function amountKnobs({ enforcement }: DomainPolicy, key: ResourceKey): Knob[] {
  const knobs = [limitKnob(key, enforcement, NOTHING_SEEN), limitKnob(key, 'cap', NOTHING_SEEN)]
  if (key === MEMORY) knobs.push('memory.balloon')
  if (family(key).startsWith('io.') && enforcement === 'guarantee') knobs.push('io.weight')
  return knobs
}

import type { Change } from '#core/model/decision.ts'
import { CPU } from '#core/model/resource.ts'
import { parseCpuList } from '#lib/cpu-list.ts'
import { type Decided, grainOf } from './decided.ts'
import { entryOf } from './expected.ts'

/** Where domains are to run: of every set of CPUs that is planned. */

interface Placing {
  readonly change: Change
  readonly rule: 'pin' | 'near' | 'apart' | 'activity' | 'all'
  readonly cpus: readonly number[]
}

function placings({ record }: Decided): Placing[] {
  return record.decision.plan.flatMap((change) => {
    if (change.knob !== 'cpu.set' || change.because.kind !== 'placement') return []
    return [{ change, rule: change.because.rule, cpus: parseCpuList(`${change.to}`) }]
  })
}

/** Nobody is left without a CPU that is there, or, by what it does, with fewer than it is given. */
export function* placesWhereThereIsRoom(its: Decided): Generator<string> {
  const { policy, record } = its
  const online = record.observation.topology.cpus.map(({ id }) => id)
  const rows = record.decision.resources.find(({ resource }) => resource === CPU)?.rows ?? []
  for (const { change, rule, cpus } of placings(its)) {
    if (cpus.length === 0 || cpus.some((cpu) => !online.includes(cpu))) {
      yield `${change.domain} is placed on ${change.to}, and there are ${online.join(', ')}`
    }
    const given = rows.find(({ domain }) => domain === change.domain)?.allocation ?? 0
    if (rule === 'activity' && cpus.length < online.length && cpus.length * 1000 < given - grainOf(policy, CPU)) {
      yield `${change.domain} is given ${given} millicores and placed on ${change.to}`
    }
  }
}

/** Two that must be apart are not placed on one CPU, where there is more than one. */
export function* keepsApart(its: Decided): Generator<string> {
  const { policy, record } = its
  if (record.observation.topology.cpus.length < 2) return
  const apart = placings(its).filter(({ rule }) => rule === 'apart' || rule === 'pin')
  for (const { change, cpus } of apart) {
    const others = change.domain === null ? [] : (entryOf(policy, change.domain)?.placement.apart ?? [])
    for (const other of apart.filter((one) => others.some((name) => name === one.change.domain))) {
      if (other.cpus.some((cpu) => cpus.includes(cpu))) {
        yield `${change.domain} is placed on ${change.to} and ${other.change.domain} on ${other.change.to}`
      }
    }
  }
}

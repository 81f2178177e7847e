import type { NodeId } from '#core/model/ids.ts'
import type { DomainObservation, SchedulingNode } from '#core/model/observation.ts'
import { CPU } from '#core/model/resource.ts'
import { divide } from '#drivers/simulator/water-filling.ts'
import { parseCpuList } from '#lib/cpu-list.ts'

/** How a host divides its CPU by what is set on it: weights level by level, and what holds each domain down. Millicores. */

/** A place in the hierarchy: a domain's own, or one that only others lie in. */
export interface Place {
  readonly weight: number
  /** Index of the domain; -1 where there is none. */
  readonly domain: number
  readonly children: Place[]
}

/** The places of these domains and around them; a domain that others lie in is not divided to. */
export function placesOf(nodes: readonly SchedulingNode[], at: ReadonlyMap<NodeId, number>): Place {
  const top: Place = { weight: 1, domain: -1, children: [] }
  const byId = new Map<NodeId, Place>()
  // Parents come before their children.
  for (const { id, parent, weight } of nodes) {
    const place = { weight: Math.max(weight, 1), domain: at.get(id) ?? -1, children: [] }
    byId.set(id, place)
    const around = parent === null ? top : (byId.get(parent) ?? top)
    around.children.push(place)
  }
  return top
}

/**
 * What each domain gets of `amount` where it wants so much: all that it wants, or its part by weight among siblings, and
 * what some leave others share. It is `divide` of the simulated host, level by level.
 */
export function sharedOut(top: Place, amount: number, wanted: Float64Array): Float64Array {
  const granted = new Float64Array(wanted.length)
  give(top, amount, wanted, granted)
  return granted
}

function give({ domain, children }: Place, amount: number, wanted: Float64Array, granted: Float64Array): void {
  if (children.length === 0) {
    if (domain >= 0) granted[domain] = Math.min(amount, wanted[domain] as number)
    return
  }
  const parts = new Float64Array(children.length)
  const weights = Float64Array.from(children, ({ weight }) => weight)
  const wants = Float64Array.from(children, (child) => wantedIn(child, wanted))
  divide([{ cpus: amount, members: [...children.keys()] }], 1, weights, wants, parts)
  for (const [index, child] of children.entries()) give(child, parts[index] as number, wanted, granted)
}

function wantedIn({ domain, children }: Place, wanted: Float64Array): number {
  if (children.length === 0) return domain < 0 ? 0 : (wanted[domain] as number)
  return children.reduce((sum, child) => sum + wantedIn(child, wanted), 0)
}

/** The most that a domain can use as it is set: its quota, the CPUs of its set, its vCPUs, and nothing while it stands still. */
export function mostOf({ state, settings, most }: DomainObservation): number {
  if (state !== 'running') return 0
  const quota = settings['cpu.quota']
  const cpus = settings['cpu.set']
  const vcpus = settings['cpu.count']
  return Math.min(
    typeof quota === 'number' ? quota : Number.POSITIVE_INFINITY,
    // An empty set holds nobody to anything.
    typeof cpus === 'string' && cpus !== '' ? parseCpuList(cpus).length * 1000 : Number.POSITIVE_INFINITY,
    typeof vcpus === 'number' ? vcpus * 1000 : Number.POSITIVE_INFINITY,
    most?.[CPU] ?? Number.POSITIVE_INFINITY,
  )
}

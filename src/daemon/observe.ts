import type { Outcome } from '#core/model/decision.ts'
import type { DomainName } from '#core/model/ids.ts'
import type { DomainObservation, MetricReading, Observation } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import type { Clock, Driver, DriverObservation } from '#ports.ts'
import { readMetadata } from './metadata.ts'

/** What an observation is put together from. */
export interface Sources {
  readonly host: string
  readonly driver: Driver
  readonly clock: Clock
  readonly metrics: { latest(): readonly MetricReading[] }
}

/** What is known before looking. */
export interface Occasion {
  readonly policy: Policy
  readonly paused: boolean
  readonly events: readonly string[]
  readonly reclaimed: readonly DomainName[]
  /** How the previous plan went. */
  readonly outcomes: readonly Outcome[]
  /** Whether the expensive counters are due. */
  readonly slow: boolean
}

/**
 * Looks at everything once. The instant is taken after the drivers have looked, close to when they read the host's own
 * counters: a look that took long must not make the host seem busier than it was. Each domain says when it was read.
 */
export async function observe(sources: Sources, occasion: Occasion): Promise<Observation> {
  const { policy, paused, events, reclaimed, outcomes, slow } = occasion
  const seen = await sources.driver.observe(slow)
  const at = sources.clock.now(policy.windows)
  return {
    host: sources.host,
    at,
    capacity: seen.capacity,
    topology: seen.topology,
    domains: inPolicyOrder(withMetadata(seen, policy)),
    nodes: seen.nodes,
    metrics: sources.metrics.latest(),
    events,
    reclaimed,
    paused,
    outcomes,
  }
}

/** The domains as drivers saw them, with what their own words come to. */
export function withMetadata({ domains, words }: DriverObservation, policy: Policy): readonly DomainObservation[] {
  if (words === undefined || words.size === 0) return domains
  return domains.map((domain) => {
    const its = words.get(domain.name)
    const allowed = policy.domains[domain.policyIndex]?.metadata ?? null
    return its === undefined || allowed === null ? domain : { ...domain, metadata: readMetadata(its, allowed, policy) }
  })
}

/** One order whatever order drivers report in, since order decides ties. Usually they are in it already. */
export function inPolicyOrder(domains: readonly DomainObservation[]): readonly DomainObservation[] {
  const isOrdered = domains.every((domain, i) => i === 0 || compare(domains[i - 1] as DomainObservation, domain) <= 0)
  return isOrdered ? domains : domains.toSorted(compare)
}

function compare(a: DomainObservation, b: DomainObservation): number {
  if (a.policyIndex !== b.policyIndex) return a.policyIndex - b.policyIndex
  // By code unit, not by locale: the same on every host.
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

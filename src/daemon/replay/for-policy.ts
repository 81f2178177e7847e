import type { NodeId } from '#core/model/ids.ts'
import type { DomainObservation, Observation, SchedulingNode } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { inPolicyOrder } from '#daemon/observe.ts'
import { watchWindows } from '#daemon/windows.ts'
import { globMatches, isGlob } from '#lib/glob.ts'

/**
 * Recorded observations as they would have been made under another policy: which of its entries each domain stands
 * under, and which of its windows were open. A domain is known by the name that it has on record; one that the policy
 * does not name is nobody's, like everything else that ran there.
 */
export function observationsFor(policy: Policy): (observation: Observation) => Observation {
  const windowsAt = watchWindows(policy.windows)
  const indexes = new Map<string, number>()
  const indexOf = ({ name, driver }: DomainObservation): number => {
    const key = `${driver} ${name}`
    const index = indexes.get(key) ?? entryOf(policy, name, driver)
    indexes.set(key, index)
    return index
  }
  return (observation) => {
    const all = observation.domains.map((domain) => ({ ...domain, policyIndex: indexOf(domain) }))
    const domains = all.filter(({ policyIndex }) => policyIndex >= 0)
    const others = new Set(all.flatMap(({ policyIndex, node }) => (policyIndex < 0 ? [node] : [])))
    return {
      ...observation,
      at: { ...observation.at, ...windowsAt(observation.at.utcMs) },
      domains: inPolicyOrder(domains),
      nodes: withoutDomains(observation.nodes, others),
    }
  }
}

/** The policy's own name for a domain goes before any pattern, and the first pattern before others; -1 where none is. */
function entryOf({ domains }: Policy, name: string, driver: string): number {
  const exact = domains.findIndex((its) => its.driver === driver && its.name === name)
  if (exact >= 0) return exact
  return domains.findIndex((its) => its.driver === driver && isGlob(its.name) && globMatches(its.name, name))
}

/** The weights of domains that are nobody's add up in the place around them, as those of all strangers do. */
function withoutDomains(nodes: readonly SchedulingNode[], others: ReadonlySet<NodeId>): readonly SchedulingNode[] {
  if (others.size === 0) return nodes
  const around = new Set(nodes.flatMap(({ parent }) => parent ?? []))
  const isGone = ({ id, parent }: SchedulingNode) => others.has(id) && parent !== null && !around.has(id)
  const weights = new Map<NodeId, number>()
  for (const node of nodes) {
    if (isGone(node) && node.parent !== null) {
      weights.set(node.parent, (weights.get(node.parent) ?? 0) + node.weight)
    }
  }
  return nodes
    .filter((node) => !isGone(node))
    .map((node) => ({ ...node, unmanagedWeight: node.unmanagedWeight + (weights.get(node.id) ?? 0) }))
}

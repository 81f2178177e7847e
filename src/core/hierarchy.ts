import type { NodeId } from './model/ids.ts'
import type { SchedulingNode } from './model/observation.ts'

/**
 * What each place in the scheduling hierarchy gets of `total` when everybody wants all: its parent's amount in
 * proportion to its weight among all siblings, managed or not. Parents come before children.
 *
 * Worked: 2000 millicores, two domains of weight 1024 beside unmanaged siblings of 2048 in sum: 500 each.
 */
export function sharesByWeight(nodes: readonly SchedulingNode[], total: number): Map<NodeId, number> {
  const shares = new Map<NodeId, number>()
  const among = siblingWeights(nodes)
  for (const node of nodes) {
    if (node.parent === null) {
      shares.set(node.id, total)
      continue
    }
    const inside = shares.get(node.parent) ?? 0
    const sum = among.get(node.parent) ?? 0
    shares.set(node.id, sum > 0 ? (inside * node.weight) / sum : inside)
  }
  return shares
}

/** Sum of the weights that compete inside each place: of the listed nodes and of the siblings that nobody manages. */
function siblingWeights(nodes: readonly SchedulingNode[]): Map<NodeId, number> {
  const sums = new Map<NodeId, number>(nodes.map((node) => [node.id, node.unmanagedWeight]))
  for (const node of nodes) {
    if (node.parent !== null) sums.set(node.parent, (sums.get(node.parent) ?? 0) + node.weight)
  }
  return sums
}

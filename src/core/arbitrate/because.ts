/** The certificate of one entitlement as a value: columns turned into the words of the union `Because`. */
import type { Arbitration, Because, BoundKind, GroupOutcome, Problem } from './problem.ts'
import { BOUNDS } from './problem.ts'
import { type Demand, rollUp } from './rollup.ts'

/**
 * Why a row is entitled to what it is. Who asks for many rows passes the demand, which otherwise is rolled up anew for
 * each (O(rows x classes)).
 * Example: request 6 at level 4 in class 2 becomes { bound: 'level', priority: 2, level: 4, weight: 1 }.
 */
export function because(
  problem: Problem,
  arbitration: Arbitration,
  row: number,
  demand: Demand = rollUp(problem),
): Because {
  const kind: BoundKind = BOUNDS[arbitration.bound[row]!]!
  const priority = arbitration.boundClass[row]!
  const position = demand.groups.positionOf[row]!
  const amountIn = (column: number): number => demand.amounts[column * problem.count + position]!
  // A parent owns nothing itself; its children together do.
  const isLeaf = demand.groups.insideAt[position] === -1
  const entitlement = arbitration.entitlement[row]!
  switch (kind) {
    case 'start':
      return startOf(problem, row, amountIn(0))
    case 'own':
      return { bound: 'own', own: isLeaf ? problem.own[row]! : amountIn(1), lend: problem.lend[row] === 1 }
    case 'request':
      return { bound: 'request', priority, request: amountIn(priority + 1) }
    case 'limit':
      return { bound: 'limit', priority, limit: problem.limit[row]! }
    case 'level':
      return levelOf(groupOf(problem, arbitration, row), priority, demand.weight[position]!, amountIn)
    case 'surplus': {
      // The remainder of a class that stopped comes on top of the class before it, surplus on top of the last one.
      const granted = amountIn(groupOf(problem, arbitration, row).stoppedAt === -1 ? problem.classes + 1 : priority)
      return { bound: 'surplus', granted, surplus: entitlement - granted }
    }
    case 'shrunk': {
      const { capacity } = groupOf(problem, arbitration, row)
      const starts = demand.totals[demand.groups.parent.indexOf(problem.parent[row]!)]!
      return { bound: 'shrunk', start: amountIn(0), fraction: capacity / starts }
    }
  }
}

/** A parent may start with more than its reservation: its children's starts; then the reservation is not what holds. */
function startOf(problem: Problem, row: number, start: number): Because {
  return { bound: 'start', reservation: start, explicit: problem.reservation[row] === start }
}

function levelOf(
  { level, fraction }: GroupOutcome,
  priority: number,
  weight: number,
  amountIn: (column: number) => number,
): Because {
  if (Number.isNaN(fraction)) return { bound: 'level', priority, level, weight }
  return { bound: 'fraction', priority, fraction, from: amountIn(priority), want: amountIn(priority + 1) }
}

function groupOf(problem: Problem, arbitration: Arbitration, row: number): GroupOutcome {
  return arbitration.groups.find((group) => group.parent === problem.parent[row])!
}

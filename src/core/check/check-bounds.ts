/**
 * Checks that the bound named for each row is the one that really stopped it, in the class that it names: the last class
 * that raised the row, or the class that stopped. Amounts are known to be right by the time this runs.
 */
import { BOUNDS } from '#core/arbitrate/problem.ts'
import type { Findings, Group } from './findings.ts'

export function checkBounds(found: Findings, group: Group): void {
  const { demand, outcome, result } = group
  for (let row = demand.firstChild[outcome.parent + 1]!; row !== -1; row = demand.nextSibling[row]!) {
    if (isBoundBy(found, group, row)) continue
    const kind = BOUNDS[result.bound[row]!]
    const [amount, k] = [result.entitlement[row], result.boundClass[row]]
    found.add('bound', row, `${amount} is not bound by ${kind} in class ${k}`)
  }
}

function isBoundBy(found: Findings, group: Group, row: number): boolean {
  const { problem, result, outcome } = group
  const k = result.boundClass[row]!
  const kind = BOUNDS[result.bound[row]!]
  if (outcome.shrunk) return kind === 'shrunk' && k === 0
  const stopped = outcome.stoppedAt
  switch (kind) {
    case 'level':
      return k === stopped && isBetween(found, group, row)
    case 'surplus':
      return k === (stopped === -1 ? problem.classes : stopped) && tookSurplus(found, group, row) !== 'no'
    case 'start':
    case 'own':
    case 'request':
    case 'limit':
      if (k < 0 || k > problem.classes || (kind === 'start' && k !== 0)) return false
      if (tookSurplus(found, group, row) === 'yes') return false
      return lastRaises(found, group, row, kind === 'start' ? 0 : k + 1) && isNamed(found, group, row, kind, k)
    default:
      return false
  }
}

/** Raised by the level or fraction of the stopped class, but not to all that it wants there. */
function isBetween(found: Findings, { problem, result, demand, outcome }: Group, row: number): boolean {
  const { level, fraction, stoppedAt } = outcome
  const have = demand.wants[stoppedAt * problem.count + row]!
  const want = demand.wants[(stoppedAt + 1) * problem.count + row]!
  if (!Number.isNaN(fraction)) return fraction > 0 && have < want
  const atLevel = demand.weight[row]! * level
  // Under satisfy-most the level may lie between have and want also of a row that was served whole.
  return have < atLevel && atLevel < want && Math.abs(result.entitlement[row]! - atLevel) <= found.tolerance
}

/**
 * Whether a row got surplus, or remainder as a default domain, on top of what the classes granted. 'perhaps' where the
 * difference is so small that doubles cannot tell.
 */
function tookSurplus(
  found: Findings,
  { problem, result, demand, outcome }: Group,
  row: number,
): 'yes' | 'no' | 'perhaps' {
  const { stoppedAt, surplusStep } = outcome
  const rule = stoppedAt === -1 ? problem.surplus : problem.remainder
  if (rule === 'hold' || rule === 'share') return 'no'
  const granted = demand.wants[(stoppedAt === -1 ? problem.classes + 1 : stoppedAt) * problem.count + row]!
  const raised = result.entitlement[row]! - granted
  if (typeof rule === 'object' && !rule.default.includes(problem.ids[row]!)) return 'no'
  if (raised > found.tolerance) return 'yes'
  if (typeof rule === 'object') return raised > 0 ? 'perhaps' : 'no'
  return surplusStep > 0 && granted < problem.limit[row]! ? 'perhaps' : 'no'
}

/** Whether `column` (0 the start, k + 1 class k) is the last one that raised the row to where it is. */
function lastRaises(
  found: Findings,
  { problem, result, demand, outcome }: Group,
  row: number,
  column: number,
): boolean {
  const { wants } = demand
  const { count } = problem
  // Amounts that differ in their last digits only, such as sums over children, are the same: nobody was raised.
  const slack = 1e-3 * found.tolerance
  const isLast = (last: number): boolean => {
    if (column > last || (column > 0 && wants[column * count + row]! <= wants[(column - 1) * count + row]!))
      return false
    return wants[last * count + row]! <= wants[column * count + row]! + slack
  }
  if (outcome.stoppedAt === -1) return isLast(problem.classes + 1)
  const amount = result.entitlement[row]!
  const kept = amount <= wants[outcome.stoppedAt * count + row]! + found.tolerance
  const full = amount >= wants[(outcome.stoppedAt + 1) * count + row]! - found.tolerance
  // A remainder that is not shared raises nobody in the stopped class, so nobody's whole want is granted there.
  return (kept && isLast(outcome.stoppedAt)) || (full && isLast(outcome.stoppedAt + 1))
}

/** Whether it was the limit that stopped the row in class k, or else what it owns (class 0) or asked for. */
function isNamed(
  found: Findings,
  { problem, demand }: Group,
  row: number,
  kind: 'start' | 'own' | 'request' | 'limit',
  k: number,
): boolean {
  if (kind === 'start') return true
  const slack = demand.firstChild[row + 1] === -1 ? 0 : 1e-3 * found.tolerance
  const asked = demand.asked[(k + 1) * problem.count + row]!
  if (kind === 'limit') return asked > problem.limit[row]! - slack
  return asked <= problem.limit[row]! + slack && (kind === 'own') === (k === 0)
}

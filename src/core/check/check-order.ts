/** Checks the two rules in which somebody comes before somebody else: named receivers, and the smallest gap first. */
import type { RemainderRule, SurplusRule } from '#core/arbitrate/problem.ts'
import type { Findings, Group } from './findings.ts'

/**
 * Held, or given to named siblings in order: a later one gets nothing while an earlier one is below its limit, and
 * nobody else gets anything.
 */
export function checkInOrder(found: Findings, group: Group, rule: SurplusRule | RemainderRule): void {
  const { problem, result, demand, outcome } = group
  const { firstChild, nextSibling, wants } = demand
  const column = outcome.stoppedAt === -1 ? problem.classes + 1 : outcome.stoppedAt
  const granted = column * problem.count
  const names = typeof rule === 'object' ? rule.default : []
  let left = outcome.capacity
  for (let row = firstChild[outcome.parent + 1]!; row !== -1; row = nextSibling[row]!) left -= wants[granted + row]!
  const dues = new Map<string, number>()
  for (const name of names) {
    const row = siblingNamed(group, name)
    if (row === -1 || dues.has(name)) continue
    const due = Math.min(Math.max(0, left), Math.max(0, problem.limit[row]! - wants[granted + row]!))
    dues.set(name, due)
    left -= due
  }
  for (let row = firstChild[outcome.parent + 1]!; row !== -1; row = nextSibling[row]!) {
    const due = wants[granted + row]! + (dues.get(problem.ids[row]!) ?? 0)
    const amount = result.entitlement[row]!
    if (!(Math.abs(amount - due) <= found.tolerance)) {
      found.add('remainder', row, `has ${amount}, not ${due}, of what class ${column - 1} granted and what was left`)
    }
  }
}

function siblingNamed({ problem, demand, outcome }: Group, name: string): number {
  for (let row = demand.firstChild[outcome.parent + 1]!; row !== -1; row = demand.nextSibling[row]!) {
    if (problem.ids[row] === name) return row
  }
  return -1
}

/**
 * satisfy-most: nobody was served whole while a smaller gap was left open, and the smallest one left open did not fit.
 * One pass suffices: the last one served against the first one not served, by gap and then by input order.
 */
export function checkSmallestGapFirst(found: Findings, group: Group): void {
  const { problem, result, demand, outcome } = group
  const { firstChild, nextSibling, wants } = demand
  const haves = outcome.stoppedAt * problem.count
  const stopped = haves + problem.count
  let left = outcome.capacity
  let served = -1
  let servedGap = 0
  let open = -1
  let openGap = Infinity
  for (let row = firstChild[outcome.parent + 1]!; row !== -1; row = nextSibling[row]!) {
    const have = wants[haves + row]!
    const gap = wants[stopped + row]! - have
    left -= have
    if (gap === 0) continue
    if (result.entitlement[row]! >= wants[stopped + row]! - found.tolerance) {
      left -= gap
      if (gap >= servedGap) [served, servedGap] = [row, gap]
    } else if (gap < openGap) [open, openGap] = [row, gap]
  }
  if (open === -1) return
  // Only gaps of leaves are the same to the last digit wherever they are computed, so only they can really tie.
  const isTie = servedGap === openGap && firstChild[served + 1] === -1 && firstChild[open + 1] === -1
  if (servedGap > openGap + found.tolerance || (isTie && served > open)) {
    found.add('smallest-gap-first', open, `its gap ${openGap} is open, that of row ${served}, ${servedGap}, was served`)
  }
  if (openGap < left - found.tolerance) {
    found.add('smallest-gap-first', open, `its gap ${openGap} fits into the ${left} that the others leave`)
  }
}

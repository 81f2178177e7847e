/** Checks that entitlements are what the stated level, fraction or step makes them, and that those could be no other. */
import { checkInOrder, checkSmallestGapFirst } from './check-order.ts'
import type { Findings, Group } from './findings.ts'

/** Which of the figures of an outcome has a meaning for it; the others must be absent. */
type Figure = 'none' | 'level' | 'fraction' | 'step'

export function checkShares(found: Findings, group: Group): void {
  const { problem, outcome } = group
  const figure = figureOf(group)
  if (Number.isNaN(outcome.level) === (figure === 'level')) {
    found.add('figure', outcome.parent, `states the level ${outcome.level} where ${figure} is meant`)
  } else if (Number.isNaN(outcome.fraction) === (figure === 'fraction')) {
    found.add('figure', outcome.parent, `states the fraction ${outcome.fraction} where ${figure} is meant`)
  } else if (figure === 'step' ? !(outcome.surplusStep >= 0) : outcome.surplusStep !== 0) {
    found.add('figure', outcome.parent, `states the surplus step ${outcome.surplusStep} where ${figure} is meant`)
  } else if (outcome.shrunk) checkShrunk(found, group)
  else if (figure === 'level') checkLevel(found, group)
  else if (figure === 'fraction') checkFraction(found, group)
  else if (figure === 'step') checkStep(found, group)
  else checkInOrder(found, group, outcome.stoppedAt === -1 ? problem.surplus : problem.remainder)
}

function figureOf({ problem, outcome }: Group): Figure {
  if (outcome.shrunk) return 'none'
  if (outcome.stoppedAt === -1) return problem.surplus === 'spread' || problem.surplus === 'equal' ? 'step' : 'none'
  if (problem.remainder !== 'share') return 'none'
  return problem.fairness === 'proportional' ? 'fraction' : 'level'
}

/** Each start shrinks by the same fraction. Example: starts 2 and 6 in a capacity of 4: 1 and 3. */
function checkShrunk(found: Findings, group: Group): void {
  const { result, demand, outcome } = group
  let starts = 0
  for (const row of membersOf(group)) starts += demand.wants[row]!
  for (const row of membersOf(group)) {
    const due = (demand.wants[row]! * outcome.capacity) / starts
    expect(found, row, result.entitlement[row]!, due, `its start shrunk to ${outcome.capacity} of ${starts}`)
  }
}

/** max(have, min(want, weight x level)), all of the capacity, and no lower level would do. */
function checkLevel(found: Findings, group: Group): void {
  const { problem, result, demand, outcome } = group
  const { stoppedAt, level } = outcome
  const [haves, wants] = [stoppedAt * problem.count, (stoppedAt + 1) * problem.count]
  const byGap = problem.fairness === 'satisfy-most'
  let used = 0
  let isSmallest = level === 0
  for (const row of membersOf(group)) {
    const have = demand.wants[haves + row]!
    const want = demand.wants[wants + row]!
    const amount = result.entitlement[row]!
    used += amount
    // Under satisfy-most the level is for those alone who were not served whole.
    if (byGap && amount >= want - found.tolerance) continue
    const atLevel = demand.weight[row]! * level
    expect(found, row, amount, Math.max(have, Math.min(want, atLevel)), `class ${stoppedAt} at level ${level}`)
    if (have < want && have <= atLevel + found.tolerance && atLevel <= want + found.tolerance) isSmallest = true
  }
  expectAll(found, group, used)
  if (!isSmallest) found.add('level', outcome.parent, `a level below ${level} would give the same`)
  if (byGap) checkSmallestGapFirst(found, group)
}

/** The same fraction of everyone's gap, and all of the capacity. */
function checkFraction(found: Findings, group: Group): void {
  const { problem, result, demand, outcome } = group
  const { stoppedAt, fraction } = outcome
  if (!(fraction >= 0 && fraction <= 1)) {
    found.add('fraction', outcome.parent, `${fraction} is no fraction`)
    return
  }
  const [haves, wants] = [stoppedAt * problem.count, (stoppedAt + 1) * problem.count]
  let used = 0
  for (const row of membersOf(group)) {
    const have = demand.wants[haves + row]!
    const due = have + fraction * (demand.wants[wants + row]! - have)
    used += result.entitlement[row]!
    expect(found, row, result.entitlement[row]!, due, `class ${stoppedAt} at fraction ${fraction}`)
  }
  expectAll(found, group, used)
}

/** Everyone rises by the same step, per weight or each, up to its limit; what is left nobody could take. */
function checkStep(found: Findings, group: Group): void {
  const { problem, result, demand, outcome } = group
  const step = outcome.surplusStep
  const granted = (problem.classes + 1) * problem.count
  let used = 0
  let canRise = false
  let isSmallest = step === 0
  for (const row of membersOf(group)) {
    const limit = problem.limit[row]!
    const raised = demand.wants[granted + row]! + step * (problem.surplus === 'spread' ? demand.weight[row]! : 1)
    const amount = result.entitlement[row]!
    used += amount
    expect(found, row, amount, Math.min(limit, raised), `surplus at step ${step}`)
    if (amount < limit - found.tolerance) canRise = true
    if (raised <= limit + found.tolerance) isSmallest = true
  }
  if (canRise) expectAll(found, group, used)
  if (!isSmallest) found.add('surplus', outcome.parent, `a step below ${step} would give the same`)
}

/** The rows of a group, in input order. An array, since looping over a generator costs several times as much. */
export function membersOf({ demand, outcome }: Group): number[] {
  const members: number[] = []
  for (let row = demand.firstChild[outcome.parent + 1]!; row !== -1; row = demand.nextSibling[row]!) members.push(row)
  return members
}

function expect(found: Findings, row: number, amount: number, due: number, why: string): void {
  if (!(Math.abs(amount - due) <= found.tolerance)) found.add('share', row, `has ${amount}, not ${due}: ${why}`)
}

/** Property 1: a class that does not fit uses everything up. */
function expectAll(found: Findings, { outcome }: Group, used: number): void {
  if (!(Math.abs(used - outcome.capacity) <= found.tolerance)) {
    found.add('conservation', outcome.parent, `its members hold ${used}, not all of ${outcome.capacity}`)
  }
}

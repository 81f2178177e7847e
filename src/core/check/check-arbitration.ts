/**
 * Checks an arbitration by its certificates, without solving the problem again: a level is easy to verify where it is
 * hard to find. Runs on every plan in production, so it costs O(rows x classes). It shares no code with the arbiter,
 * and deliberately has no opinion on rounding (see check-allocation.ts) or on how the numbers were found.
 */
import type { Arbitration, Problem } from '#core/arbitrate/problem.ts'
import type { Violation } from '#core/model/decision.ts'
import { checkBounds } from './check-bounds.ts'
import { checkShares } from './check-shares.ts'
import { rollUpDemand } from './demand.ts'
import { type Findings, findings, type Group } from './findings.ts'

/** A sum of doubles is off by about this part of it: no proof that a class does not fit. */
const LAST_DIGITS = 5e-13

/**
 * Everything in `result` that does not hold for `problem`; empty for a correct arbitration.
 * Example: 10 for wants of 2, 6, 6 as 2, 4, 4 at level 4 passes; 2, 5, 3 breaks `share` in both changed rows.
 */
export function checkArbitration(problem: Problem, result: Arbitration): Violation[] {
  const found = findings(problem)
  const { count } = problem
  if (result.entitlement.length !== count || result.bound.length !== count || result.boundClass.length !== count) {
    found.add('shape', -1, `the result has not one entry for each of the ${count} rows`)
    return found.violations
  }
  const demand = rollUpDemand(problem)
  let next = 0
  for (let parent = -1; parent < count; parent++) {
    if (demand.firstChild[parent + 1] === -1 && parent !== -1) continue
    const outcome = result.groups[next++]
    if (outcome?.parent !== parent) {
      found.add('shape', parent, `expected the outcome of its group, found that of row ${outcome?.parent}`)
      return found.violations
    }
    checkGroup(found, { problem, result, demand, outcome })
  }
  if (next !== result.groups.length) found.add('shape', -1, `${result.groups.length} groups, but ${next} have members`)
  return found.violations
}

function checkGroup(found: Findings, group: Group): void {
  const { parent, capacity } = group.outcome
  const granted = parent === -1 ? group.problem.capacity : group.result.entitlement[parent]!
  // Written so that NaN fails, here and below.
  if (!(Math.abs(capacity - granted) <= found.tolerance)) {
    found.add('inside', parent, `divides ${capacity}, but was granted ${granted}`)
    return
  }
  const before = found.violations.length
  checkFloorsAndLimits(found, group)
  checkStop(found, group)
  // With another class than the stated one, every share would look wrong: once is enough.
  if (found.violations.length > before) return
  checkShares(found, group)
  checkBounds(found, group)
}

/** Property 2, and the one half of property 1 that holds whatever the rules are: nobody divides what is not there. */
function checkFloorsAndLimits(found: Findings, { problem, result, demand, outcome }: Group): void {
  const { nextSibling, firstChild, wants } = demand
  let sum = 0
  for (let row = firstChild[outcome.parent + 1]!; row !== -1; row = nextSibling[row]!) {
    const amount = result.entitlement[row]!
    sum += amount
    if (!(amount >= -found.tolerance)) found.add('amount', row, `${amount} is no amount`)
    if (!outcome.shrunk && amount < wants[row]! - found.tolerance) {
      found.add('start', row, `${amount} is under its start ${wants[row]}`)
    }
    if (amount > problem.limit[row]! + found.tolerance) {
      found.add('limit', row, `${amount} is above its limit ${problem.limit[row]}`)
    }
  }
  if (!(sum <= outcome.capacity + found.tolerance)) {
    found.add('conservation', outcome.parent, `its members hold ${sum} of ${outcome.capacity}`)
  }
}

/** The stopped class really does not fit and the one before it does; as wants never fall, so do all before that. */
function checkStop(found: Findings, group: Group): void {
  const { problem, outcome } = group
  const { parent, capacity, stoppedAt, shrunk } = outcome
  const starts = sumOfColumn(group, 0)
  if (shrunk ? starts <= capacity : starts > capacity + found.tolerance) {
    found.add('shrunk', parent, `starts of ${starts} in ${capacity}, but shrunk is ${shrunk}`)
    return
  }
  if (shrunk) {
    if (stoppedAt !== 0) found.add('class', parent, `starts do not fit, but it stopped at class ${stoppedAt}`)
    return
  }
  if (!Number.isInteger(stoppedAt) || stoppedAt < -1 || stoppedAt > problem.classes) {
    found.add('class', parent, `there is no class ${stoppedAt}`)
    return
  }
  const lastFitting = stoppedAt === -1 ? problem.classes + 1 : stoppedAt
  const fitting = sumOfColumn(group, lastFitting)
  if (fitting > capacity + found.tolerance) {
    found.add('class', parent, `class ${lastFitting - 1} counts as fitting, but wants ${fitting} of ${capacity}`)
  }
  if (stoppedAt === -1) return
  const stopped = sumOfColumn(group, stoppedAt + 1)
  if (stopped <= capacity * (1 + LAST_DIGITS)) {
    found.add('class', parent, `stopped at class ${stoppedAt}, which fits: ${stopped} of ${capacity}`)
  }
}

function sumOfColumn({ problem, demand, outcome }: Group, column: number): number {
  const { firstChild, nextSibling, wants } = demand
  const base = column * problem.count
  let sum = 0
  for (let row = firstChild[outcome.parent + 1]!; row !== -1; row = nextSibling[row]!) sum += wants[base + row]!
  return sum
}

/**
 * The arbitration of one resource: demand flows up the tree, then capacity flows down it, divided among the siblings of
 * each group by one and the same rule: start, owners, class by class while everyone's want fits, the fairness rule for
 * the class that does not, and the surplus rule where all did. Pure, and deliberately without
 * opinion on rounding, thresholds or placement, which come after it.
 *
 * Costs O(rows x classes), plus a few passes for the level of each group; satisfy-most sorts the rows of its group.
 */
import { BOUND, type Division, type Siblings } from './division.ts'
import { grantColumn, nameBounds } from './grant.ts'
import type { Arbitration, GroupOutcome, Problem } from './problem.ts'
import { settleResidue } from './residue.ts'
import { type Demand, rollUp } from './rollup.ts'
import { shareClass } from './share.ts'
import { fits, NOISE, residueOf } from './sum.ts'
import { giveInOrder, giveSurplus } from './surplus.ts'
import { newWorkspace, type Workspace } from './workspace.ts'

/**
 * Divides the capacity of a problem. Entitlements are exact up to the rounding of doubles: where a class stops by the
 * fairness rule, or starts shrink, those of siblings sum up to the capacity that they divide to the last digit.
 * Trusts its input: amounts are finite and not negative, limits not below starts, own not above the limit.
 * Who arbitrates often passes the same workspace each time; it changes nothing but the time.
 * Example: 10 for requests 2, 6, 6 of one class by max-min: 2, 4, 4, since the level 4 uses all.
 */
export function arbitrate(problem: Problem, workspace: Workspace = newWorkspace()): Arbitration {
  const demand = rollUp(problem, workspace)
  const { groups } = demand
  const division = newDivision(problem, demand, workspace)
  const outcomes: GroupOutcome[] = []
  // Pre-order: by the time a parent's group is divided, its own entitlement is known.
  for (let group = 0; group < groups.count; group++) {
    const parent = groups.parent[group]!
    const capacity = parent < 0 ? problem.capacity : division.entitlement[groups.positionOf[parent]!]!
    outcomes.push(divide(division, { group, from: groups.first[group]!, to: groups.first[group + 1]!, capacity }))
  }
  return { ...byRow(division), groups: outcomes }
}

/** The columns of the answer, from positions back to rows. */
function byRow({ demand, entitlement, bound, boundClass }: Division) {
  const { count, positionOf } = demand.groups
  if (count === 1) return { entitlement, bound, boundClass }
  return {
    entitlement: entitlement.map((_, row) => entitlement[positionOf[row]!]!),
    bound: bound.map((_, row) => bound[positionOf[row]!]!),
    boundClass: boundClass.map((_, row) => boundClass[positionOf[row]!]!),
  }
}

function newDivision(problem: Problem, demand: Demand, { rising }: Workspace): Division {
  const { count } = problem
  return {
    problem,
    demand,
    entitlement: new Float64Array(count),
    bound: new Uint8Array(count),
    boundClass: new Int16Array(count),
    rising,
  }
}

/** Divides the capacity of one group of siblings among them. */
function divide(division: Division, siblings: Siblings): GroupOutcome {
  const { classes } = division.problem
  const { groups, totals } = division.demand
  const { group, capacity } = siblings
  if (!fits(totals[group]!, capacity)) return shrinkStarts(division, siblings)
  let column = 0
  while (column <= classes && fits(totals[(column + 1) * groups.count + group]!, capacity)) column++
  grantColumn(division, siblings, column)
  if (column <= classes) return stopAt(division, siblings, column)
  nameBounds(division, siblings, column)
  const left = leftOf(division, siblings)
  const surplusStep = left > NOISE * capacity ? giveSurplus(division, siblings, left) : 0
  settleGiven(division, siblings, classes + 1)
  return { ...whole(division, siblings), surplusStep }
}

/** Class `column` does not fit into what is left above the classes before it. */
function stopAt(division: Division, siblings: Siblings, column: number): GroupOutcome {
  const { remainder } = division.problem
  const outcome = { ...whole(division, siblings), stoppedAt: column }
  const { groups, totals } = division.demand
  const left = Math.max(0, siblings.capacity - totals[column * groups.count + siblings.group]!)
  if (remainder === 'share') {
    return { ...outcome, ...shareClass(division, siblings, column + 1, left) }
  }
  nameBounds(division, siblings, column)
  // The last digits are no capacity that anybody could be given.
  if (remainder !== 'hold' && left > NOISE * siblings.capacity) {
    giveInOrder(division, siblings, remainder.default, left, column)
  }
  settleGiven(division, siblings, column)
  return outcome
}

/** Granting rounds too: a total above the capacity by its last digit would promise what does not exist. */
function settleGiven(division: Division, siblings: Siblings, column: number): void {
  if (leftOf(division, siblings) <= NOISE * siblings.capacity) settleResidue(division, siblings, column)
}

/** Capacity was lost: everyone keeps the same fraction of its start. Example: starts 2 and 6, capacity 4: 1 and 3. */
function shrinkStarts(division: Division, siblings: Siblings): GroupOutcome {
  const { demand, entitlement, bound } = division
  const fraction = siblings.capacity / demand.totals[siblings.group]!
  for (let i = siblings.from; i < siblings.to; i++) {
    entitlement[i] = demand.amounts[i]! * fraction
    bound[i] = BOUND.shrunk
  }
  settleResidue(division, siblings, 0)
  return { ...whole(division, siblings), stoppedAt: 0, shrunk: true }
}

const leftOf = ({ entitlement }: Division, { capacity, from, to }: Siblings): number =>
  residueOf(capacity, entitlement, from, to)

/** The outcome of a group in which nothing special happened. */
function whole({ demand }: Division, { group, capacity }: Siblings): GroupOutcome {
  const parent = demand.groups.parent[group]!
  return { parent, capacity, stoppedAt: -1, level: NaN, fraction: NaN, surplusStep: 0, shrunk: false }
}

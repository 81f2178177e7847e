/**
 * Demand flows up the tree: what each row starts with, and what it wants class by class, from the leaves to the top.
 * Deliberately knows nothing of capacity; that flows down afterwards.
 */
import { type Groups, groupSiblings } from './groups.ts'
import type { Problem } from './problem.ts'
import { sumOf } from './sum.ts'
import { growTo, newWorkspace, type Workspace } from './workspace.ts'

/**
 * Amounts column by column, so that a class is one stretch of memory. Column 0 is the start, column 1 is class 0 (what
 * owners get back), column k + 1 is class k. Along the columns the amounts of a position never fall.
 */
export interface Demand {
  readonly groups: Groups
  /** amounts[column * rows + position] */
  readonly amounts: Float64Array
  /** totals[column * groups.count + group]: what all members of a group want together. */
  readonly totals: Float64Array
  /** By position; as stated, or for a parent that states none the sum of its children's. */
  readonly weight: Float64Array
}

/** Starts, wants and weights of all rows. O(rows x classes). The answer lives in the workspace, until its next use. */
export function rollUp(problem: Problem, workspace: Workspace = newWorkspace()): Demand {
  const { count, classes } = problem
  growTo(workspace, count, (classes + 2) * count)
  const { amounts } = workspace
  const groups = groupSiblings(problem.parent, count, workspace)
  const owners = fillLeaves(problem, groups, amounts)
  const totals = new Float64Array((classes + 2) * groups.count)
  const weight = groups.count === 1 ? problem.weight : groups.rowAt.reduce(weightOf(problem), new Float64Array(count))
  // A parent comes before its children, so that no member of the last group is a parent.
  for (let group = groups.count - 1; group >= 0; group--) {
    sumGroup(problem, groups, group, amounts, totals, owners > 0)
    const parent = groups.parent[group]!
    if (parent < 0) continue
    const position = groups.positionOf[parent]!
    if (Number.isNaN(weight[position])) weight[position] = sumOf(weight, groups.first[group]!, groups.first[group + 1]!)
  }
  return { groups, amounts, totals, weight }
}

const weightOf = (problem: Problem) => (weight: Float64Array, row: number, position: number) => {
  weight[position] = problem.weight[row]!
  return weight
}

/**
 * All columns of every row, from start to last class: an explicit reservation counts also where it is lower than the
 * minimum; an owner gets back what it lent; a class raises to max(have, min(request, limit)), and who does not borrow
 * asks for no more than its own. Returns how many get anything back. Parents are overwritten later.
 * Example: have 2, limit 9, own 4 without borrowing, request 6: 4.
 */
function fillLeaves(problem: Problem, { rowAt }: Groups, amounts: Float64Array): number {
  const { count, classes, minimum, reservation, own, borrow, limit, requests } = problem
  const end = (classes + 2) * count
  let owners = 0
  for (let position = 0; position < count; position++) {
    const row = rowAt[position]!
    const reserved = reservation[row]!
    const owned = own[row]!
    let have = reserved >= 0 ? reserved : minimum
    let most = limit[row]!
    amounts[position] = have
    // False for those who own nothing (NaN).
    if (owned >= 0) {
      if (borrow[row] === 0) most = Math.min(most, owned)
      if (owned > have) {
        have = Math.max(have, returnedTo(problem, row))
        owners++
      }
    }
    amounts[count + position] = have
    for (let to = 2 * count + position, asked = row; to < end; to += count, asked += count) {
      const request = requests[asked]!
      if (request > have) have = Math.max(have, Math.min(request, most))
      amounts[to] = have
    }
  }
  return owners
}

/** What an owner gets back in class 0: min(highest request, own), or its own regardless where it does not lend. */
function returnedTo({ count, classes, requests, own, lend }: Problem, row: number): number {
  if (lend[row] === 0) return own[row]!
  let highest = 0
  for (let k = 1; k <= classes; k++) highest = Math.max(highest, requests[(k - 1) * count + row]!)
  return Math.min(highest, own[row]!)
}

/** The totals of one group, and with them the amounts of its parent. */
function sumGroup(
  { count, classes, limit, reservation }: Problem,
  groups: Groups,
  group: number,
  amounts: Float64Array,
  totals: Float64Array,
  isOwned: boolean,
): void {
  const from = groups.first[group]!
  const to = groups.first[group + 1]!
  const parent = groups.parent[group]!
  const reserved = parent >= 0 && reservation[parent]! >= 0 ? reservation[parent]! : 0
  let total = 0
  let before = 0
  for (let column = 0; column <= classes + 1; column++) {
    // Where nobody gets anything back, class 0 is the start again.
    if (column !== 1 || isOwned) total = sumOf(amounts, column * count + from, column * count + to)
    totals[column * groups.count + group] = total
    if (parent < 0) continue
    const wanted = Math.max(reserved, total)
    // The start is not clipped: a limit below it is an error that whoever made the problem has refused.
    before = column === 0 ? wanted : Math.max(before, Math.min(wanted, limit[parent]!))
    amounts[column * count + groups.positionOf[parent]!] = before
  }
}

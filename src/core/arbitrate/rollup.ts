/**
 * Demand flows up the tree: what each row starts with, and what it wants class by class, from the leaves to the top.
 * Deliberately knows nothing of capacity; that flows down afterwards.
 */
import { type Groups, groupSiblings } from './groups.ts'
import type { Problem } from './problem.ts'
import { sumOf } from './sum.ts'

/**
 * Amounts column by column, so that a class is one stretch of memory. Column 0 is the start, column 1 is class 0 (what
 * owners get back), column k + 1 is class k. Along a row they never fall.
 */
export interface Demand {
  readonly groups: Groups
  /** amounts[column * count + row] */
  readonly amounts: Float64Array
  /** totals[column * groups.count + group]: what all members of a group want together. */
  readonly totals: Float64Array
  /** As stated, or for a parent that states none the sum of its children's. */
  readonly weight: Float64Array
}

export function rollUp(problem: Problem): Demand {
  const { count, classes } = problem
  const groups = groupSiblings(problem.parent, count)
  const amounts = new Float64Array((classes + 2) * count)
  startLeaves(problem, amounts)
  giveOwnersBack(problem, amounts)
  for (let k = 1; k <= classes; k++) raiseLeaves(problem, amounts, k)
  const totals = new Float64Array((classes + 2) * groups.count)
  const weight = groups.count === 1 ? problem.weight : problem.weight.slice()
  // A parent's row is smaller than its children's, so that the last group has no parents among its members.
  for (let group = groups.count - 1; group >= 0; group--) {
    sumGroup(problem, groups, group, amounts, totals)
    const parent = groups.parent[group]!
    if (parent >= 0 && Number.isNaN(weight[parent])) {
      weight[parent] = sumOf(weight, 0, groups.members, groups.first[group]!, groups.first[group + 1]!)
    }
  }
  return { groups, amounts, totals, weight }
}

/** Column 0. An explicit reservation counts also where it is lower than the minimum. Parents are overwritten later. */
function startLeaves({ count, minimum, reservation }: Problem, amounts: Float64Array): void {
  for (let row = 0; row < count; row++) {
    const reserved = reservation[row]!
    amounts[row] = reserved >= 0 ? reserved : minimum
  }
}

/** Column 1: max(start, min(highest request, own)), or own regardless where it is not lent. */
function giveOwnersBack({ count, classes, requests, own, lend }: Problem, amounts: Float64Array): void {
  for (let row = 0; row < count; row++) {
    const start = amounts[row]!
    let returned = own[row]!
    if (returned >= 0 && lend[row] === 1) {
      let highest = 0
      for (let k = 1; k <= classes; k++) highest = Math.max(highest, requests[(k - 1) * count + row]!)
      returned = Math.min(highest, returned)
    }
    amounts[count + row] = returned > start ? returned : start
  }
}

/**
 * Column k + 1: max(have, min(request, limit)); who does not borrow asks for no more than its own.
 * Example: have 2, limit 9, own 4 without borrowing, request 6: 4.
 */
function raiseLeaves({ count, requests, own, borrow, limit }: Problem, amounts: Float64Array, k: number): void {
  const asked = (k - 1) * count
  const before = k * count
  const column = before + count
  for (let row = 0; row < count; row++) {
    let want = requests[asked + row]!
    const most = limit[row]!
    if (want > most) want = most
    // Without own (NaN) the comparison is false, and borrowing is not restricted.
    if (borrow[row] === 0 && want > own[row]!) want = own[row]!
    const have = amounts[before + row]!
    amounts[column + row] = want > have ? want : have
  }
}

/** The totals of one group, and with them the amounts of its parent. */
function sumGroup(problem: Problem, groups: Groups, group: number, amounts: Float64Array, totals: Float64Array): void {
  const { count, classes, limit, reservation } = problem
  const from = groups.first[group]!
  const to = groups.first[group + 1]!
  const parent = groups.parent[group]!
  const reserved = parent >= 0 && reservation[parent]! >= 0 ? reservation[parent]! : 0
  for (let column = 0; column <= classes + 1; column++) {
    const total = sumOf(amounts, column * count, groups.members, from, to)
    totals[column * groups.count + group] = total
    if (parent < 0) continue
    const wanted = Math.max(reserved, total)
    // The start is not clipped: a limit below it is an error that whoever made the problem has refused.
    const before = column === 0 ? wanted : Math.min(wanted, limit[parent]!)
    amounts[column * count + parent] = column === 0 ? before : Math.max(before, amounts[(column - 1) * count + parent]!)
  }
}

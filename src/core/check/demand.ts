/**
 * What each row begins with and wants in each class, rolled up the tree: the right-hand sides against which the checker
 * holds entitlements. Written anew from the rules rather than borrowed from the arbiter, whose mistakes it must not
 * share.
 */
import type { Problem } from '#core/arbitrate/problem.ts'

export interface RolledUp {
  /** Column-major: wants[c * count + i]; column 0 is the start, column k + 1 class k. Never falls from column to column. */
  readonly wants: Float64Array
  /** The same before the row's limit clips it: what tells a row that its limit stops from one that asks for no more. */
  readonly asked: Float64Array
  /** A parent's own, or the sum of its children's. */
  readonly weight: Float64Array
  /** First child by row + 1 (slot 0 is the top), -1 where there is none. */
  readonly firstChild: Int32Array
  /** The next sibling in input order, -1 after the last. */
  readonly nextSibling: Int32Array
}

/**
 * O(rows x classes).
 * Example: leaves that want 2 and 5 under a parent with limit 6: the parent wants 6, and asked for 7.
 */
export function rollUpDemand(problem: Problem): RolledUp {
  const { count, classes } = problem
  const size = count * (classes + 2)
  const firstChild = new Int32Array(count + 1).fill(-1)
  const nextSibling = new Int32Array(count)
  const rolled = {
    wants: new Float64Array(size),
    asked: new Float64Array(size),
    weight: Float64Array.from(problem.weight),
    firstChild,
    nextSibling,
  }
  // Backwards, so that children are complete before their parent, and the first child ends up first.
  for (let row = count - 1; row >= 0; row--) {
    if (firstChild[row + 1] === -1) fillLeaf(problem, rolled, row)
    else fillParent(problem, rolled, row)
    const slot = problem.parent[row]! + 1
    nextSibling[row] = firstChild[slot]!
    firstChild[slot] = row
  }
  return rolled
}

function fillLeaf(problem: Problem, { wants, asked }: RolledUp, row: number): void {
  const { count, classes, requests, limit } = problem
  const reservation = problem.reservation[row]!
  const own = problem.own[row]!
  const isOwner = !Number.isNaN(own)
  const mostAsked = isOwner && problem.borrow[row] === 0 ? own : Infinity
  let highest = 0
  for (let k = 1; k <= classes; k++) highest = Math.max(highest, requests[(k - 1) * count + row]!)
  let want = Number.isNaN(reservation) ? problem.minimum : reservation
  wants[row] = want
  asked[row] = want
  const owned = isOwner ? (problem.lend[row] === 1 ? Math.min(highest, own) : own) : 0
  want = Math.max(want, owned)
  wants[count + row] = want
  asked[count + row] = owned
  for (let k = 1; k <= classes; k++) {
    const request = Math.min(requests[(k - 1) * count + row]!, mostAsked)
    want = Math.max(want, Math.min(request, limit[row]!))
    const at = (k + 1) * count + row
    wants[at] = want
    asked[at] = request
  }
}

function fillParent(problem: Problem, { wants, asked, weight, firstChild, nextSibling }: RolledUp, row: number): void {
  const { count, classes } = problem
  const reservation = problem.reservation[row]!
  const floor = Number.isNaN(reservation) ? 0 : reservation
  for (let column = 0; column < classes + 2; column++) {
    const base = column * count
    let sum = 0
    for (let child = firstChild[row + 1]!; child !== -1; child = nextSibling[child]!) sum += wants[base + child]!
    asked[base + row] = sum
    const unclipped = Math.max(floor, sum)
    // The start stands also above a limit, which only a problem that no policy may state would have.
    wants[base + row] = column === 0 ? unclipped : Math.min(problem.limit[row]!, unclipped)
  }
  const stated = problem.weight[row]!
  if (!Number.isNaN(stated)) return
  let sum = 0
  for (let child = firstChild[row + 1]!; child !== -1; child = nextSibling[child]!) sum += weight[child]!
  weight[row] = sum
}

/** What becomes of capacity that the classes left over. */
import { BOUND, type Division, type Siblings } from './division.ts'
import { waterLevel } from './level.ts'
import { NOISE } from './sum.ts'

/** Hands out `left` by the surplus rule of the problem; returns the increment per unit of weight or per domain. */
export function giveSurplus(division: Division, siblings: Siblings, left: number): number {
  const { surplus, classes } = division.problem
  if (surplus === 'hold') return 0
  if (typeof surplus === 'object') {
    giveInOrder(division, siblings, surplus.default, left, classes)
    return 0
  }
  return raiseTogether(division, siblings, surplus === 'spread', left)
}

/** The named siblings take what they can, each up to its limit, one after the other; names elsewhere mean nothing here. */
export function giveInOrder(
  division: Division,
  { from, to }: Siblings,
  names: readonly string[],
  amount: number,
  priority: number,
): void {
  const { problem, demand, entitlement, bound, boundClass } = division
  let left = amount
  for (const name of names) {
    const row = problem.ids.indexOf(name)
    const at = demand.groups.members.indexOf(row, from)
    if (row < 0 || at < 0 || at >= to) continue
    const given = Math.min(left, problem.limit[row]! - entitlement[row]!)
    if (!(given > 0)) continue
    entitlement[row]! += given
    bound[row] = BOUND.surplus
    boundClass[row] = priority
    left -= given
  }
}

/**
 * Raises all siblings by `step` per unit of weight, or by `step` each, up to their limits; returns the step. Where all
 * reach their limits it is the step at which the last one does.
 * Example: 6 left, weights 1 and 2, limits 9 above and 3 above: the second stops at 3, so the first gets 3, step 3.
 */
function raiseTogether(division: Division, { from, to }: Siblings, weighted: boolean, left: number): number {
  const { problem, demand, entitlement, bound, boundClass, rising } = division
  const { members } = demand.groups
  let count = 0
  let largest = 0
  let rooms = 0
  for (let j = from; j < to; j++) {
    const row = members[j]!
    // Nobody can take more than there is, which also keeps an absent limit finite.
    const room = Math.min(problem.limit[row]! - entitlement[row]!, left)
    if (!(room > 0)) continue
    const weight = weighted ? demand.weight[row]! : 1
    rising.floor[count] = 0
    rising.ceiling[count] = room
    rooms += room
    rising.weight[count] = weight
    largest = Math.max(largest, room / weight)
    count++
  }
  if (count === 0) return 0
  const step = rooms - left > NOISE * left ? waterLevel(rising, count, left) : largest
  for (let j = from; j < to; j++) {
    const row = members[j]!
    const room = Math.min(problem.limit[row]! - entitlement[row]!, left)
    if (!(room > 0)) continue
    entitlement[row]! += Math.min(room, step * (weighted ? demand.weight[row]! : 1))
    bound[row] = BOUND.surplus
    boundClass[row] = problem.classes
  }
  return step
}

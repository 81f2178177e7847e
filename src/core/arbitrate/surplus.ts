/** What becomes of capacity that the classes left over. */
import { BOUND, type Division, type Siblings } from './division.ts'
import { waterLevel } from './level.ts'
import { fits, NOISE } from './sum.ts'

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
    const position = row < 0 ? -1 : demand.groups.positionOf[row]!
    if (position < from || position >= to) continue
    const given = Math.min(left, roomUnder(problem.limit[row]!, entitlement[position]!))
    if (given === 0) continue
    entitlement[position]! += given
    bound[position] = BOUND.surplus
    boundClass[position] = priority
    left -= given
  }
}

/** What fits under a limit; its last digits are no room. */
const roomUnder = (limit: number, amount: number): number => (fits(limit, amount) ? 0 : limit - amount)

/**
 * Raises all siblings by `step` per unit of weight, or by `step` each, up to their limits; returns the step. Where all
 * reach their limits it is the step at which the last one does.
 * Example: 6 left, weights 1 and 2, limits 9 above and 3 above: the second stops at 3, so the first gets 3, step 3.
 */
function raiseTogether(division: Division, { from, to }: Siblings, weighted: boolean, left: number): number {
  const { problem, demand, entitlement, bound, boundClass } = division
  const { rowAt } = demand.groups
  const count = to - from
  const rooms = new Float64Array(count)
  const weight = new Float64Array(count)
  let room = 0
  let largest = 0
  for (let j = 0; j < count; j++) {
    // Nobody can take more than there is, which also keeps an absent limit finite.
    rooms[j] = Math.min(left, roomUnder(problem.limit[rowAt[from + j]!]!, entitlement[from + j]!))
    weight[j] = weighted ? demand.weight[from + j]! : 1
    room += rooms[j]!
    largest = Math.max(largest, rooms[j]! / weight[j]!)
  }
  const none = new Float64Array(count)
  const risers = { floor: none, floorAt: 0, ceiling: rooms, ceilingAt: 0, weight, weightAt: 0, count }
  const step = room - left > NOISE * left ? waterLevel(risers, left, division.rising) : largest
  for (let j = 0; j < count; j++) {
    if (rooms[j] === 0) continue
    entitlement[from + j]! += Math.min(rooms[j]!, step * weight[j]!)
    bound[from + j] = BOUND.surplus
    boundClass[from + j] = problem.classes
  }
  return step
}

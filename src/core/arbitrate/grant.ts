/** Granting a class whole, and naming the bound that each row thereby meets. */
import { BOUND, type Division, type Siblings } from './division.ts'

/**
 * Gives every sibling its amount in a column of the demand (0 the start, k + 1 class k), which is known to fit. Bounds
 * are named afterwards, once it is known whether anything comes on top.
 */
export function grantColumn({ problem, demand, entitlement }: Division, { from, to }: Siblings, column: number): void {
  const offset = column * problem.count
  // Copying by hand: a view of the column costs more than most groups are long.
  for (let i = from; i < to; i++) entitlement[i] = demand.amounts[offset + i]!
}

/** Names the bounds of siblings that all have their amounts of `column`. */
export function nameBounds(division: Division, { from, to }: Siblings, column: number): void {
  for (let i = from; i < to; i++) nameBound(division, i, column)
}

/**
 * Writes the bound of a position that has its whole amount in `column`: that of the last class that raised it.
 * Example: start 1, then 1, 4, 4 in classes 0 to 2: `request` in class 1.
 */
export function nameBound({ problem, demand, bound, boundClass }: Division, position: number, column: number): void {
  const { amounts, groups, totals } = demand
  const { count, limit, requests } = problem
  let raised = column
  const amount = amounts[column * count + position]!
  while (raised > 0 && amounts[(raised - 1) * count + position]! === amount) raised--
  if (raised === 0) {
    bound[position] = BOUND.start
    boundClass[position] = 0
    return
  }
  boundClass[position] = raised - 1
  const row = groups.rowAt[position]!
  const inside = groups.insideAt[position]!
  // Who asked for exactly its limit was stopped by its request. A parent asks for what its children want.
  const isOwner = raised === 1
  let asked = amount
  if (inside >= 0) asked = totals[raised * groups.count + inside]!
  else if (!isOwner) asked = requests[(raised - 2) * count + row]!
  if (asked > amount && asked > limit[row]!) bound[position] = BOUND.limit
  else bound[position] = isOwner ? BOUND.own : BOUND.request
}

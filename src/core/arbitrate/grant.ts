/** Granting a class whole, and naming the bound that each row thereby meets. */
import { BOUND, type Division, type Siblings } from './division.ts'
import { fits } from './sum.ts'

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
export function nameBound(division: Division, position: number, column: number): void {
  const { amounts } = division.demand
  const { count } = division.problem
  const amount = amounts[column * count + position]!
  let raised = column
  // Totals of parents differ in their last digits from class to class; that is no raise.
  while (raised > 0 && fits(amount, amounts[(raised - 1) * count + position]!)) raised--
  if (raised === 0) {
    division.bound[position] = BOUND.start
    division.boundClass[position] = 0
  } else {
    division.bound[position] = raisedBound(division, position, raised)
    division.boundClass[position] = raised - 1
  }
}

/** The bound of a position that `column` raised to its whole amount there. */
export function raisedBound(division: Division, position: number, column: number): number {
  const { problem, demand } = division
  const amount = demand.amounts[column * problem.count + position]!
  const isFree = amount < problem.limit[demand.groups.rowAt[position]!]!
  if (isFree || isAllAsked(division, position, column, amount)) return column === 1 ? BOUND.own : BOUND.request
  return BOUND.limit
}

/**
 * Whether an amount is all that a position would have wanted in `column` without a limit: a parent what its children
 * want, up to the last digits of their sum; a leaf what it asks for. Who may not borrow was raised to all that it may
 * ask for in class 0. Who asked for exactly its limit was stopped by its request.
 */
function isAllAsked({ problem, demand }: Division, position: number, column: number, amount: number): boolean {
  const { groups, totals } = demand
  const inside = groups.insideAt[position]!
  if (inside >= 0) return fits(totals[column * groups.count + inside]!, amount)
  return column === 1 || amount >= problem.requests[(column - 2) * problem.count + groups.rowAt[position]!]!
}

/** Granting a class whole, and naming the bound that each row thereby meets. */
import { BOUND, type Division, type Siblings } from './division.ts'

/** Gives every sibling its amount in a column of the demand (0 the start, k + 1 class k), which is known to fit. */
export function grantColumn(division: Division, { from, to }: Siblings, column: number): void {
  const { problem, demand, entitlement } = division
  const { members } = demand.groups
  for (let j = from; j < to; j++) {
    const row = members[j]!
    entitlement[row] = demand.amounts[column * problem.count + row]!
    nameBound(division, row, column)
  }
}

/**
 * Writes the bound of a row that has its whole amount in `column`: that of the last class that raised it.
 * Example: start 1, then 1, 4, 4 in classes 0 to 2: `request` in class 1.
 */
export function nameBound({ problem, demand, bound, boundClass }: Division, row: number, column: number): void {
  const { count } = problem
  const amount = demand.amounts[column * count + row]!
  let raised = column
  while (raised > 0 && demand.amounts[(raised - 1) * count + row]! === amount) raised--
  boundClass[row] = Math.max(0, raised - 1)
  bound[row] = raised === 0 ? BOUND.start : raisedTo(problem, demand, row, raised)
}

/** The bound of a row that class `column - 1` raised. Who asked for exactly its limit was stopped by its request. */
function raisedTo(
  { count, limit, requests }: Division['problem'],
  { groups, totals }: Division['demand'],
  row: number,
  column: number,
): number {
  const inside = groups.inside[row]!
  if (inside >= 0 && totals[column * groups.count + inside]! > limit[row]!) return BOUND.limit
  if (column === 1) return BOUND.own
  if (inside < 0 && requests[(column - 2) * count + row]! > limit[row]!) return BOUND.limit
  return BOUND.request
}

/**
 * Checks the claim "this change alone would have met it, one grain less would not" by making the change and solving
 * again, with the slow reference solver: it runs for the few goals that were missed and explained, not for every row.
 */
import type { Problem, SmallestChange } from '#core/arbitrate/problem.ts'
import type { Violation } from '#core/model/decision.ts'
import { solveReference } from './reference.ts'

/** Weights are stated in hundredths: the kernel's are whole numbers around 100 for what is 1 here. */
const WEIGHT_GRAIN = 0.01
/** Parts of a grain within which an amount is neither clearly met nor clearly missed. */
const NEARLY = 1e-6

/** Whose request of which class was missed. */
export interface Missed {
  readonly row: number
  readonly priority: number
}

/**
 * Empty where the claim is true. `grain` is that of the resource.
 * Example: 10 for two requests of 6: capacity 12 is the smallest that gives the first its 6; 11 gives 5.5, and a claim
 * of 13 breaks `smallest`, since 12 already meets it.
 */
export function checkSmallestChange(
  problem: Problem,
  grain: number,
  missed: Missed,
  change: SmallestChange,
): Violation[] {
  const need = needOf(problem, missed)
  const less = (): number => towards(change, grain)
  const found: Violation[] = []
  const add = (rule: string, message: string) => {
    found.push({ rule, subject: problem.ids[missed.row] ?? `row ${missed.row}`, message })
  }
  const stated = statedNow(problem, missed, change)
  if (stated === null || !(Math.abs(stated - change.from) <= NEARLY * grain)) {
    add('from', `claims a ${change.change} of ${change.from} to begin with; it is ${stated}`)
    return found
  }
  if (!isWorthwhile(change)) {
    add('direction', `a ${change.change} going from ${change.from} to ${change.to} never helps`)
    return found
  }
  const after = entitlementWith(problem, missed, change, change.to)
  if (!(after >= need - NEARLY * grain)) {
    add('met', `with a ${change.change} of ${change.to} it gets ${after}, still under ${need}`)
  }
  const almost = entitlementWith(problem, missed, change, less())
  if (almost >= need) add('smallest', `a ${change.change} of ${less()} would do, ${change.to} is more than it takes`)
  return found
}

/** What it asks for up to the class, its limit and borrowing left aside: a limit may be just what stands in the way. */
function needOf(problem: Problem, { row, priority }: Missed): number {
  const reservation = problem.reservation[row]!
  let need = 0
  const children = problem.ids.map((_, child) => child).filter((child) => problem.parent[child] === row)
  for (const child of children) need += needOf(problem, { row: child, priority })
  if (children.length === 0) need = Math.max(0, ...requestsOf(problem, row).slice(0, priority))
  return Number.isNaN(reservation) ? need : Math.max(need, reservation)
}

function requestsOf({ classes, count, requests }: Problem, row: number): number[] {
  return Array.from({ length: classes }, (_, k) => requests[k * count + row]!)
}

/** What the problem says of that which the claim would change; null where there is no such thing. */
function statedNow(problem: Problem, { row, priority }: Missed, change: SmallestChange): number | null {
  switch (change.change) {
    case 'capacity':
      return problem.capacity
    case 'limit':
      return problem.limit[row]!
    case 'weight':
      return weightOf(problem, row)
    case 'priority':
      return priority
    case 'request': {
      const other = problem.ids.indexOf(change.of)
      return other === -1 || other === row ? null : Math.max(0, ...requestsOf(problem, other))
    }
  }
}

function weightOf(problem: Problem, row: number): number {
  if (!Number.isNaN(problem.weight[row]!)) return problem.weight[row]!
  const children = problem.ids.map((_, child) => child).filter((child) => problem.parent[child] === row)
  return children.reduce((sum, child) => sum + weightOf(problem, child), 0)
}

/** More capacity, limit or weight; an earlier class (from 1); less for the other. */
function isWorthwhile({ change, from, to }: SmallestChange): boolean {
  if (change === 'priority') return Number.isInteger(to) && to >= 1 && to < from
  if (change === 'request') return to >= 0 && to < from
  return to > from
}

/** One grain back from `to` towards `from`, and not beyond it. */
function towards({ change, from, to }: SmallestChange, grain: number): number {
  if (change === 'priority') return to + 1
  if (change === 'request') return Math.min(from, to + grain)
  return Math.max(from, to - (change === 'weight' ? WEIGHT_GRAIN : grain))
}

function entitlementWith(problem: Problem, missed: Missed, change: SmallestChange, to: number): number {
  return solveReference(changed(problem, missed, change, to)).entitlement[missed.row]!
}

function changed(problem: Problem, missed: Missed, change: SmallestChange, to: number): Problem {
  const { row, priority } = missed
  switch (change.change) {
    case 'capacity':
      return { ...problem, capacity: to }
    case 'limit':
      return { ...problem, limit: problem.limit.with(row, to) }
    case 'weight':
      return { ...problem, weight: problem.weight.with(row, to) }
    case 'priority': {
      // The goal itself moves: what it asks for in its class it now asks for from the earlier class on.
      const need = needOf(problem, missed)
      return withRequests(problem, row, (request, k) => (to < priority && k >= to ? Math.max(request, need) : request))
    }
    case 'request':
      return withRequests(problem, problem.ids.indexOf(change.of), (request) => Math.min(request, to))
  }
}

function withRequests(problem: Problem, row: number, change: (request: number, k: number) => number): Problem {
  const requests = problem.requests.slice()
  for (let k = 1; k <= problem.classes; k++) {
    const at = (k - 1) * problem.count + row
    requests[at] = change(requests[at]!, k)
  }
  return { ...problem, requests }
}

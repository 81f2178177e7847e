/**
 * The rules of arbitration once more, step by step and slowly, on plain objects: what a person would do with paper.
 * It shares no code with the arbiter, so that the two can be held against each other: tests use it as an oracle, and
 * the checker of smallest changes uses it to see whether a claimed change really would have helped. It deliberately
 * lacks certificates, speed and typed arrays: O(n^2) per group and class is fine for what it is asked.
 */
import type { Problem } from '#core/arbitrate/problem.ts'
import { levelFor } from './reference-level.ts'

/** One domain of the tree, with all that the rules say about it; amounts in the resource's unit. */
export interface ReferenceDomain {
  readonly row: number
  readonly id: string
  readonly children: readonly ReferenceDomain[]
  readonly weight: number
  readonly limit: number
  /** What it begins with: reservation or minimum; of a parent, at least the sum of its children's. */
  readonly start: number
  /** wants[k] is what it wants in class k, class 0 first; never falling. */
  readonly wants: readonly number[]
}

export interface ReferenceResult {
  /** Exact entitlements in the order of the problem's rows. */
  readonly entitlement: readonly number[]
  /** The class at which the top level stopped, -1 where all classes fit. */
  readonly stoppedAt: number
  /** False where the capacity did not cover the starting amounts of the top level. */
  readonly startsCovered: boolean
}

/**
 * Sums of doubles differ in the last digits with the order of addition; this part of what a group of siblings divides
 * counts as nothing. Of the whole capacity it would be too much: a small parent's children would have more than it has.
 */
const LAST_DIGITS = 1e-12

export function solveReference(problem: Problem): ReferenceResult {
  const entitlement = new Array<number>(problem.count).fill(0)
  const top = domainsUnder(problem, -1)
  const outcome = divide(problem, top, problem.capacity, entitlement)
  return { entitlement, ...outcome }
}

/** Reads the columns into a tree, rolling starts, wants and weights up from the leaves. */
export function domainsUnder(problem: Problem, parent: number): ReferenceDomain[] {
  const domains: ReferenceDomain[] = []
  for (let row = 0; row < problem.count; row++) {
    if (problem.parent[row] === parent) domains.push(domainOf(problem, row))
  }
  return domains
}

function domainOf(problem: Problem, row: number): ReferenceDomain {
  const children = domainsUnder(problem, row)
  const limit = problem.limit[row]!
  const statedWeight = problem.weight[row]!
  const reservation = problem.reservation[row]!
  const weight = Number.isNaN(statedWeight) ? total(children.map((child) => child.weight)) : statedWeight
  const common = { row, id: problem.ids[row]!, children, weight, limit }
  if (children.length === 0) {
    const start = Number.isNaN(reservation) ? problem.minimum : reservation
    return { ...common, start, wants: wantsOfLeaf(problem, row, start) }
  }
  const floor = Number.isNaN(reservation) ? 0 : reservation
  const start = Math.max(floor, total(children.map((child) => child.start)))
  const wants: number[] = []
  for (let k = 0; k <= problem.classes; k++) {
    const ofChildren = total(children.map((child) => child.wants[k]!))
    wants.push(Math.min(limit, Math.max(floor, ofChildren)))
  }
  return { ...common, start, wants }
}

/**
 * What a leaf wants in class 0 and in each class after it. A row that falls does not lower an earlier want.
 * Example: start 1, own 2, requests 1, 5, 3, limit 4: wants 2, 2, 4, 4.
 */
function wantsOfLeaf(problem: Problem, row: number, start: number): number[] {
  const own = problem.own[row]!
  const owner = !Number.isNaN(own)
  const ceiling = owner && problem.borrow[row] === 0 ? own : Infinity
  const requests: number[] = []
  for (let k = 1; k <= problem.classes; k++) {
    requests.push(Math.min(ceiling, problem.requests[(k - 1) * problem.count + row]!))
  }
  const mayLend = problem.lend[row] === 1
  const ownUsed = owner ? (mayLend ? Math.min(Math.max(0, ...requests), own) : own) : 0
  const wants = [Math.max(start, ownUsed)]
  for (const request of requests) {
    const before = wants.at(-1)!
    wants.push(Math.max(before, Math.min(request, problem.limit[row]!)))
  }
  return wants
}

/** Divides `capacity` among siblings, then what each parent got among its children. Writes entitlements. */
function divide(problem: Problem, siblings: readonly ReferenceDomain[], capacity: number, entitlement: number[]) {
  const slack = LAST_DIGITS * capacity
  let have = siblings.map((domain) => domain.start)
  let stoppedAt = -1
  const startsCovered = total(have) <= capacity + slack
  if (!startsCovered) {
    stoppedAt = 0
    const fraction = capacity / total(have)
    have = have.map((start) => start * fraction)
  }
  for (let k = 0; k <= problem.classes && stoppedAt === -1; k++) {
    const want = siblings.map((domain) => domain.wants[k]!)
    if (total(want) <= capacity + slack) {
      have = want
    } else {
      have = shareClass(problem, siblings, have, want, capacity)
      stoppedAt = k
    }
  }
  if (stoppedAt === -1) have = giveSurplus(problem, siblings, have, capacity)
  for (const [i, domain] of siblings.entries()) {
    entitlement[domain.row] = have[i]!
    if (domain.children.length > 0) divide(problem, domain.children, have[i]!, entitlement)
  }
  return { stoppedAt, startsCovered }
}

/** A class that does not fit: by the fairness rule, unless the policy holds the remainder or names who gets it. */
function shareClass(
  problem: Problem,
  siblings: readonly ReferenceDomain[],
  have: readonly number[],
  want: readonly number[],
  capacity: number,
): number[] {
  if (problem.remainder === 'hold') return [...have]
  if (problem.remainder !== 'share') return giveInOrder(siblings, have, capacity, problem.remainder.default)
  if (problem.fairness === 'max-min') return shareByLevel(siblings, have, want, capacity)
  if (problem.fairness === 'proportional') {
    const fraction = (capacity - total(have)) / (total(want) - total(have))
    return have.map((amount, i) => amount + fraction * (want[i]! - amount))
  }
  return satisfyMost(siblings, have, want, capacity)
}

function shareByLevel(
  siblings: readonly ReferenceDomain[],
  have: readonly number[],
  want: readonly number[],
  capacity: number,
): number[] {
  const weight = siblings.map((domain) => domain.weight)
  const level = levelFor(have, want, weight, capacity)
  return have.map((amount, i) => Math.max(amount, Math.min(want[i]!, weight[i]! * level)))
}

/** Whole wants, smallest gap first, until one does not fit; then a level among those not served. */
function satisfyMost(
  siblings: readonly ReferenceDomain[],
  have: readonly number[],
  want: readonly number[],
  capacity: number,
): number[] {
  const result = [...have]
  const slack = LAST_DIGITS * capacity
  const gap = want.map((amount, i) => amount - have[i]!)
  const order = smallestFirst(gap, slack)
  let left = capacity - total(have)
  let next = 0
  for (; next < order.length; next++) {
    const i = order[next]!
    if (gap[i]! > left + slack) break
    result[i] = want[i]!
    left -= gap[i]!
  }
  const waiting = order.slice(next).sort((a, b) => a - b)
  const pick = <T>(values: readonly T[]) => waiting.map((i) => values[i]!)
  const room = Math.max(0, left) + total(pick(have))
  const shared = shareByLevel(pick(siblings), pick(have), pick(want), room)
  for (const [at, i] of waiting.entries()) result[i] = shared[at]!
  return result
}

/** Indices by amount, those of amounts that differ by last digits only in their own order. */
function smallestFirst(amounts: readonly number[], slack: number): number[] {
  const sorted = amounts.map((_, i) => i).sort((a, b) => amounts[a]! - amounts[b]!)
  const rank = new Array<number>(amounts.length).fill(0)
  for (const [at, i] of sorted.entries()) {
    const before = sorted[at - 1]
    if (before !== undefined) rank[i] = rank[before]! + (amounts[i]! - amounts[before]! > slack ? 1 : 0)
  }
  return sorted.sort((a, b) => rank[a]! - rank[b]! || a - b)
}

/** What all classes left over. */
function giveSurplus(
  problem: Problem,
  siblings: readonly ReferenceDomain[],
  have: readonly number[],
  capacity: number,
): number[] {
  if (problem.surplus === 'hold') return [...have]
  if (typeof problem.surplus === 'object') return giveInOrder(siblings, have, capacity, problem.surplus.default)
  const pace = siblings.map((domain) => (problem.surplus === 'equal' ? 1 : domain.weight))
  return raiseTogether(siblings, have, pace, capacity)
}

/** Each named sibling in turn takes what it can up to its limit; what nobody takes stays. */
function giveInOrder(
  siblings: readonly ReferenceDomain[],
  have: readonly number[],
  capacity: number,
  names: readonly string[],
): number[] {
  const result = [...have]
  let left = Math.max(0, capacity - total(have))
  for (const name of names) {
    const i = siblings.findIndex((domain) => domain.id === name)
    if (i === -1) continue
    const given = Math.min(left, Math.max(0, siblings[i]!.limit - result[i]!))
    result[i]! += given
    left -= given
  }
  return result
}

/** Raises everyone at its own pace, round by round: each round ends when somebody reaches its limit. */
function raiseTogether(
  siblings: readonly ReferenceDomain[],
  have: readonly number[],
  pace: readonly number[],
  capacity: number,
): number[] {
  const result = [...have]
  let rising = siblings.map((_, i) => i).filter((i) => result[i]! < siblings[i]!.limit)
  let left = capacity - total(have)
  while (rising.length > 0 && left > 0) {
    const together = total(rising.map((i) => pace[i]!))
    const nearest = Math.min(...rising.map((i) => (siblings[i]!.limit - result[i]!) / pace[i]!))
    const step = Math.min(nearest, left / together)
    for (const i of rising) {
      const room = siblings[i]!.limit - result[i]!
      result[i] = room <= pace[i]! * step ? siblings[i]!.limit : result[i]! + pace[i]! * step
    }
    left -= step * together
    rising = step === nearest ? rising.filter((i) => result[i]! < siblings[i]!.limit) : []
  }
  return result
}

function total(amounts: readonly number[]): number {
  return amounts.reduce((sum, amount) => sum + amount, 0)
}

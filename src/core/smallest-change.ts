/**
 * What would have met a missed want: for each thing that could be otherwise, the smallest change of it, made alone, found
 * by arbitrating again. Deliberately knows nothing of how arbitration works, so that it holds for every rule.
 *
 * Costs at most eight searches (capacity, limit, weight, priority, four others' requests) of 1 + log2(range in grains)
 * arbitrations each: for ranges of a million grains some 160 in all, however many domains there are.
 */
import { arbitrate } from './arbitrate/arbitrate.ts'
import type { Arbitration, Problem, SmallestChange } from './arbitrate/problem.ts'
import { rollUp } from './arbitrate/rollup.ts'
import { newWorkspace, type Workspace } from './arbitrate/workspace.ts'

/** A hundredth: the kernel's weights are whole numbers around 100 for what is 1 here. */
const WEIGHT_GRAIN = 0.01
/** The kernel's heaviest weight is 10000, which is 100 here. */
const WEIGHT_MAX = 100
/** Others whose requests are tried, those with most to give first. */
const OTHERS = 4
/** A want counts as met within this many grains. */
const NEARLY = 1e-9

/** The question: which row, what it needs in all, and how to ask again. */
interface Miss {
  readonly problem: Problem
  readonly row: number
  readonly priority: number
  readonly need: number
  readonly grain: number
  readonly most: number
  readonly workspace: Workspace
}

/**
 * The smallest changes in whole grains that would have given a row what it asks for in class `priority`: capacity, its
 * own limit, its own weight (in hundredths), its own priority, and one named other's request. Each is met as stated and
 * missed with one grain less; those that do not exist are left out. Empty where nothing is missed.
 * Example: 10 for two requests of 6: the first would have 6 with a capacity of 12, a weight of 1.5, or 4 of the other.
 * `most` is what the row can take, whatever its limit is.
 */
export function smallestChanges(
  problem: Problem,
  row: number,
  priority: number,
  grain: number,
  most = Number.POSITIVE_INFINITY,
): SmallestChange[] {
  const workspace = newWorkspace()
  const miss: Miss = { problem, row, priority, need: needOf(problem, row, priority), grain, most, workspace }
  const arbitration = arbitrate(problem, workspace)
  if (isMet(miss, arbitration)) return []
  const found = [
    moreCapacity(miss),
    higherLimit(miss),
    moreWeight(miss),
    earlierPriority(miss),
    smallerRequest(miss, arbitration),
  ]
  return found.filter((change) => change !== undefined)
}

const isMet = ({ row, need, grain }: Miss, { entitlement }: Arbitration): boolean =>
  entitlement[row]! >= need - NEARLY * grain

/** What a row needs up to a class, its limit and its refusal to borrow left aside; a parent needs its children's needs. */
function needOf(problem: Problem, row: number, priority: number): number {
  const { count, requests, parent, reservation } = problem
  let need = 0
  for (let child = row + 1; child < count; child++) {
    if (parent[child] === row) need += needOf(problem, child, priority)
  }
  // Only leaves ask; the columns of a parent mean nothing.
  for (let k = 1; k <= priority && !parent.includes(row); k++) need = Math.max(need, requests[(k - 1) * count + row]!)
  // NaN, where there is none, is not above anything.
  if (reservation[row]! > need) need = reservation[row]!
  return need
}

/**
 * The fewest steps in [1, most] with which the changed problem meets the need, or undefined where even the most do not.
 * By halving, which ends at a step that meets next to one that misses, also where more is not always better.
 */
function fewestSteps(miss: Miss, most: number, changed: (steps: number) => Problem): number | undefined {
  const meets = (steps: number): boolean => isMet(miss, arbitrate(changed(steps), miss.workspace))
  if (!(most >= 1) || !meets(most)) return undefined
  let missed = 0
  let met = most
  while (met - missed > 1) {
    const middle = Math.floor((missed + met) / 2)
    if (meets(middle)) met = middle
    else missed = middle
  }
  return met
}

/** Whole grains that cover an amount; sums of doubles may end a digit above a whole one. */
const grainsOver = (amount: number, grain: number): number => Math.ceil(amount / grain - NEARLY)

/** At most what all at the top want up to the class. */
function moreCapacity(miss: Miss): SmallestChange | undefined {
  const { problem, priority, grain } = miss
  const { totals, groups } = rollUp(problem, miss.workspace)
  const most = grainsOver(totals[(priority + 1) * groups.count]! - problem.capacity, grain)
  const to = (steps: number): number => problem.capacity + steps * grain
  const steps = fewestSteps(miss, most, (n) => ({ ...problem, capacity: to(n) }))
  return steps === undefined ? undefined : { change: 'capacity', from: problem.capacity, to: to(steps) }
}

/** At most up to its need; none where it could not take that. */
function higherLimit(miss: Miss): SmallestChange | undefined {
  const { problem, row, need, grain } = miss
  if (need > miss.most + NEARLY * grain) return undefined
  const from = problem.limit[row]!
  const to = (steps: number): number => from + steps * grain
  const most = grainsOver(need - from, grain)
  const steps = fewestSteps(miss, most, (n) => ({ ...problem, limit: problem.limit.with(row, to(n)) }))
  return steps === undefined ? undefined : { change: 'limit', from, to: to(steps) }
}

function moreWeight(miss: Miss): SmallestChange | undefined {
  const { problem, row } = miss
  const { weight, groups } = rollUp(problem, miss.workspace)
  const from = weight[groups.positionOf[row]!]!
  const to = (steps: number): number => from + steps * WEIGHT_GRAIN
  const most = Math.ceil((WEIGHT_MAX - from) / WEIGHT_GRAIN)
  const steps = fewestSteps(miss, most, (n) => ({ ...problem, weight: problem.weight.with(row, to(n)) }))
  return steps === undefined ? undefined : { change: 'weight', from, to: to(steps) }
}

/** All that the row asks for in the class, asked for in an earlier one already. */
function earlierPriority(miss: Miss): SmallestChange | undefined {
  const { problem, row, priority, need } = miss
  const { count } = problem
  const steps = fewestSteps(miss, priority - 1, (n) => {
    const requests = problem.requests.slice()
    for (let k = priority - n; k <= problem.classes; k++) {
      const at = (k - 1) * count + row
      requests[at] = Math.max(requests[at]!, need)
    }
    return { ...problem, requests }
  })
  return steps === undefined ? undefined : { change: 'priority', from: priority, to: priority - steps }
}

/** The one other whose request, made smaller in all classes, helps with the least change. */
function smallerRequest(miss: Miss, { entitlement }: Arbitration): SmallestChange | undefined {
  const { problem } = miss
  const isParent = new Set(problem.parent)
  const given = (row: number): number => entitlement[row]!
  const others = [...entitlement.keys()]
    .filter((other) => other !== miss.row && !isParent.has(other) && given(other) > 0)
    .sort((a, b) => given(b) - given(a))
    .slice(0, OTHERS)
  return others
    .map((other) => withSmaller(miss, other))
    .filter((change) => change !== undefined)
    .reduce<SmallerRequest | undefined>((best, next) => (best && cut(best) <= cut(next) ? best : next), undefined)
}

type SmallerRequest = Extract<SmallestChange, { change: 'request' }>
const cut = ({ from, to }: SmallerRequest): number => from - to

function withSmaller(miss: Miss, other: number): SmallerRequest | undefined {
  const { problem, grain } = miss
  const { count, classes } = problem
  let from = 0
  for (let k = 1; k <= classes; k++) from = Math.max(from, problem.requests[(k - 1) * count + other]!)
  const to = (steps: number): number => Math.max(0, from - steps * grain)
  const steps = fewestSteps(miss, grainsOver(from, grain), (n) => {
    const requests = problem.requests.slice()
    for (let k = 1; k <= classes; k++) {
      const at = (k - 1) * count + other
      requests[at] = Math.min(requests[at]!, to(n))
    }
    return { ...problem, requests }
  })
  return steps === undefined ? undefined : { change: 'request', of: problem.ids[other]!, from, to: to(steps) }
}

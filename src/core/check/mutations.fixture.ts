/** Correct arbitrations with one thing wrong: what a checker must never let pass. */
import { type Arbitration, BOUNDS, type GroupOutcome, type Problem } from '#core/arbitrate/problem.ts'
import { pick, type Random } from './problems.fixture.ts'

export interface Mutation {
  readonly kind: string
  /** Null where this problem offers nothing to change in that way, for instance no level. */
  readonly apply: (random: Random, problem: Problem, right: Arbitration) => Arbitration | null
}

/** Changes are at least a thousandth of the capacity: well above what doubles lose, well below what people notice. */
const LEAST = 1e-3

export const MUTATIONS: readonly Mutation[] = [
  { kind: 'a unit moved', apply: moveUnit },
  { kind: 'a unit made', apply: makeUnit },
  { kind: 'a bound renamed', apply: renameBound },
  { kind: 'another class of a bound', apply: shiftBoundClass },
  { kind: 'a level nudged', apply: (random, _, right) => nudge(random, right, 'level') },
  { kind: 'a fraction nudged', apply: (random, _, right) => nudge(random, right, 'fraction') },
  { kind: 'a step nudged', apply: (random, _, right) => nudge(random, right, 'surplusStep') },
  { kind: 'another class stopped', apply: shiftStop },
  {
    kind: 'shrunk flipped',
    apply: (random, _, right) => changeGroup(random, right, ({ shrunk }) => ({ shrunk: !shrunk })),
  },
  { kind: 'another capacity inside', apply: shiftCapacity },
]

function moveUnit(random: Random, problem: Problem, right: Arbitration): Arbitration | null {
  const from = Math.floor(random() * problem.count)
  const to = Math.floor(random() * problem.count)
  const unit = Math.min(right.entitlement[from]!, problem.capacity * (LEAST + random() / 10))
  if (from === to || unit < LEAST * problem.capacity) return null
  const entitlement = right.entitlement.slice()
  entitlement[from]! -= unit
  entitlement[to]! += unit
  return { ...right, entitlement }
}

function makeUnit(random: Random, problem: Problem, right: Arbitration): Arbitration {
  const entitlement = right.entitlement.slice()
  entitlement[Math.floor(random() * problem.count)]! += problem.capacity * (LEAST + random() / 10)
  return { ...right, entitlement }
}

function renameBound(random: Random, problem: Problem, right: Arbitration): Arbitration {
  const bound = right.bound.slice()
  const row = Math.floor(random() * problem.count)
  bound[row] = (bound[row]! + 1 + Math.floor(random() * (BOUNDS.length - 1))) % BOUNDS.length
  return { ...right, bound }
}

function shiftBoundClass(random: Random, problem: Problem, right: Arbitration): Arbitration {
  const boundClass = right.boundClass.slice()
  boundClass[Math.floor(random() * problem.count)]! += pick(random, [-2, -1, 1, 2])
  return { ...right, boundClass }
}

function nudge(random: Random, right: Arbitration, figure: 'level' | 'fraction' | 'surplusStep'): Arbitration | null {
  return changeGroup(random, right, (group) => {
    if (Number.isNaN(group[figure])) return null
    const by = 0.01 + random()
    return { [figure]: random() < 0.5 ? group[figure] + by : group[figure] / (1 + by) - by / 100 }
  })
}

function shiftStop(random: Random, problem: Problem, right: Arbitration): Arbitration | null {
  return changeGroup(random, right, ({ stoppedAt }) => {
    const other = Math.floor(random() * (problem.classes + 2)) - 1
    return other === stoppedAt ? null : { stoppedAt: other }
  })
}

function shiftCapacity(random: Random, problem: Problem, right: Arbitration): Arbitration | null {
  const by = problem.capacity * (LEAST + random() / 10) * pick(random, [-1, 1])
  return changeGroup(random, right, ({ capacity }) => ({ capacity: capacity + by }))
}

function changeGroup(
  random: Random,
  right: Arbitration,
  change: (group: GroupOutcome) => Partial<GroupOutcome> | null,
): Arbitration | null {
  const at = Math.floor(random() * right.groups.length)
  const changed = change(right.groups[at]!)
  return changed && { ...right, groups: right.groups.with(at, { ...right.groups[at]!, ...changed }) }
}

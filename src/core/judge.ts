import type { Allotted } from './allot.ts'
import type { SmallestChange } from './arbitrate/problem.ts'
import type { Need } from './estimate/estimate.ts'
import type { GoalDecision } from './model/decision.ts'
import type { DomainName, ResourceKey } from './model/ids.ts'
import type { Promising } from './promise.ts'
import { smallestChanges } from './smallest-change.ts'

/**
 * Finding what would have met a goal arbitrates more than a hundred times, so a turn does it for the most important few
 * of a small host only; `thorough` does it for all, for whoever asks about a turn later.
 */
const EXPLAINED_MOST = 3
const SMALL_HOST = 24

/**
 * How each goal stands: what was measured, which resource its domain was short of in its class, and, for the most
 * important goals that went short, the smallest single changes that would have met them.
 */
export function judge(
  needs: readonly Need[],
  allotted: readonly Allotted[],
  promises: readonly Promising[],
  thorough: boolean,
): GoalDecision[] {
  const rowsOf = allotted.map(({ frame }) => {
    const byName = new Map<DomainName, number>()
    frame.rows.forEach((row, index) => {
      byName.set(row.name, index)
    })
    return byName
  })
  const short = needs.map((need) => shortOf(need, allotted, rowsOf))
  const isSmall = allotted.every(({ frame }) => frame.rows.length <= SMALL_HOST)
  const most = thorough ? needs.length : isSmall ? EXPLAINED_MOST : 0
  const explained = new Set(
    [...needs.keys()]
      .filter((index) => short[index] != null && needs[index]?.status.kind === 'missed')
      .sort((one, other) => priorityOf(needs, one) - priorityOf(needs, other) || one - other)
      .slice(0, most),
  )
  return needs.map((need, index) => ({
    goal: need.goal.id,
    domain: need.domain,
    priority: need.goal.priority,
    status: need.status,
    need: need.need,
    cut: need.cut,
    because: need.because,
    forecasts: need.forecasts,
    promised: promises[index]?.promised ?? null,
    graded: promises[index]?.graded ?? null,
    record: promises[index]?.knowledge?.record ?? null,
    short: short[index]?.resource ?? null,
    wouldMeet: explained.has(index) ? wouldMeet(need, allotted, short[index] as Shortage) : [],
  }))
}

const priorityOf = (needs: readonly Need[], index: number): number => needs[index]?.goal.priority ?? 0

interface Shortage {
  readonly resource: ResourceKey
  readonly row: number
}

/** The first resource of which the domain was granted less than it asked for in the goal's class; null where none. */
function shortOf(
  need: Need,
  allotted: readonly Allotted[],
  rowsOf: readonly ReadonlyMap<DomainName, number>[],
): Shortage | null {
  if (need.status.kind === 'closed') return null
  for (const [index, { frame, settled }] of allotted.entries()) {
    if (need.need[frame.resource.key] === undefined) continue
    const row = rowsOf[index]?.get(need.domain) ?? -1
    const its = frame.rows[row]
    if (its === undefined) continue
    const asked = its.requests[need.goal.priority - 1] ?? 0
    if ((settled.ideal.entitlement[row] ?? 0) < asked - frame.resource.grain)
      return { resource: frame.resource.key, row }
  }
  return null
}

/** None for a domain that stands at what is in force: the arbiter is not asked for what its goal needs. */
function wouldMeet(need: Need, allotted: readonly Allotted[], { resource, row }: Shortage): readonly SmallestChange[] {
  const its = allotted.find(({ frame }) => frame.resource.key === resource)
  if (its?.frame.rows[row]?.standing !== 'managed') return []
  const { rows, resource: of } = its.frame
  return smallestChanges(its.settled.idealProblem, row, need.goal.priority, of.grain, rows[row]?.most)
}

import type { Arbitration, GroupOutcome, Problem } from './arbitrate/problem.ts'
import { type Demand, rollUp } from './arbitrate/rollup.ts'
import type { Need } from './estimate/estimate.ts'
import type { Frame } from './frame.ts'
import { type Narrowed, SAME } from './narrow.ts'
import { requestRows } from './rows.ts'

/**
 * Whom would this harm? Where a class does not fit, its fairness rule takes from domains whose goals are met to give to
 * others of the same class, and may leave all of them short. A donor whose goals, of that class or above, are projected
 * to be met by what it has and missed by what it is to get keeps what they need, the cheapest of them first and as many
 * as fit. Goals of classes below pay: they are told so, and not spared. Source: document E, the third of its three
 * steps; SEMANTICS "Settling".
 *
 * Worked: of 1500, two goals of priority 1 need 1000 each (and at least 900), one has that. By halves both would be
 * missed; as it is one goes on being met.
 */
export function impact(frame: Frame, needs: readonly Need[], problem: Problem, arbitration: Arbitration): Narrowed[] {
  const stopped = arbitration.groups.filter(({ stoppedAt, shrunk }) => stoppedAt > 0 && !shrunk)
  if (stopped.length === 0) return []
  const { key } = frame.resource
  const least = requestRows(
    needs.map(({ goal, domain, least: need }) => ({ goal, domain, need })),
    key,
    frame.classes,
  )
  const demand = rollUp(problem)
  return stopped.flatMap((group) => {
    const met = membersOf(demand, group).flatMap(({ row, position }): Met[] => {
      const its = frame.rows[row]
      const inForce = its?.view?.inForce[key]
      if (its === undefined || inForce === undefined || its.standing !== 'managed') return []
      const column = Math.min(group.stoppedAt, its.requests.length) - 1
      const missedBelow = least.get(its.name)?.[column]
      if (missedBelow === undefined || missedBelow > Math.min(inForce, problem.limit[row] ?? 0)) return []
      const floor = Math.min(inForce, its.requests[column] ?? 0, problem.limit[row] ?? 0)
      const granted = demand.amounts[group.stoppedAt * problem.count + position] ?? 0
      const isHarmed = (arbitration.entitlement[row] ?? 0) < missedBelow - SAME * frame.resource.grain
      return [{ row, floor, missedBelow, cost: Math.max(0, (isHarmed ? floor : missedBelow) - granted), isHarmed }]
    })
    return kept(met, group, roomIn(demand, group))
  })
}

/** One whose goals are met with what it has now. */
interface Met {
  readonly row: number
  readonly floor: number
  readonly missedBelow: number
  /** What that takes beyond what classes above have granted it: what it is to keep, or who need not be spared must get. */
  readonly cost: number
  /** It would get less than that. */
  readonly isHarmed: boolean
}

/** The cheapest first, so that as many keep what they need as can; who does without being spared takes its part, too. */
function kept(met: readonly Met[], { stoppedAt }: GroupOutcome, room: number): Narrowed[] {
  let left = room
  const found: Narrowed[] = []
  for (const { row, floor, missedBelow, cost, isHarmed } of met.toSorted((one, other) => one.cost - other.cost)) {
    if (cost > left) break
    left -= cost
    if (!isHarmed) continue
    const reason = { kind: 'impact', priority: stoppedAt, least: missedBelow } as const
    found.push({ row, floor, ceiling: Number.POSITIVE_INFINITY, reason })
  }
  return found
}

function membersOf({ groups }: Demand, { parent }: GroupOutcome): { row: number; position: number }[] {
  const group = groups.parent.indexOf(parent)
  const members: { row: number; position: number }[] = []
  for (let position = groups.first[group] ?? 0; position < (groups.first[group + 1] ?? 0); position++) {
    members.push({ row: groups.rowAt[position] as number, position })
  }
  return members
}

/** What is left of a group's capacity after the classes above the one that stopped. */
function roomIn({ groups, totals }: Demand, { parent, stoppedAt, capacity }: GroupOutcome): number {
  return capacity - (totals[stoppedAt * groups.count + groups.parent.indexOf(parent)] ?? 0)
}

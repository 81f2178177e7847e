import type { Problem } from '#core/arbitrate/problem.ts'
import type { AmountDecision, Decision, ResourceDecision } from '#core/model/decision.ts'
import type { DomainName, ResourceKey } from '#core/model/ids.ts'
import type { DomainObservation, Knob, Setting } from '#core/model/observation.ts'
import type { DomainPolicy, Goal, Policy, Share } from '#core/model/policy.ts'
import { CPU } from '#core/model/resource.ts'
import { globMatches } from '#lib/glob.ts'
import type { Decided } from './decided.ts'

/**
 * What a decision has to follow from, put together once more from the policy's text, the observation and what the
 * decision says of use and of what is in force. It shares nothing with the code that decides but the shape of a problem.
 */

const NO_SHARE: Share = { reservation: null, own: null, lend: true, borrow: true, limit: null, weight: null }

/** The entry of the policy that stands for a domain. */
export function entryOf({ domains }: Policy, name: string): DomainPolicy | undefined {
  return domains.find((its) => its.name === name) ?? domains.find((its) => globMatches(its.name, name))
}

export function shareOf(policy: Policy, name: string, resource: ResourceKey): Share {
  return entryOf(policy, name)?.shares[resource] ?? NO_SHARE
}

/** What each domain may have of a resource, and can take at all; null where what was seen does not tell that. */
export function sharesOf(its: Decided, resource: ResourceKey): ((name: string) => Share) | null {
  const { policy, record } = its
  const mosts = new Map<string, number>()
  for (const seen of resource === CPU ? record.observation.domains : []) {
    const quota = quotaOfOthers(its, seen)
    if (quota === undefined) return null
    const online = record.observation.topology.cpus.map(({ id }) => id)
    const pinned = entryOf(policy, seen.name)?.placement.pin?.filter((cpu) => online.includes(cpu)) ?? []
    const most = Math.min(
      Number(quota ?? Number.POSITIVE_INFINITY),
      pinned.length > 0 ? pinned.length * 1000 : Number.POSITIVE_INFINITY,
    )
    if (most < Number.POSITIVE_INFINITY) mosts.set(seen.name, most)
  }
  return (name) => {
    const share = shareOf(policy, name, resource)
    const most = mosts.get(name)
    return most === undefined ? share : { ...share, limit: Math.min(share.limit ?? most, most) }
  }
}

/** A quota that holds a domain under a guarantee and is not Reeve's to change; undefined where nobody can tell. */
function quotaOfOthers({ policy, record, ledger }: Decided, seen: DomainObservation): Setting | undefined {
  const { name, node, identity } = seen
  if (entryOf(policy, name)?.enforcement !== 'guarantee') return null
  const found = seen.settings['cpu.quota'] ?? null
  const drift = record.decision.drift.find(({ domain, knob }) => domain === name && knob === 'cpu.quota')
  if (drift?.answer === 'yield') return found
  if (shareOf(policy, name, CPU).limit !== null) return null
  const history = ledger.of({ node, knob: 'cpu.quota' }, identity)
  if (history === undefined || history.originals.length === 0) return drift === undefined ? found : undefined
  const told = history.told === undefined ? [found] : []
  const [one, ...others] = new Set([...history.originals, ...told])
  return others.length === 0 ? one : undefined
}

/** Whether a policy has a knob of a domain turned at all, now or later. */
export function turns(policy: Policy, name: string, knob: Knob): boolean {
  const its = entryOf(policy, name)
  if (its === undefined || its.role !== 'managed' || (its.mode ?? policy.host.mode) !== 'manage') return false
  const has = (resource: string) => its.controls.some((key) => key === resource)
  switch (knob) {
    case 'cpu.weight':
    case 'cpu.quota':
    case 'cpu.set':
      return has('cpu')
    case 'freeze':
      return has('cpu') && its.pauseBelow !== null
    case 'memory.limit':
      return has('memory')
    case 'memory.soft':
      return has('memory') && its.enforcement === 'guarantee'
    case 'sched':
      return its.scheduling !== null || its.byActivity !== null
    default:
      return has(knob.replace(/\.limit$/, ''))
  }
}

export function classesOf({ goals }: Policy): number {
  return Math.max(0, ...goals.map(({ priority }) => priority))
}

/**
 * What a domain asks for of a resource, class by class: by application the largest need up to a class, all applications
 * added up. The needs are the decision's, the priorities the policy's.
 */
export function requestsOf(
  policy: Policy,
  { goals }: Pick<Decision, 'goals'>,
  domain: DomainName,
  resource: ResourceKey,
): number[] {
  const stated = new Map(policy.goals.map((goal) => [goal.id, goal]))
  const needs = goals.flatMap((its) => {
    const goal = stated.get(its.goal)
    const amount = its.need[resource]
    return its.domain === domain && goal !== undefined && amount !== undefined ? [{ goal, amount }] : []
  })
  const applications = new Set(needs.map(({ goal }) => goal.application))
  return Array.from({ length: classesOf(policy) }, (_, index) => {
    const upTo = (goal: Goal) => goal.priority <= index + 1
    let sum = 0
    for (const application of applications) {
      const its = needs.filter(({ goal }) => goal.application === application && upTo(goal))
      sum += Math.max(0, ...its.map(({ amount }) => amount))
    }
    return sum
  })
}

/** Its processes have a tenth of room by what is told of them, and less than half of that by what is in force. */
export function isCramped({ own, inForce }: AmountDecision): boolean {
  return own !== undefined && (own / 1.1) * 1.05 > (inForce ?? Number.POSITIVE_INFINITY)
}

/** The problem of which a resource's entitlements are the solution. */
export function problemOf(
  policy: Policy,
  { resource, rows, capacity }: ResourceDecision,
  shareOf: (name: string) => Share,
): Problem {
  const count = rows.length
  const classes = Math.max(classesOf(policy), ...rows.map(({ requests }) => requests.length))
  const minimum = policy.host.minimum[resource] ?? 0
  const index = new Map(rows.map(({ domain }, row) => [domain, row]))
  const { fairness, surplus, remainder } = policy.host
  const problem = {
    ...{ capacity: capacity.available, minimum, fairness, surplus, remainder, count, classes },
    ids: rows.map(({ domain }) => domain as string),
    parent: Int32Array.from(rows, ({ parent }) => (parent === null ? -1 : (index.get(parent) as number))),
    requests: new Float64Array(count * classes),
    weight: new Float64Array(count),
    reservation: new Float64Array(count),
    own: new Float64Array(count).fill(Number.NaN),
    lend: new Uint8Array(count),
    borrow: new Uint8Array(count),
    limit: new Float64Array(count),
  }
  const inside = new Float64Array(count)
  for (let row = count - 1; row >= 0; row--) {
    const its = rows[row] as AmountDecision
    const share = shareOf(its.domain)
    const { start, reservation, limit } = boundsOf(its, share, minimum, inside[row] as number)
    problem.reservation[row] = reservation
    problem.limit[row] = limit
    const parent = problem.parent[row] as number
    if (parent >= 0) inside[parent] = (inside[parent] as number) + start
    problem.weight[row] = share.weight ?? (its.role === 'parent' ? Number.NaN : 1)
    problem.lend[row] = share.lend ? 1 : 0
    problem.borrow[row] = share.borrow ? 1 : 0
    if (its.role !== 'managed') continue
    if (share.own !== null) problem.own[row] = Math.min(Math.max(share.own, start), limit)
    for (let k = 0; k < classes; k++) problem.requests[k * count + row] = its.requests[k] ?? its.requests.at(-1) ?? 0
  }
  return problem
}

interface RowBounds {
  readonly start: number
  /** NaN where there is none. */
  readonly reservation: number
  readonly limit: number
}

function boundsOf(its: AmountDecision, share: Share, minimum: number, inside: number): RowBounds {
  const limit = share.limit ?? Number.POSITIVE_INFINITY
  if (its.role === 'parent') {
    const start = Math.max(share.reservation ?? 0, inside)
    return { start, reservation: share.reservation ?? Number.NaN, limit: Math.max(limit, start) }
  }
  if (its.role !== 'managed') {
    const stands = its.inForce ?? its.use ?? 0
    return { start: stands, reservation: stands, limit: stands }
  }
  const start = Math.min(share.reservation ?? minimum, limit)
  return { start, reservation: share.reservation === null && start === minimum ? Number.NaN : start, limit }
}

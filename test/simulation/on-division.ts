import { solveReference } from '#core/check/reference.ts'
import type { AmountDecision, ResourceDecision } from '#core/model/decision.ts'
import type { DomainName, ResourceKey } from '#core/model/ids.ts'
import type { Policy, Share } from '#core/model/policy.ts'
import { type Decided, grainOf, isTriggered, NEARLY, show } from './decided.ts'
import { classesOf, problemOf, sharesOf } from './expected.ts'

/** How what there is is divided: the rules of arbitration, of every decision. */

/** "Capacity and modes": no more than the host has, less the headroom, in whole grains. */
export function* dividesNoMoreThanThereIs({ policy, record }: Decided): Generator<string> {
  const { observation, decision } = record
  for (const { resource, capacity } of decision.resources) {
    const declared = policy.resources.find(({ key }) => key === resource)?.capacity
    const total = typeof declared === 'number' ? declared : (observation.capacity[resource]?.total ?? 0)
    const headroom = policy.host.headroom[resource] ?? { amount: 0 }
    const left = total - ('amount' in headroom ? headroom.amount : headroom.fraction * total)
    if (capacity.available > Math.max(0, left) + NEARLY * total) {
      yield `${resource}: ${capacity.available} are divided of ${total}, of which ${left} may be`
    }
  }
}

/** Property 1: conservation, exactly on entitlements, within one grain on allocations; children within their parent. */
export function* conserves(its: Decided): Generator<string> {
  for (const one of its.record.decision.resources) {
    const { resource, rows, capacity } = one
    if (!isTriggered(its, resource)) continue
    const grain = grainOf(its.policy, resource)
    const nearly = NEARLY * (capacity.available + grain)
    yield* within(rows, null, capacity.available, 'allocation', nearly, resource)
    if (!capacity.shrunk) yield* within(rows, null, capacity.available, 'entitlement', nearly, resource)
    for (const row of rows) {
      if (row.role === 'parent') yield* within(rows, row.domain, row.allocation, 'allocation', nearly, resource)
    }
  }
}

function* within(
  rows: readonly AmountDecision[],
  parent: DomainName | null,
  most: number,
  what: 'allocation' | 'entitlement',
  nearly: number,
  resource: ResourceKey,
): Generator<string> {
  const sum = rows.filter((row) => row.parent === parent).reduce((total, row) => total + row[what], 0)
  if (sum > most + nearly) yield `${resource}: ${what}s inside ${parent ?? 'the host'} are ${sum} of ${most}`
}

/** Property 2: none above its limit, nor under its start while the capacity covers the starts; within one grain. */
export function* keepsStartsAndLimits(its: Decided): Generator<string> {
  const { policy, record } = its
  for (const one of record.decision.resources) {
    const shares = sharesOf(its, one.resource)
    if (!isTriggered(its, one.resource) || shares === null) continue
    const grain = grainOf(policy, one.resource) * (1 + NEARLY)
    for (const row of one.rows) {
      if (row.role !== 'managed') continue
      const { reservation, limit } = shares(row.domain)
      if (limit !== null && row.allocation > limit + 1.5 * grain)
        yield `${show(one, row)}: ${row.allocation} of ${limit}`
      const isReserved = reservation !== null && !one.capacity.shrunk && row.parent === null
      const start = Math.min(reservation ?? 0, limit ?? Number.POSITIVE_INFINITY)
      if (isReserved && row.entitlement < start - NEARLY * start) {
        yield `${show(one, row)} is entitled to ${row.entitlement} where ${start} are reserved`
      }
      if (isReserved && row.settled === null && row.allocation < start - 1.5 * grain) {
        yield `${show(one, row)} gets ${row.allocation} where ${start} are reserved`
      }
    }
  }
}

/** "Arbitration of one resource" as a whole, by the reference that shares no code with the arbiter. */
export function* arbitratesByTheRules(its: Decided): Generator<string> {
  for (const one of its.record.decision.resources) {
    const shares = sharesOf(its, one.resource)
    if (one.rows.length === 0 || shares === null) continue
    const problem = problemOf(its.policy, one, shares)
    const { entitlement } = solveReference(problem)
    const nearly = NEARLY * (problem.capacity + 1)
    for (const [index, row] of one.rows.entries()) {
      const due = entitlement[index] as number
      if (Math.abs(row.entitlement - due) > nearly) {
        yield `${show(one, row)} is entitled to ${row.entitlement} where the rules give ${due}`
      }
    }
  }
}

/** Property 3: nobody has more than he wants of the first class that somebody else lacks; told where no tree is. */
export function* neverInverts(its: Decided): Generator<string> {
  const { policy, record } = its
  const { surplus, remainder } = policy.host
  if (typeof remainder === 'object' || typeof surplus === 'object') return
  for (const one of record.decision.resources) {
    const rows = one.rows.filter(({ role }) => role === 'managed')
    const shares = sharesOf(its, one.resource)
    if (shares === null || one.capacity.shrunk || one.rows.some(({ parent }) => parent !== null)) continue
    const wants = rows.map((row) => wantsOf(policy, one, row, shares(row.domain)))
    const nearly = NEARLY * (one.capacity.available + 1)
    for (let k = 1; k <= classesOf(policy); k++) {
      const short = rows.findIndex((row, index) => row.entitlement < (wants[index]?.[k] ?? 0) - nearly)
      if (short < 0) continue
      const above = rows.findIndex((row, index) => row.entitlement > (wants[index]?.[k] ?? 0) + nearly)
      if (above >= 0) {
        const [low, high] = [rows[short] as AmountDecision, rows[above] as AmountDecision]
        yield `${one.resource}: ${high.domain} has more than it wants in class ${k}, in which ${low.domain} is short`
      }
      break
    }
  }
}

/** By class from 0: what a leaf wants, never falling, from its start or what it owns up to its limit. */
export function wantsOf(policy: Policy, { resource }: ResourceDecision, row: AmountDecision, share: Share): number[] {
  const limit = share.limit ?? Number.POSITIVE_INFINITY
  const start = Math.min(share.reservation ?? policy.host.minimum[resource] ?? 0, limit)
  const own = share.own === null ? null : Math.min(Math.max(share.own, start), limit)
  const most = own !== null && !share.borrow ? own : limit
  const highest = Math.min(Math.max(0, ...row.requests), most)
  let have = own === null ? start : Math.max(start, share.lend ? Math.min(highest, own) : own)
  return [have].concat(
    Array.from({ length: classesOf(policy) }, (_, k) => {
      have = Math.max(have, Math.min(row.requests[k] ?? row.requests.at(-1) ?? 0, most))
      return have
    }),
  )
}

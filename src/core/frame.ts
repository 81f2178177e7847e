import type { Problem } from './arbitrate/problem.ts'
import { controls, type DomainView, limitKnob, type View } from './look.ts'
import { NO_SHARE } from './metadata.ts'
import type { CapacityDecision } from './model/decision.ts'
import type { DomainName, ResourceKey } from './model/ids.ts'
import type { Amount, DomainPolicy, Share } from './model/policy.ts'
import { CPU, type Resource } from './model/resource.ts'
import type { RequestRows } from './rows.ts'
import { unmanagedUse } from './unmanaged.ts'
import { mostCpu } from './vcpus.ts'

/** One resource made ready for arbitration: who takes part, in which tree, with what to divide. */
export interface Frame {
  readonly resource: Resource
  readonly capacity: CapacityDecision
  readonly classes: number
  /** Parents before their children, siblings in the policy's order. */
  readonly rows: readonly FrameRow[]
}

export interface FrameRow {
  readonly name: DomainName
  /** Index of the parent's row, -1 at the top. */
  readonly parent: number
  readonly policy: DomainPolicy
  /** null on a parent. */
  readonly view: DomainView | null
  readonly standing: DomainView['standing'] | 'parent'
  readonly requests: readonly number[]
  /** What its processes hold themselves, and room for them to grow, where a lower limit of Reeve would kill; else 0. */
  readonly own: number
  /** The most of the resource that it can take, whatever it is given and allowed, in its unit. */
  readonly most: number
}

/** What it has: what is in force for it, or what it uses where nothing is and nothing may be set. */
export function standsAt({ view, standing }: FrameRow, key: ResourceKey): number {
  return view?.inForce[key] ?? (standing === 'managed' ? 0 : (view?.use[key] ?? 0))
}

/** Processes grow between two looks at them: a limit that kills leaves them so many times what they hold, */
const ROOM = 1.1
/** and follows them once it is less than so many times that. */
const NEAR = 1.05

/** Whether a limit is in force by which its processes may soon be killed. Then they ask for more, after all goals. */
export function isNear({ view, own }: Pick<FrameRow, 'view' | 'own'>, key: ResourceKey): boolean {
  return own * (NEAR / ROOM) > (view?.inForce[key] ?? Number.POSITIVE_INFINITY)
}

/**
 * What its processes hold themselves, in the resource's unit; for an hour after a kill no less than was not enough then.
 * Undefined where that is not told.
 */
export function ownOf({ own, shortAt }: DomainView, key: ResourceKey): number | undefined {
  const held = own[key]
  const short = shortAt[key]
  return held === undefined || short?.killed !== true ? held : Math.max(held, short.amount)
}

/** Whether less than it uses would cut it off from that; of a soft limit it is only taken back page by page. */
export function isHard(view: DomainView, key: ResourceKey): boolean {
  return limitKnob(key, view.policy.enforcement, view.seen) !== 'memory.soft'
}

/** What a row has before anybody shares: its reservation, or the minimum. */
export function startOf({ reservation, minimum }: Problem, row: number): number {
  const reserved = reservation[row] ?? Number.NaN
  return Number.isNaN(reserved) ? minimum : reserved
}

/** What settling allows a row: nothing below the floor, nothing above the ceiling. */
export interface Bounds {
  readonly floor: number
  readonly ceiling: number
}

export function frame(
  view: View,
  resource: Resource,
  requests: RequestRows,
  classes: number,
  asManaged: boolean,
): Frame {
  const taking = view.domains.filter((domain) => controls(domain.policy, resource.key))
  const rows = treeRows(view, resource, taking, requests, classes, asManaged)
  const asked = rows.reduce((most, row) => Math.max(most, row.requests.length), classes)
  return { resource, classes: asked, rows, capacity: capacityOf(view, resource, taking, rows) }
}

/** The amount in the resource's unit. 5 % of 2000 millicores are 100. */
export function amountOf(amount: Amount | undefined, total: number): number {
  if (amount === undefined) return 0
  return 'amount' in amount ? amount.amount : amount.fraction * total
}

function capacityOf(
  view: View,
  resource: Resource,
  taking: readonly DomainView[],
  rows: readonly FrameRow[],
): CapacityDecision {
  const seen = view.seen.capacity[resource.key]
  const total = resource.capacity === 'observed' ? (seen?.total ?? 0) : resource.capacity
  const headroom = amountOf(view.policy.host.headroom[resource.key], total)
  const unmanaged = unmanagedUse(view, resource, taking)
  const whole =
    Math.floor((total - headroom - Math.max(0, unmanaged - headroom)) / resource.grain + 1e-9) * resource.grain
  const fixed = rows.reduce(
    (sum, row) => sum + (row.standing === 'fixed' ? (row.view?.inForce[resource.key] ?? 0) : 0),
    0,
  )
  const available = Math.max(0, whole)
  return { total, headroom, unmanaged, fixed, available, shrunk: false }
}

function treeRows(
  view: View,
  resource: Resource,
  taking: readonly DomainView[],
  requests: RequestRows,
  classes: number,
  asManaged: boolean,
): FrameRow[] {
  const policies = new Map(view.policy.domains.map((domain) => [domain.name, domain]))
  const children = new Map<string | null, (DomainView | DomainPolicy)[]>()
  const placed = new Set<string>()
  const place = (parent: DomainName | null, member: DomainView | DomainPolicy): void => {
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [member])
    else siblings.push(member)
    const its = parent === null ? undefined : policies.get(parent)
    if (its === undefined || placed.has(its.name)) return
    placed.add(its.name)
    place(its.parent, its)
  }
  for (const domain of taking) place(domain.policy.parent, domain)
  const rows: FrameRow[] = []
  const walk = (parentName: string | null, parent: number): void => {
    for (const member of children.get(parentName) ?? []) {
      if ('seen' in member) {
        const standing = standingOf(member, resource, asManaged)
        const isKilling = standing === 'managed' && isHard(member, resource.key)
        const own = isKilling ? ROOM * (ownOf(member, resource.key) ?? 0) : 0
        const asked = requests.get(member.name) ?? []
        rows.push({
          name: member.name,
          parent,
          policy: member.policy,
          view: member,
          standing,
          requests: isNear({ view: member, own }, resource.key) ? afterAll(asked, own, classes) : asked,
          own,
          most: mostOf(view, member, resource),
        })
      } else {
        rows.push({
          name: member.name as DomainName,
          parent,
          policy: member,
          view: null,
          standing: 'parent',
          requests: [],
          own: 0,
          most: Number.POSITIVE_INFINITY,
        })
        walk(member.name, rows.length - 1)
      }
    }
  }
  walk(null, -1)
  return rows
}

/** With an amount that is asked for in a class of its own, after those of all goals. */
function afterAll(requests: readonly number[], amount: number, classes: number): readonly number[] {
  const ofGoals = Array.from({ length: classes }, (_, k) => requests[k] ?? 0)
  return [...ofGoals, Math.max(ofGoals.at(-1) ?? 0, amount)]
}

/**
 * Memory of which nobody knows yet how much is in use stays as it is: a limit below what is in use kills. What is only
 * counted has no level. What somebody else set, and Reeve leaves to him, is worth what it is.
 */
function standingOf(view: DomainView, { key, kind, unit }: Resource, asManaged: boolean): FrameRow['standing'] {
  if (kind === 'stock' && unit !== 'count' && view.smoothUse[key] === undefined) return 'fixed'
  if (view.drifted[key]?.answer === 'yield') return 'fixed'
  return asManaged && view.standing === 'advised' ? 'managed' : view.standing
}

function mostOf(view: View, domain: DomainView, { key }: Resource): number {
  return key === CPU ? mostCpu(view, domain) : (domain.seen.most?.[key] ?? Number.POSITIVE_INFINITY)
}

/**
 * The arbiter's columns. Rows that are not decided now stand at what is in force for them, as a reservation that is
 * also their limit; bounds from settling narrow the others. Limits give way to starts, so that what is in force
 * already (a reload lowered a limit under a fixed child) is never an impossible problem.
 */
export function problemOf(view: View, of: Frame, bounds: ReadonlyMap<number, Bounds> = new Map()): Problem {
  const { rows, resource, classes } = of
  const count = rows.length
  const { host } = view.policy
  const minimum = host.minimum[resource.key] ?? 0
  const problem = {
    capacity: of.capacity.available,
    minimum,
    fairness: host.fairness,
    surplus: host.surplus,
    remainder: host.remainder,
    count,
    classes,
    ids: rows.map((row) => row.name as string),
    parent: Int32Array.from(rows, (row) => row.parent),
    requests: new Float64Array(count * classes),
    weight: new Float64Array(count),
    reservation: new Float64Array(count),
    own: new Float64Array(count),
    lend: new Uint8Array(count),
    borrow: new Uint8Array(count),
    limit: new Float64Array(count),
  }
  const starts = new Float64Array(count)
  for (let index = count - 1; index >= 0; index--) {
    const row = rows[index] as FrameRow
    const share = row.policy.shares[resource.key] ?? NO_SHARE
    const window = windowOf(row, share, resource, bounds.get(index), minimum, starts[index] ?? 0)
    problem.reservation[index] = window.reservation
    problem.limit[index] = window.limit
    starts[index] = window.start
    if (row.parent >= 0) starts[row.parent] = (starts[row.parent] ?? 0) + window.start
    problem.weight[index] = share.weight ?? (row.view === null ? Number.NaN : 1)
    const decided = row.standing === 'managed'
    problem.own[index] =
      decided && share.own !== null ? Math.min(Math.max(share.own, window.start), window.limit) : Number.NaN
    problem.lend[index] = share.lend ? 1 : 0
    problem.borrow[index] = share.borrow ? 1 : 0
    if (decided)
      for (let k = 0; k < classes; k++)
        problem.requests[k * count + index] = row.requests[k] ?? row.requests.at(-1) ?? 0
  }
  return problem
}

interface Window {
  /** NaN where there is none. */
  readonly reservation: number
  readonly start: number
  readonly limit: number
}

/** `inside` is the sum of the children's starts, 0 for a leaf. */
function windowOf(
  row: FrameRow,
  share: Share,
  resource: Resource,
  bounds: Bounds | undefined,
  minimum: number,
  inside: number,
): Window {
  if (row.view === null) {
    const start = Math.max(share.reservation ?? 0, inside)
    return {
      reservation: share.reservation ?? Number.NaN,
      start,
      limit: Math.max(share.limit ?? Number.POSITIVE_INFINITY, start),
    }
  }
  if (row.standing !== 'managed') {
    const stands = row.view.inForce[resource.key] ?? row.view.use[resource.key] ?? 0
    return { reservation: stands, start: stands, limit: stands }
  }
  const declared = Math.min(share.limit ?? Number.POSITIVE_INFINITY, row.most)
  const limit = Math.max(Math.min(declared, bounds?.ceiling ?? declared), 0)
  const wanted = Math.max(share.reservation ?? minimum, bounds?.floor ?? 0)
  const start = Math.min(wanted, limit)
  const explicit = share.reservation !== null || start !== minimum
  return { reservation: explicit ? start : Number.NaN, start, limit }
}

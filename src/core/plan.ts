import type { Active } from './activity.ts'
import type { Allotted } from './allot.ts'
import { isYielded } from './drift.ts'
import type { FrameRow } from './frame.ts'
import { isMove } from './ladder.ts'
import { limitKnob, type View } from './look.ts'
import type { Change, ChangeReason, Trigger } from './model/decision.ts'
import type { DomainName, NodeId, ResourceKey } from './model/ids.ts'
import type { Knob, Setting } from './model/observation.ts'
import type { SchedulingPolicy } from './model/policy.ts'
import { CPU, family } from './model/resource.ts'
import { WORKING_SET_MARGIN } from './narrow.ts'
import { pausing } from './pause.ts'
import { cpuList, type Place, place } from './place.ts'
import { knobKey } from './reconcile.ts'
import type { Restraint } from './restraint.ts'
import { vcpuCount } from './vcpus.ts'
import { type NodeWeight, weigh } from './weights.ts'

/** A weight this close to what it should be is left alone: after a release, and while everything stands. */
const NEAR_WEIGHT = 0.02
const STANDING_WEIGHT = 0.1
/** Millicores; kernels take no quota below 1 ms of 100 ms. */
const LEAST_QUOTA = 10
/** The range of I/O weights that both versions of cgroups know. */
const IO_WEIGHT = { least: 10, most: 1000 }

const ORDER = { shrink: 0, neutral: 1, grow: 2 } as const

/**
 * The writes that bring what is in force to what was decided: shrinks first, so that nothing is promised twice, then
 * what is neither, then grows; within each in the order of resources and rows. Only knobs that the driver showed among
 * a domain's settings are turned, and only where they are not already as they should be.
 */
export function plan(
  view: View,
  allotted: readonly Allotted[],
  restrained: ReadonlyMap<DomainName, Restraint>,
  active: Active,
): Change[] {
  const changes = allotted.flatMap((its) => [
    ...amountChanges(view, its),
    ...limitChanges(view, its, restrained),
    ...(its.frame.resource.key === CPU ? cpuChanges(view, its, active) : []),
  ])
  changes.push(...ioWeightChanges(view, allotted), ...schedulingChanges(view, allotted, active))
  return changes
    .filter((change) => !isWaiting(view, change) && !isLeftAlone(view, change))
    .sort((one, other) => ORDER[one.direction] - ORDER[other.direction])
}

/** A change that failed is not tried again before its time. */
function isWaiting(view: View, change: Change): boolean {
  const failure = view.known.failures[knobKey(change.node, change.knob)]
  return failure !== undefined && view.seen.at.monotonicMs < failure.retryAtMs
}

/** Somebody else set this knob, and the policy leaves it to him. */
function isLeftAlone(view: View, { domain, knob }: Change): boolean {
  const its = domain === null ? undefined : view.byName.get(domain)
  return its !== undefined && isYielded(its.drift, knob)
}

/** What holds a domain to its allocation: quota, memory, bandwidth. Countables have no knob; being granted is all. */
function amountChanges(view: View, { frame, rounding, settled }: Allotted): Change[] {
  const { key } = frame.resource
  const { allocation } = rounding
  const changes: Change[] = []
  for (const [index, row] of frame.rows.entries()) {
    if (row.view === null || row.standing !== 'managed') continue
    const knob = key === CPU ? 'cpu.quota' : limitKnob(key, row.policy.enforcement, row.view.seen)
    const wasHeld = view.known.set[row.view.seen.node]?.[knob] !== undefined
    if (!isHeldToAmount(row, key, wasHeld) || frame.resource.unit === 'count') continue
    const from = row.view.settings[knob]
    const to = Math.max(Math.round(allocation[index] ?? 0), leastOf(knob))
    if (from === undefined || from === to) continue
    // Without a trigger everything stands; only what never came into force is set again.
    if (settled.triggers.length === 0 && view.known.set[row.view.seen.node]?.[knob]?.value === from) continue
    const because = reasonOf(row.view.inForce[key] ?? null, to, key, settled.triggers, row.name)
    changes.push({
      ...target(view, row.name),
      knob,
      resource: key,
      from,
      to,
      direction: directionOf(from, to),
      because,
    })
  }
  return changes
}

/** To some kernels a limit of nothing is no limit. */
function leastOf(knob: Knob): number {
  if (knob === 'cpu.quota') return LEAST_QUOTA
  return /^(io|net)\./.test(knob) ? 1 : 0
}

/**
 * By quota and limits where it is capped. Under a guarantee weights do it, but for memory, which has none: there a
 * domain is held to what it was granted only where it asked for any; what it was held to once follows from there on.
 */
function isHeldToAmount({ policy, requests }: FrameRow, key: ResourceKey, wasHeld: boolean): boolean {
  if (policy.enforcement === 'cap') return true
  if (family(key) !== 'memory') return false
  const share = policy.shares[key]
  return wasHeld || share?.reservation != null || share?.own != null || requests.some((request) => request > 0)
}

/**
 * The policy's own limits of domains that otherwise may use what others leave idle. Memory in use is not cut off: its
 * limit comes down behind it. Where the policy no longer states a limit that Reeve had set, what was found before that
 * holds again. Who takes what others are short of has one for a while (`restraint.ts`).
 */
function limitChanges(view: View, { frame }: Allotted, restrained: ReadonlyMap<DomainName, Restraint>): Change[] {
  const { key, grain } = frame.resource
  const changes: Change[] = []
  for (const row of frame.rows) {
    if (row.view === null || row.policy.enforcement !== 'guarantee') continue
    // Whose weight is left to somebody else keeps no quota for that.
    const isWeightTheirs = key === CPU && row.view.standing === 'managed'
    if (row.standing !== 'managed' && !isWeightTheirs) continue
    const { seen, settings, smoothUse } = row.view
    const knob = key === CPU ? 'cpu.quota' : limitKnob(key, 'cap', seen)
    // That one knob serves limits and amounts alike.
    if (knob === 'memory.balloon') continue
    const from = settings[knob]
    const set = view.known.set[seen.node]?.[knob]
    const limit = row.policy.shares[key]?.limit ?? null
    const restraint = key === CPU ? restrained.get(row.name) : undefined
    if (from === undefined || (limit === null && restraint === undefined && set === undefined)) continue
    const found = set === undefined ? from : (set.found ?? null)
    const bounds = [limit ?? found, restraint?.quota].filter((bound) => typeof bound === 'number')
    const stated = bounds.length === 0 ? null : Math.min(...bounds)
    const inUse = frame.resource.compressible ? 0 : Math.ceil((smoothUse[key] ?? 0) * WORKING_SET_MARGIN)
    const to = stated === null ? null : Math.max(Math.round(stated), inUse, leastOf(knob))
    if (from === to || (typeof from === 'number' && to !== null && Math.abs(from - to) < grain)) continue
    const because: ChangeReason =
      restraint === undefined
        ? { kind: 'limit', resource: key, limit }
        : {
            kind: 'restraint',
            use: row.view.use[CPU] ?? 0,
            inForce: row.view.inForce[CPU] ?? 0,
            short: restraint.short,
          }
    changes.push({
      ...target(view, row.name),
      knob,
      resource: key,
      from,
      to,
      direction: directionOf(from, to),
      because,
    })
  }
  return changes
}

function cpuChanges(view: View, its: Allotted, active: Active): Change[] {
  const { frame, rounding } = its
  const { allocation } = rounding
  const rowOfNode = new Map<NodeId, number>()
  frame.rows.forEach((row, index) => {
    if (row.view !== null) rowOfNode.set(row.view.seen.node, index)
  })
  const changes: Change[] = []
  for (const weight of weigh(view, frame.rows, allocation, frame.capacity)) {
    const change = weightChange(view, its, weight, rowOfNode.get(weight.node.id))
    if (change !== null) changes.push(change)
  }
  return [...changes, ...placementChanges(view, its, active), ...vcpuChanges(view, its), ...pauseChanges(view, its)]
}

/** Where the policy places a domain no more, it may run everywhere again. */
function placementChanges(view: View, { frame, settled, rounding }: Allotted, active: Active): Change[] {
  const isTriggered = settled.triggers.length > 0
  const places = place(view, frame.rows, rounding.allocation, { active, isTriggered })
  const everywhere = { cpus: view.seen.topology.cpus.map((cpu) => cpu.id), rule: 'all' } as const
  return frame.rows.flatMap(({ name, view: domain, standing }): Change[] => {
    if (domain === null || standing !== 'managed') return []
    const from = domain.settings['cpu.set']
    const isPlacedByReeve = view.known.set[domain.seen.node]?.['cpu.set'] !== undefined
    const found = places.get(name) ?? (isPlacedByReeve ? everywhere : undefined)
    if (from === undefined || found === undefined) return []
    const to = cpuList(found.cpus)
    const isFree = found.rule === 'all' && from === ''
    if (from === to || isFree) return []
    const because = placementReason(found, to)
    return [{ ...target(view, name), knob: 'cpu.set', resource: CPU, from, to, direction: 'neutral', because }]
  })
}

function placementReason(found: Place | { readonly rule: 'all' }, cpus: string): ChangeReason {
  if (found.rule !== 'activity') return { kind: 'placement', cpus, rule: found.rule }
  const { activity, by } = found
  return { kind: 'placement', cpus, rule: 'activity', activity, by: by.rule, serving: cpuList(by.serving) }
}

/** Between the shrinks and the grows: what is resumed finds room, and what is paused makes some. */
function pauseChanges(view: View, { frame, rounding }: Allotted): Change[] {
  return frame.rows.flatMap((row, index): Change[] => {
    if (row.view === null || row.standing !== 'managed') return []
    const allocation = rounding.allocation[index] ?? 0
    const to = pausing(view, row, allocation)
    if (to === null) return []
    const because = { kind: 'pause', allocation, least: row.policy.pauseBelow ?? 0 } as const
    const direction = 'neutral' as const
    return [{ ...target(view, row.name), knob: 'freeze', resource: CPU, from: 1 - to, to, direction, because }]
  })
}

function vcpuChanges(view: View, { frame, rounding }: Allotted): Change[] {
  return frame.rows.flatMap((row, index): Change[] => {
    if (row.view === null || row.standing !== 'managed') return []
    const from = row.view.settings['cpu.count']
    const allocation = rounding.allocation[index] ?? 0
    const to = vcpuCount(view, row, allocation)
    if (from === undefined || to === null || to === from) return []
    const because = { kind: 'vcpus', allocation, use: row.view.smoothUse[CPU] ?? 0 } as const
    const direction = 'neutral' as const
    return [{ ...target(view, row.name), knob: 'cpu.count', resource: CPU, from, to, direction, because }]
  })
}

function weightChange(
  view: View,
  { frame, rounding, settled }: Allotted,
  its: NodeWeight,
  index: number | undefined,
): Change | null {
  const { node, weight } = its
  const off = Math.abs(weight - node.weight) / Math.max(node.weight, 1)
  if (off <= (settled.triggers.length > 0 ? NEAR_WEIGHT : STANDING_WEIGHT)) return null
  // Rounding alone may shift others than those who are to move by a grain.
  const worth = Math.abs(weight - node.weight) * (its.inside / Math.max(weight, 1))
  const isToMove = settled.triggers.some(
    (trigger) => 'domain' in trigger && trigger.domain === frame.rows[index ?? -1]?.name,
  )
  if (index !== undefined && !isToMove && its.inside > 0 && !isMove(worth, frame.resource.grain)) return null
  const direction = directionOf(node.weight, weight)
  const common = { knob: 'cpu.weight', resource: CPU, from: node.weight, to: weight, direction } as const
  const row = index === undefined ? undefined : frame.rows[index]
  if (row === undefined || row.view === null || index === undefined) {
    const because = { kind: 'hierarchy', inside: its.inside, unmanaged: its.unmanaged } as const
    return { driver: node.driver, node: node.id, domain: null, identity: null, ...common, because }
  }
  const because = reasonOf(
    row.view.inForce[CPU] ?? null,
    rounding.allocation[index] ?? 0,
    CPU,
    settled.triggers,
    row.name,
  )
  return { ...target(view, row.name), ...common, because }
}

/** One weight serves reads and writes of every device: the largest part of a capacity that the domain was granted. */
function ioWeightChanges(view: View, allotted: readonly Allotted[]): Change[] {
  const parts = new Map<DomainName, { part: number; resource: ResourceKey }>()
  for (const { frame, rounding } of allotted) {
    const resource = frame.resource.key
    if (!family(resource).startsWith('io.') || frame.capacity.total <= 0) continue
    for (const [index, row] of frame.rows.entries()) {
      if (row.view === null || row.standing !== 'managed' || row.policy.enforcement !== 'guarantee') continue
      const part = (rounding.allocation[index] ?? 0) / frame.capacity.total
      if (part >= (parts.get(row.name)?.part ?? 0)) parts.set(row.name, { part, resource })
    }
  }
  return [...parts].flatMap(([name, { part, resource }]) => {
    const from = view.byName.get(name)?.settings['io.weight']
    const to = Math.max(IO_WEIGHT.least, Math.round(part * IO_WEIGHT.most))
    if (typeof from !== 'number' || Math.abs(to - from) <= from * STANDING_WEIGHT) return []
    const because = { kind: 'hierarchy', inside: part, unmanaged: 0 } as const
    return [
      {
        ...target(view, name),
        knob: 'io.weight' as const,
        resource,
        from,
        to,
        direction: directionOf(from, to),
        because,
      },
    ]
  })
}

function schedulingChanges(view: View, allotted: readonly Allotted[], active: Active): Change[] {
  if (view.domains.every(({ policy }) => policy.scheduling === null && policy.byActivity === null)) return []
  const managed = new Set(
    allotted.flatMap(({ frame }) => frame.rows.filter((row) => row.standing === 'managed').map((row) => row.name)),
  )
  return view.domains.flatMap((domain): Change[] => {
    const { name, policy, settings } = domain
    const from = settings.sched
    const activity = policy.byActivity === null ? undefined : active.get(name)?.is
    const its = policy.scheduling ?? (activity === undefined ? null : (policy.byActivity?.[activity] ?? null))
    if (!managed.has(name) || its === null || from === undefined) return []
    const to = schedulingText(its)
    if (from === to) return []
    const because = { kind: 'scheduling', ...(activity !== undefined && { activity }) } as const
    return [{ ...target(view, name), knob: 'sched', resource: CPU, from, to, direction: 'neutral', because }]
  })
}

/** `class:priority:sliceMs`, as the knob `sched` has it; 0 stands for the kernel's own time slice. */
function schedulingText({ class: name, priority, sliceMs }: SchedulingPolicy): string {
  return `${name}:${priority}:${sliceMs ?? 0}`
}

function target(view: View, name: DomainName) {
  const { driver, node, identity } = (view.byName.get(name) as View['domains'][number]).seen
  return { driver, node, domain: name, identity }
}

function directionOf(from: Setting, to: Setting): Change['direction'] {
  if (to === null) return from === null ? 'neutral' : 'grow'
  if (typeof to !== 'number') return 'neutral'
  if (from === null) return 'shrink'
  return typeof from !== 'number' || from === to ? 'neutral' : to < from ? 'shrink' : 'grow'
}

/** The trigger of the domain itself, else the first of its resource, else that what was decided is not yet in force. */
function reasonOf(
  from: number | null,
  to: number,
  resource: Change['resource'],
  triggers: readonly Trigger[],
  domain: DomainName,
): ChangeReason {
  const own = triggers.find((trigger) => 'domain' in trigger && trigger.domain === domain)
  return {
    kind: 'allocation',
    resource,
    from,
    to,
    trigger: own ?? triggers[0] ?? { kind: 'not-in-force', resource, domain },
  }
}

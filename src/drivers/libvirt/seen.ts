import type { DomainObservation } from '#core/model/observation.ts'
import { CPU, MEMORY } from '#core/model/resource.ts'
import type { Guest } from './inventory.ts'

const NO_BALLOON = 'the machine has no balloon'

/**
 * What the control group of a guest tells, with what only libvirt knows. What is looked at only now and then is left
 * out where it is not `slow`.
 */
export function seenWith(
  guest: Guest,
  group: DomainObservation,
  slow: boolean,
  controlsMemory: boolean,
): DomainObservation {
  const { isPaused } = guest
  const seen = { ...group, state: isPaused ? ('paused' as const) : ('running' as const) }
  const freeze = isPaused ? 1 : 0
  if (guest.kind === 'container') return { ...seen, settings: { ...group.settings, freeze } }
  const { cpus, vcpus, mostVcpus, hasBalloon, memory, devices } = guest
  const levels = withoutMemory(group.levels)
  const balloon = hasBalloon ? { 'memory.balloon': memory.actual } : {}
  const settings = { ...group.settings, 'cpu.set': cpus, freeze, ...balloon }
  const most = { [CPU]: vcpus * 1000, [MEMORY]: memory.most, 'cpu.count': mostVcpus }
  const lacks = hasBalloon || !controlsMemory ? {} : { lacks: { 'memory.balloon': NO_BALLOON } }
  const machine = { ...seen, levels, settings, most, ...lacks }
  if (!slow || !guest.isToldNow) return machine
  const held = { memory: memory.workingSet, 'memory.held': memory.actual, 'memory.total': memory.resident }
  const dirty = memory.dirtyRate === undefined ? {} : { 'memory.dirtyRate': memory.dirtyRate }
  const told = { atMs: guest.toldAtMs, counters: devices.counters }
  return { ...machine, told, levels: { ...levels, ...held, ...dirty } }
}

/** A machine's process holds what its guest ever touched; of what the guest needs that says nothing. */
function withoutMemory(levels: DomainObservation['levels']): DomainObservation['levels'] {
  return Object.fromEntries(Object.entries(levels).filter(([key]) => !key.startsWith(MEMORY)))
}

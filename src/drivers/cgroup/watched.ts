import type { DomainName, NodeId } from '#core/model/ids.ts'
import type { DomainObservation, Knob, Settings } from '#core/model/observation.ts'
import { countersOf } from './counters.ts'
import { identityOf } from './identity.ts'
import { DEFAULT_WEIGHT } from './knobs.ts'
import type { Layout } from './layout.ts'
import type { Placed } from './match.ts'
import { membersOf } from './members.ts'
import { namespaceReader, type PacketCounter, type PacketCounts } from './packets.ts'
import { RunQueueDelay } from './run-queue-delay.ts'
import { readScheduling } from './scheduling.ts'
import { settingsOf } from './settings.ts'

/** Whether packets of groups that share a network are told, as they were counted just now or some time ago. */
export type PacketsSeen = 'now' | 'as-last-counted' | 'none'

/** A domain that is there now, with its descriptors open. */
export interface Watched {
  readonly placed: Placed
  /** null where its group is gone: then it is to be closed and looked for anew. */
  observe(slow: boolean, takenAtMs: number, packets?: PacketsSeen): DomainObservation | null
  /** The weight it competes with, as last read. */
  weight(): number
  /** Reads the knob again after Reeve has changed it. */
  changed(knob: Knob): void
  close(): void
}

type Shared = Pick<PacketCounter, 'of' | 'readAtMs'>

/**
 * null where there is no such group. `shared` tells the packets of a group that has no network of its own; with null
 * they are none of the group's: what a machine sends is no packet of its QEMU. `scheduled` are the groups whose threads
 * have the domain's scheduling class.
 */
export function watch(
  layout: Layout,
  placed: Placed,
  shared: Shared | null,
  scheduled: () => readonly string[] = () => [placed.path],
): Watched | null {
  const { path, policy, policyIndex } = placed
  const identity = identityOf(layout, path)
  if (identity === null) return null
  const counters = countersOf(layout, path)
  const members = membersOf(layout, path)
  const delay = new RunQueueDelay(members.threads)
  const namespace = namespaceReader()
  const settings = settingsOf(layout, path, policy, placed.carries ?? 'all')
  // By its real-time threads a domain is told to be time-critical.
  const schedules = policy.scheduling !== null || policy.byActivity !== null || policy.affinity !== null
  const fixed = { name: placed.name as DomainName, identity, driver: policy.driver, policyIndex, node: path as NodeId }
  let scheduling: string | null = null
  let complete: Settings | null = null
  let lastCpu = -1
  let ended = false

  const renew = (knob?: Knob): void => {
    settings.renew(knob)
    if (schedules && (knob === undefined || knob === 'sched')) scheduling = readSchedulingOf(layout, scheduled())
    complete = scheduling === null ? settings.now : { ...settings.now, sched: scheduling }
  }

  /** Into `counted` what was counted now; else with the time at which it was. */
  const seePackets = (
    shared: Shared,
    packets: PacketsSeen,
    counted: Record<string, number>,
  ): Pick<DomainObservation, 'told'> => {
    const own = namespace.read(delay.anyThread)
    const counts = own ?? shared.of(path)
    if (counts === undefined) return {}
    const counters = countersOfPackets(counts)
    if (own === undefined && packets !== 'now') return { told: { atMs: shared.readAtMs, counters } }
    Object.assign(counted, counters)
    return {}
  }

  return {
    placed,
    observe(slow, takenAtMs, packets = 'none') {
      const counted: Record<string, number> = {}
      const levels: Record<string, number> = {}
      const renewed = slow || complete === null
      if (!counters.readFast(counted, complete === null || complete['cpu.quota'] !== null)) return null
      if (renewed) renew()
      const idle = counted['cpu'] === lastCpu
      lastCpu = counted['cpu'] as number
      // Without CPU used, no thread's wait has ended either.
      if (renewed || !idle) delay.read(renewed)
      counted['cpu.waitMs'] = delay.totalMs
      counted['cpu.runs'] = delay.runs
      if (slow) {
        counters.readSlow(counted, levels)
        levels['threads'] = delay.threadCount
      }
      const told = shared === null || packets === 'none' ? {} : seePackets(shared, packets, counted)
      // Whatever has used CPU was alive; only an idle group is looked at more closely, and seldom that of a machine, of
      // whose end libvirt tells.
      if (!idle) ended = false
      else if (slow || placed.carries !== 'cpu') ended = !members.some()
      const state = ended ? 'ended' : complete?.freeze === 1 ? 'paused' : 'running'
      return { ...fixed, state, takenAtMs, counters: counted, levels, settings: complete as Settings, ...told }
    },
    weight: () => Number(complete?.['cpu.weight'] ?? DEFAULT_WEIGHT[layout.version]),
    changed: renew,
    close() {
      counters.close()
      members.close()
      delay.close()
      settings.close()
    },
  }
}

/** Not known is not an error here: the knob is then not offered. */
function readSchedulingOf(layout: Layout, paths: readonly string[]): string | null {
  try {
    return readScheduling(layout, paths)
  } catch {
    return null
  }
}

function countersOfPackets({ rxPackets, rxBytes, txPackets, txBytes }: PacketCounts): Readonly<Record<string, number>> {
  return { 'net.rxPackets': rxPackets, 'net.rx': rxBytes, 'net.txPackets': txPackets, 'net.tx': txBytes }
}

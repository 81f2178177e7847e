import type { DomainName, NodeId } from '#core/model/ids.ts'
import type { DomainObservation, Knob, Settings } from '#core/model/observation.ts'
import { countersOf } from './counters.ts'
import { isPopulated } from './groups.ts'
import { identityOf } from './identity.ts'
import { baseDir, type Layout } from './layout.ts'
import type { Placed } from './match.ts'
import { RunQueueDelay } from './run-queue-delay.ts'
import { readScheduling } from './scheduling.ts'
import { settingsOf } from './settings.ts'

/** A domain that is there now, with its descriptors open. */
export interface Watched {
  readonly placed: Placed
  /** null where its group is gone: then it is to be closed and looked for anew. */
  observe(slow: boolean, takenAtMs: number): DomainObservation | null
  /** Reads the knob again after Reeve has changed it. */
  changed(knob: Knob): void
  close(): void
}

/** Counts what a domain has beyond its group's own files: packets, for one. */
export type FurtherCounters = (path: string, counters: Record<string, number>) => void

/** null where there is no such group. */
export function watch(layout: Layout, placed: Placed, further: FurtherCounters): Watched | null {
  const { path, policy, policyIndex } = placed
  const identity = identityOf(layout, path)
  if (identity === null) return null
  const counters = countersOf(layout, path)
  const delay = new RunQueueDelay(baseDir(layout, path), layout.version)
  const settings = settingsOf(layout, path, devicesOf(placed))
  const schedules = policy.scheduling !== null
  const fixed = { name: placed.name as DomainName, identity, driver: 'cgroup', policyIndex, node: path as NodeId }
  let scheduling: string | null = null
  let complete: Settings | null = null
  let lastCpu = -1
  let running = true

  const renew = (knob?: Knob): void => {
    settings.renew(knob)
    if (schedules && (knob === undefined || knob === 'sched')) scheduling = readSchedulingOf(layout, path)
    complete = scheduling === null ? settings.now : { ...settings.now, sched: scheduling }
  }

  const stateOf = (cpu: number): DomainObservation['state'] => {
    // Whatever has used CPU since the last turn was alive; only an idle group is looked at more closely.
    running = cpu !== lastCpu || isPopulated(layout, path)
    lastCpu = cpu
    if (!running) return 'ended'
    return complete?.freeze === 1 ? 'paused' : 'running'
  }

  return {
    placed,
    observe(slow, takenAtMs) {
      const counted: Record<string, number> = {}
      const levels: Record<string, number> = {}
      const renewed = slow || complete === null
      if (!counters.readFast(counted, complete === null || complete['cpu.quota'] !== null)) return null
      // The descriptors could have outlived a group that was made anew at the same path.
      if (renewed && identityOf(layout, path) !== identity) return null
      if (renewed) renew()
      counted['cpu.waitMs'] = delay.readMs(renewed)
      if (slow) {
        counters.readSlow(counted, levels)
        levels['threads'] = delay.threadCount
        further(path, counted)
      }
      const state = stateOf(counted['cpu'] as number)
      return { ...fixed, state, takenAtMs, counters: counted, levels, settings: complete as Settings }
    },
    changed: renew,
    close() {
      counters.close()
      delay.close()
      settings.close()
    },
  }
}

/** Not known is not an error here: the knob is then not offered. */
function readSchedulingOf(layout: Layout, path: string): string | null {
  try {
    return readScheduling(layout, path)
  } catch {
    return null
  }
}

/** Block devices that the policy says something about for this domain: `8:0` of `io.read:8:0`. */
function devicesOf({ policy }: Placed): string[] {
  const keys = [...Object.keys(policy.shares), ...policy.controls]
  return [...new Set(keys.flatMap((key) => /^io\.(?:read|write):(\d+:\d+)$/.exec(key)?.[1] ?? []))]
}

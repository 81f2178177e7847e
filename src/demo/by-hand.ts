import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Change } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import { CPU } from '#core/model/resource.ts'
import { dirOf, type Layout } from '#drivers/cgroup/layout.ts'
import { setScheduling } from '#drivers/cgroup/scheduling.ts'
import type { Driver } from '#ports.ts'
import { openScheduling } from '#processes/sched-attributes.ts'
import { CPUS } from './plan.ts'

/** What the demo sets and reads on a real host beside what Reeve does there. */

/** Sets one knob, as an administrator would. @throws where that fails. */
export async function setByHand(
  driver: Driver,
  node: string,
  knob: Change['knob'],
  to: number | string,
): Promise<void> {
  const change: Change = {
    driver: driver.kind,
    node: node as NodeId,
    domain: null,
    identity: null,
    knob,
    resource: CPU,
    from: null,
    to,
    direction: 'neutral',
    because: { kind: 'scheduling' },
  }
  const outcome = await driver.apply(change, AbortSignal.timeout(2000))
  if (outcome.status === 'failed') throw new Error(outcome.message)
}

/** Two above those who decide. */
const REAL_TIME = 'round-robin:3:0'
/** Of a second, where this kernel deals out real-time by groups (version 1). */
const REAL_TIME_US = 900_000
/** What is left where the kernel does not let a group have that: it is served soon after it wakes, if not at once. */
const SHORT_SLICES = 'other:0:0.1'

/**
 * The generator of load stands for clients elsewhere, so it is to wait for nobody of this host, whatever is done to its
 * neighbours: a group of ordinary standing and little weight is served tens of milliseconds after it wakes. Returns
 * whether it has a real-time class, which some kernels keep from groups.
 */
export async function standAboveOthers(layout: Layout, generator: string): Promise<boolean> {
  await openScheduling()
  try {
    for (const path of [layout.rootPath, generator]) {
      const file = join(dirOf(layout, 'cpu', path) ?? '', 'cpu.rt_runtime_us')
      if (existsSync(file)) writeFileSync(file, `${REAL_TIME_US}`)
    }
    setScheduling(layout, [generator], REAL_TIME)
    return true
  } catch {
    setScheduling(layout, [generator], SHORT_SLICES)
    return false
  }
}

/** Of a CPU's line in /proc/stat, its name counted. */
const STEAL_FIELD = 8
const TICKS_PER_SECOND = 100

/** CPU-seconds so far in which the demo's CPUs were not there. */
export function stolenCpuSeconds(): number {
  const lines = readFileSync('/proc/stat', 'latin1')
    .split('\n')
    .slice(1, CPUS + 1)
  return lines.reduce((sum, line) => sum + Number(line.split(' ')[STEAL_FIELD]), 0) / TICKS_PER_SECOND
}

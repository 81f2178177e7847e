import { readFileSync } from 'node:fs'
import type { Change } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import { CPU } from '#core/model/resource.ts'
import type { Driver } from '#ports.ts'
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

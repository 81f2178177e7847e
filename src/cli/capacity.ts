import { availableParallelism, totalmem } from 'node:os'
import { capacityHere } from '#drivers/cgroup/capacity.ts'

/** What this host has, in millicores and bytes, against which policies are checked. */
export function capacityChecked(): { readonly cpu: number; readonly memory: number } {
  return capacityHere() ?? { cpu: availableParallelism() * 1000, memory: totalmem() }
}

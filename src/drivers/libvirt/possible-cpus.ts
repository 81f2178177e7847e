import { readFileSync } from 'node:fs'
import { parseCpuList } from '#lib/cpu-list.ts'

/** How many CPUs this host may come to have, which is how many a map of CPUs has bits for. */
export function possibleCpus(): number {
  return Math.max(...parseCpuList(readFileSync('/sys/devices/system/cpu/possible', 'latin1'))) + 1
}

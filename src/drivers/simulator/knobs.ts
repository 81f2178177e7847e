import type { Knob, Setting } from '#core/model/observation.ts'
import { parseCpuList } from '#lib/cpu-list.ts'
import { WEIGHT_RANGE } from './domain.ts'

/** What a kernel would object to in a setting. */
export interface KnobFault {
  readonly code: 'EINVAL' | 'ERANGE' | 'ENOTSUP'
  readonly why: string
}

/** What can be set in the simulated host. */
export const KNOBS: readonly Knob[] = [
  'cpu.weight',
  'cpu.quota',
  'cpu.set',
  'memory.limit',
  'memory.soft',
  'io.read.limit',
  'freeze',
  'sched',
]

/** The least quota that the kernel takes is 1 ms, which is 10 millicores of the usual period of 100 ms. */
const LEAST_QUOTA_MILLI = 10

/** Why the simulated kernel would refuse a setting on a host of so many CPUs; null where it takes it. */
export function faultOf(knob: Knob, to: Setting, cpus: number): KnobFault | null {
  switch (knob) {
    case 'cpu.weight': {
      const { least, most } = WEIGHT_RANGE
      return Number.isInteger(to) && isWithin(to, least, most) ? null : range(`a whole number from ${least} to ${most}`)
    }
    case 'cpu.quota':
      return to === null || isWithin(to, LEAST_QUOTA_MILLI) ? null : range(`${LEAST_QUOTA_MILLI} millicores or more`)
    case 'cpu.set':
      return isCpuSet(to, cpus) ? null : { code: 'EINVAL', why: `it must be a list of CPUs below ${cpus}` }
    case 'memory.limit':
    case 'memory.soft':
      return to === null || isWithin(to, 0) ? null : range('bytes, or no limit')
    case 'io.read.limit':
      return to === null || isWithin(to, 1) ? null : range('bytes a second, or no limit')
    case 'freeze':
      return to === 0 || to === 1 ? null : range('0 or 1')
    case 'sched':
      return typeof to === 'string' ? null : { code: 'EINVAL', why: 'it must be class:priority:sliceMs' }
    default:
      return { code: 'ENOTSUP', why: 'the simulated host has no such knob' }
  }
}

function isWithin(value: Setting, least: number, most = Number.POSITIVE_INFINITY): boolean {
  return typeof value === 'number' && value >= least && value <= most
}

function isCpuSet(value: Setting, cpus: number): boolean {
  if (typeof value !== 'string') return false
  // Empty text stands for whatever the parent has.
  return parseCpuList(value).every((cpu) => Number.isInteger(cpu) && cpu >= 0 && cpu < cpus)
}

function range(allowed: string): KnobFault {
  return { code: 'ERANGE', why: `it must be ${allowed}` }
}

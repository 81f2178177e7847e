import type { Setting } from '#core/model/observation.ts'
import { type Connection, type DomainStats, PAUSED } from './connection.ts'
import type { Link } from './link.ts'
import { type Pins, pinsOf, pinText } from './pins.ts'

/** A machine that runs now, as libvirt last told. */
export interface Machine {
  readonly uuid: string
  readonly name: string
  readonly link: Link
  /** Its control group. */
  readonly path: string
  readonly isPaused: boolean
  /** How many vCPUs it has, those that are parked inside included. */
  readonly vcpus: number
  /** CPUs that its threads may run on, as `pins.ts` writes them. */
  readonly cpus: string
}

export function machineOf(link: Link, path: string, { uuid, name, stats }: DomainStats, cpus: string): Machine {
  const vcpus = Number(stats.get('vcpu.current') ?? 1)
  return { uuid, name, link, path, isPaused: stats.get('state.state') === PAUSED, vcpus, cpus }
}

export async function readPins(connection: Connection, uuid: string, vcpus: number, cpus: number): Promise<string> {
  const pins: Pins = await connection.pins(uuid, vcpus, cpus)
  return pinText(pins)
}

/** Microseconds of the period in which libvirt counts a quota. */
const PERIOD_US = 100_000

/**
 * Changes live state only, through libvirt, which remembers it and would otherwise undo it. `cpus` is how many the host
 * has. A quota is for the whole machine, its emulator included: the quota of each vCPU is left alone.
 */
export async function setKnob(machine: Machine, knob: LibvirtKnob, to: Setting, cpus: number): Promise<void> {
  const { uuid, link } = machine
  await link.use(async (connection) => {
    if (knob === 'cpu.weight') return connection.setScheduler(uuid, [['cpu_shares', 'ullong', weightOf(to)]])
    if (knob === 'cpu.quota') {
      const quota = to === null ? -1 : Math.round((Number(to) * PERIOD_US) / 1000)
      return connection.setScheduler(uuid, [
        ['global_period', 'ullong', PERIOD_US],
        ['global_quota', 'llong', quota],
      ])
    }
    if (knob === 'freeze') {
      // libvirt refuses what is so already.
      if ((await connection.isPaused(uuid)) === (to === 1)) return
      return to === 1 ? connection.suspend(uuid) : connection.resume(uuid)
    }
    const pins = pinsOf(`${to ?? ''}`, machine.vcpus, cpus)
    for (const [vcpu, map] of pins.vcpus.entries()) if (map !== null) await connection.pinVcpu(uuid, vcpu, map)
    if (pins.emulator !== null) await connection.pinEmulator(uuid, pins.emulator)
  })
}

/** libvirt takes any number, and the kernel then makes of it what it likes. */
function weightOf(to: Setting): number {
  if (typeof to === 'number' && to > 0) return to
  throw new Error('a weight is a number above 0')
}

/** What is set through libvirt; the scheduling class of the threads is set by system call. */
export const LIBVIRT_KNOBS = ['cpu.weight', 'cpu.quota', 'cpu.set', 'freeze'] as const
export type LibvirtKnob = (typeof LIBVIRT_KNOBS)[number]

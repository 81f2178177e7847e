import type { Setting } from '#core/model/observation.ts'
import type { Connection, DomainStats } from './connection.ts'
import { describe } from './description.ts'
import { type Devices, devicesOf } from './devices.ts'
import { dirtyRateOf } from './dirty-rate.ts'
import { PAUSED } from './domain-list.ts'
import type { Link } from './link.ts'
import { pinsOf, pinText } from './pins.ts'

/** A machine that runs now, as libvirt last told. */
export interface Machine {
  readonly kind: 'machine'
  readonly uuid: string
  /** What libvirt gave it when it was started. */
  readonly id: number
  readonly name: string
  readonly link: Link
  /** Its control group. */
  readonly path: string
  readonly isPaused: boolean
  /** Whether the last look was told of it: else its memory and what its devices have counted are no new readings. */
  readonly isToldNow: boolean
  /** When what its devices have counted was read. */
  readonly toldAtMs: number
  /** How many vCPUs it has, those that are parked inside included. */
  readonly vcpus: number
  /** How many it can have. */
  readonly mostVcpus: number
  /** CPUs that its threads may run on, as `pins.ts` writes them. */
  readonly cpus: string
  readonly hasBalloon: boolean
  readonly memory: MachineMemory
  readonly devices: Devices
}

/** In bytes. */
export interface MachineMemory {
  /** What its balloon leaves it now. */
  readonly actual: number
  /** What it could have without the balloon. */
  readonly most: number
  /** What of it the guest could not do without; all of it where the guest does not tell. */
  readonly workingSet: number
  /** What of the host's memory backs it, its emulator included. */
  readonly resident: number
  /** How much of it changes each second; undefined where nobody has measured that. */
  readonly dirtyRate: number | undefined
}

/** Groups of counters that a machine is made of. */
export const MACHINE_STATS = ['state', 'balloon', 'interface', 'block', 'vcpu', 'dirtyrate'] as const

/**
 * As told now. What was not told is as `known`, but for counters: an old one is none. Pins are told with the vCPUs.
 * @throws where it is not known yet, and not told in full.
 */
export async function machineOf(
  connection: Connection,
  link: Link,
  path: string,
  { uuid, id, name, stats, pins }: DomainStats,
  toldAtMs: number,
  known: Machine | null,
): Promise<Machine> {
  const number = (field: string): number | undefined => {
    const value = stats.get(field)
    return typeof value === 'number' ? value : undefined
  }
  // One that is busy with another task may leave out its balloon.
  const isTold = stats.has('balloon.current')
  const vcpus = number('vcpu.current') ?? known?.vcpus ?? 1
  const cpus = pins === null ? known?.cpus : pinText(pins)
  if (cpus === undefined) throw new Error(`libvirt does not tell on which CPUs ${name} may run`)
  const actual = (number('balloon.current') ?? 0) * 1024
  const usable = (number('balloon.usable') ?? 0) * 1024
  const told = {
    actual,
    most: (number('balloon.maximum') ?? 0) * 1024,
    workingSet: Math.max(0, actual - usable),
    resident: (number('balloon.rss') ?? 0) * 1024,
  }
  return {
    kind: 'machine',
    uuid,
    id,
    name,
    link,
    path,
    isPaused: number('state.state') === PAUSED,
    isToldNow: isTold,
    toldAtMs,
    vcpus,
    mostVcpus: number('vcpu.maximum') ?? known?.mostVcpus ?? vcpus,
    cpus,
    hasBalloon: known?.hasBalloon ?? describe(await connection.description(uuid)).hasBalloon,
    memory: {
      ...(isTold || known === null ? told : known.memory),
      dirtyRate: stats.has('dirtyrate.calc_status') ? dirtyRateOf(stats) : known?.memory.dirtyRate,
    },
    devices: devicesOf(stats, known?.devices.disks),
  }
}

export async function readPinText(connection: Connection, uuid: string, vcpus: number, cpus: number): Promise<string> {
  return pinText(await connection.pins(uuid, vcpus, cpus))
}

/** Microseconds of the period in which libvirt counts a quota. */
export const PERIOD_US = 100_000

/**
 * Changes live state only, through libvirt, which remembers it and would otherwise undo it. `cpus` is how many the host
 * has. A quota is for the whole machine, its emulator included: the quota of each vCPU is left alone.
 */
export async function setKnob(machine: Machine, knob: LibvirtKnob, to: Setting, cpus: number): Promise<void> {
  const { uuid, link } = machine
  await link.use(async (connection) => {
    switch (knob) {
      case 'cpu.weight':
        return connection.setScheduler(uuid, [['cpu_shares', 'ullong', amountOf(knob, to)]])
      case 'cpu.quota':
        return connection.setScheduler(uuid, [
          ['global_period', 'ullong', PERIOD_US],
          ['global_quota', 'llong', quotaUs(to)],
        ])
      case 'memory.balloon':
        return connection.setMemory(uuid, amountOf(knob, to))
      case 'freeze':
        return freeze(connection, uuid, to)
      case 'cpu.set':
        return setPins(connection, machine, `${to ?? ''}`, cpus)
    }
  })
}

async function setPins(connection: Connection, { uuid, vcpus }: Machine, text: string, cpus: number): Promise<void> {
  const pins = pinsOf(text, vcpus, cpus)
  for (const [vcpu, map] of pins.vcpus.entries()) if (map !== null) await connection.pinVcpu(uuid, vcpu, map)
  if (pins.emulator !== null) await connection.pinEmulator(uuid, pins.emulator)
}

/** libvirt refuses what is so already. */
export async function freeze(connection: Connection, uuid: string, to: Setting): Promise<void> {
  if ((await connection.isPaused(uuid)) === (to === 1)) return
  await (to === 1 ? connection.suspend(uuid) : connection.resume(uuid))
}

/** Microseconds of CPU time in each period; -1 is no limit. */
export function quotaUs(to: Setting): number {
  return to === null ? -1 : Math.round((amountOf('cpu.quota', to) * PERIOD_US) / 1000)
}

/** libvirt takes any number, and the kernel then makes of it what it likes. */
export function amountOf(knob: LibvirtKnob, to: Setting): number {
  if (typeof to === 'number' && to > 0) return to
  throw new Error(`${knob} is a number above 0`)
}

/** What is set through libvirt; the scheduling class of the threads is set by system call. */
export const LIBVIRT_KNOBS = ['cpu.weight', 'cpu.quota', 'cpu.set', 'memory.balloon', 'freeze'] as const
export type LibvirtKnob = (typeof LIBVIRT_KNOBS)[number]

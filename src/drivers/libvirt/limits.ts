import type { DomainObservation, Knob, Setting, Settings } from '#core/model/observation.ts'
import type { DomainPolicy } from '#core/model/policy.ts'
import type { Layout } from '#drivers/cgroup/layout.ts'
import { threadsOf } from '#drivers/cgroup/members.ts'
import { inTime } from '#lib/in-time.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { confirmed } from './confirmed.ts'
import { readDiskLimits, setDiskLimits } from './disk-limits.ts'
import type { Named } from './inventory.ts'
import type { Machine } from './machine.ts'
import { type QueueReader, queueReader, readNetLimits, setNetLimit, type Taps, tapsOf } from './traffic-control.ts'

/** The limits of what a machine moves through its devices, in bytes per second, where null is no limit. */
const DEVICE_LIMITS = ['io.read.limit', 'io.write.limit', 'net.rx.limit', 'net.tx.limit'] as const
export type DeviceLimit = (typeof DEVICE_LIMITS)[number]

export function isDeviceLimit(knob: Knob): knob is DeviceLimit {
  return DEVICE_LIMITS.includes(knob as DeviceLimit)
}

const LACKS = {
  devices: 'the machine has no such device',
  disks: 'somebody else limits its disks, and not all of them together by direction',
  interfaces: 'not all its interfaces are taps of this host, or somebody else has an ingress queue on one',
}
/** A look waits no longer than this for all of them. */
const RENEW_MS_MAX = 5000
/** Below it a guest takes its disk for broken. */
const LEAST = 64 * 1024

/** Those that serve a resource which the policy controls or shares out: the others are not offered, and cost nothing. */
function limitsWanted({ controls, shares }: DomainPolicy): readonly DeviceLimit[] {
  const resources = [...controls, ...Object.keys(shares)]
  return DEVICE_LIMITS.filter((knob) => resources.some((key) => `${key}.limit` === knob))
}

/** What a machine has of the limits that its policy wants, and why it lacks the others. */
interface Told {
  readonly settings: Settings
  readonly lacks: Readonly<Record<string, string>>
}

const NOTHING: Told = { settings: {}, lacks: {} }

/** The limits of the machines that are managed, as last read; what there was no time to read since stands. */
export class DeviceLimits {
  readonly #layout: Layout
  /** By its group. */
  #last: ReadonlyMap<string, Told> = new Map()
  #reading: Promise<void> | null = null
  /** After changes that were made while all were read anew. */
  #confirmed = new Map<string, Told>()

  constructor(layout: Layout) {
    this.#layout = layout
  }

  /** The observation of a guest, by its control group, with its limits or why it has none. */
  seen(path: string, without: DomainObservation): DomainObservation {
    const told = this.#last.get(path)
    if (told === undefined) return without
    const settings = { ...without.settings, ...told.settings }
    return { ...without, settings, lacks: { ...without.lacks, ...told.lacks } }
  }

  /** Reads those that their policies want anew, as far as there is time for it. */
  async renew(managed: readonly Named[]): Promise<void> {
    const wanted = new Map<Machine, readonly DeviceLimit[]>()
    for (const { guest, policy } of managed) {
      const limits = limitsWanted(policy)
      if (guest.kind === 'machine' && limits.length > 0) wanted.set(guest, limits)
    }
    // One that takes longer goes on, and no other begins meanwhile.
    this.#reading ??= this.#readAll(wanted).finally(() => {
      this.#reading = null
    })
    await inTime(this.#reading, AbortSignal.timeout(RENEW_MS_MAX)).catch(() => {})
  }

  /** undefined where the machine has no such limit. @throws where it cannot be told. */
  async read(machine: Machine, knob: DeviceLimit): Promise<Setting | undefined> {
    return (await this.#read(machine, [knob], queueReader()))[knob]
  }

  /** Changes live state only. @throws with what libvirt or the kernel said. */
  async set(machine: Machine, knob: DeviceLimit, to: Setting): Promise<void> {
    if (knob === 'net.rx.limit' || knob === 'net.tx.limit') {
      const taps = tapsOfMachine(this.#layout, machine)
      if (taps === null) throw new Error('not all of its network interfaces are taps of this host')
      return setNetLimit(taps, knob === 'net.rx.limit' ? 'rx' : 'tx', atLeast(to))
    }
    const { uuid, link, devices } = machine
    const way = knob === 'io.read.limit' ? 'read' : 'write'
    await link.use((connection) => setDiskLimits(connection, uuid, devices.disks, { [way]: atLeast(to) }))
  }

  /** What is in force after a change. @throws where that is not what was asked for. */
  async confirm(machine: Machine, knob: DeviceLimit, to: Setting): Promise<Setting> {
    const inForce = confirmed((await this.read(machine, knob)) ?? null, atLeast(to))
    const { settings, lacks } = this.#last.get(machine.path) ?? NOTHING
    const told = { settings: { ...settings, [knob]: inForce }, lacks }
    this.#last = new Map(this.#last).set(machine.path, told)
    this.#confirmed.set(machine.path, told)
    return inForce
  }

  /** What of the kernel several machines share is read once. */
  async #readAll(wanted: ReadonlyMap<Machine, readonly DeviceLimit[]>): Promise<void> {
    this.#confirmed = new Map()
    const queuesOf = queueReader()
    const last = new Map<string, Told>()
    for (const [machine, limits] of wanted) {
      const told = await this.#read(machine, limits, queuesOf).then(
        (settings) => ({ settings, lacks: lacksOf(machine, limits, settings) }),
        (error: unknown) => ({
          settings: {},
          lacks: Object.fromEntries(limits.map((knob) => [knob, reasonOf(error)])),
        }),
      )
      last.set(machine.path, told)
    }
    // Of those that were changed meanwhile something may have been read before the change.
    for (const [path, told] of this.#confirmed) if (last.has(path)) last.set(path, told)
    this.#last = last
  }

  async #read(machine: Machine, wanted: readonly DeviceLimit[], queuesOf: QueueReader): Promise<Settings> {
    const { uuid, link, devices } = machine
    const found: Partial<Record<Knob, Setting>> = {}
    if (wanted.some((knob) => knob.startsWith('io.'))) {
      const limits = await link.use((connection) => readDiskLimits(connection, uuid, devices.disks))
      if (limits !== null) Object.assign(found, { 'io.read.limit': limits.read, 'io.write.limit': limits.write })
    }
    const taps = wanted.some((knob) => knob.startsWith('net.')) ? tapsOfMachine(this.#layout, machine) : null
    const limits = taps === null ? null : await readNetLimits(taps, await queuesOf(taps.task))
    if (limits !== null) Object.assign(found, { 'net.rx.limit': limits.rx, 'net.tx.limit': limits.tx })
    return Object.fromEntries(Object.entries(found).filter(([knob]) => wanted.includes(knob as DeviceLimit)))
  }
}

function lacksOf({ devices }: Machine, wanted: readonly DeviceLimit[], found: Settings): Told['lacks'] {
  const reasonFor = (knob: DeviceLimit): string => {
    const { length } = knob.startsWith('io.') ? devices.disks : devices.interfaces
    return length === 0 ? LACKS.devices : knob.startsWith('io.') ? LACKS.disks : LACKS.interfaces
  }
  return Object.fromEntries(wanted.filter((knob) => !(knob in found)).map((knob) => [knob, reasonFor(knob)]))
}

const atLeast = (to: Setting): number | null => (to === null ? null : Math.max(LEAST, Math.round(Number(to))))

/** null where it has no interfaces, or one that is no tap of this host: what passes that is not seen here. */
function tapsOfMachine(layout: Layout, { path, uuid, devices: { interfaces } }: Machine): Taps | null {
  const [task] = threadsOf(layout, path)
  if (task === undefined || interfaces.length === 0) return null
  const taps = tapsOf(task)
  return interfaces.every((name) => taps.has(name)) ? { uuid, task, names: interfaces } : null
}

import type { ParamValue } from './params.ts'

/** The disks and network interfaces of a machine, by the names that libvirt knows them by, and what they have moved. */
export interface Devices {
  /** `vda`, `vdb`: as the definition has them. An empty drive is none. */
  readonly disks: readonly string[]
  /** Names on the host: `vnet0`. */
  readonly interfaces: readonly string[]
  /** Bytes, operations and packets since it started, summed over its devices, as the machine sees them. */
  readonly counters: Readonly<Record<string, number>>
}

const OF_DISK = { 'io.read': 'rd.bytes', 'io.write': 'wr.bytes', 'io.readOps': 'rd.reqs', 'io.writeOps': 'wr.reqs' }
const OF_INTERFACE = {
  'net.rx': 'rx.bytes',
  'net.tx': 'tx.bytes',
  'net.rxPackets': 'rx.pkts',
  'net.txPackets': 'tx.pkts',
  'net.rxDrops': 'rx.drop',
  'net.txDrops': 'tx.drop',
}

/**
 * Of the fields `block.0.rd.bytes`, `net.0.rx.pkts` and so on; a machine without disks has no counters of disks. Where
 * nobody asked for disks they are those that are `known`.
 */
export function devicesOf(stats: ReadonlyMap<string, ParamValue>, known: readonly string[] = []): Devices {
  const disks = stats.has('block.count') ? disksOf(stats) : known
  const interfaces = namesOf(stats, 'net')
  const counters = {
    ...sums(stats, 'block', OF_DISK),
    ...sums(stats, 'net', OF_INTERFACE),
  }
  return { disks, interfaces, counters }
}

/** What has neither a medium nor a size is an empty drive, whose limits QEMU refuses to tell and to set. */
function disksOf(stats: ReadonlyMap<string, ParamValue>): string[] {
  return namesOf(stats, 'block', (disk) => stats.has(`${disk}.path`) || stats.has(`${disk}.capacity`))
}

function namesOf(
  stats: ReadonlyMap<string, ParamValue>,
  group: 'block' | 'net',
  isOne: (device: string) => boolean = () => true,
): string[] {
  return devicesIn(stats, group)
    .filter(isOne)
    .map((device) => `${stats.get(`${device}.name`)}`)
}

/** What the fields of each begin with. */
function devicesIn(stats: ReadonlyMap<string, ParamValue>, group: 'block' | 'net'): string[] {
  return Array.from({ length: Number(stats.get(`${group}.count`) ?? 0) }, (_, i) => `${group}.${i}`)
}

function sums(
  stats: ReadonlyMap<string, ParamValue>,
  group: 'block' | 'net',
  fields: Readonly<Record<string, string>>,
): Record<string, number> {
  const counters: Record<string, number> = {}
  const devices = devicesIn(stats, group)
  const told = Object.values(fields).some((field) => devices.some((device) => stats.has(`${device}.${field}`)))
  // There are none but empty drives, or the machine is busy with another task.
  if (!told) return counters
  for (const [counter, field] of Object.entries(fields)) {
    // What one device does not tell (an empty drive) it has not done.
    counters[counter] = devices.reduce((sum, device) => sum + Number(stats.get(`${device}.${field}`) ?? 0), 0)
  }
  return counters
}

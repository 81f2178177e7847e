import type { ParamValue } from './params.ts'

/** The disks and network interfaces of a machine, by the names that libvirt knows them by, and what they have moved. */
export interface Devices {
  /** `vda`, `vdb`: as the definition has them. */
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

/** Of the fields `block.0.rd.bytes`, `net.0.rx.pkts` and so on; a machine without disks has no counters of disks. */
export function devicesOf(stats: ReadonlyMap<string, ParamValue>): Devices {
  const disks = namesOf(stats, 'block')
  const interfaces = namesOf(stats, 'net')
  const counters = {
    ...sums(stats, 'block', disks.length, OF_DISK),
    ...sums(stats, 'net', interfaces.length, OF_INTERFACE),
  }
  return { disks, interfaces, counters }
}

function namesOf(stats: ReadonlyMap<string, ParamValue>, group: 'block' | 'net'): string[] {
  const names: string[] = []
  for (let i = 0; i < Number(stats.get(`${group}.count`) ?? 0); i++) names.push(`${stats.get(`${group}.${i}.name`)}`)
  return names
}

function sums(
  stats: ReadonlyMap<string, ParamValue>,
  group: 'block' | 'net',
  count: number,
  fields: Readonly<Record<string, string>>,
): Record<string, number> {
  const counters: Record<string, number> = {}
  for (const [counter, field] of Object.entries(fields)) {
    // What a device does not tell (an empty drive) it has not done.
    for (let i = 0; i < count; i++)
      counters[counter] = (counters[counter] ?? 0) + Number(stats.get(`${group}.${i}.${field}`) ?? 0)
  }
  return counters
}

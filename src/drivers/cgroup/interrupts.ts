import { readdirSync, readFileSync } from 'node:fs'
import type { Cpu } from '#core/model/observation.ts'

/**
 * Which CPUs serve the interrupts of the host's network and disk devices. Sources: /proc/interrupts (proc(5)); for PCI
 * devices, which most are, their class codes and the numbers of their interrupts (Documentation/ABI/testing/
 * sysfs-bus-pci of the kernel); for others the names that drivers give, and the virtio specification, section 5.
 */

/** By CPU, a second or in all. */
export type Interrupts = ReadonlyMap<number, NonNullable<Cpu['interrupts']>>
type Kind = keyof NonNullable<Cpu['interrupts']>

/** The first byte of a PCI class code. */
const PCI_CLASSES: Readonly<Record<string, Kind>> = { '0x01': 'disk', '0x02': 'network' }
/** What drivers of devices on other buses call their interrupts, after an interface, a disk or themselves. */
const NAMES: Readonly<Record<Kind, RegExp>> = {
  network: /^(eth\d|en(o|s|p|x)[0-9a-f]|wl(an|p|o)\d|vif\d)/,
  disk: /^(blkif|mmc\d|ufshcd|nvme\d|ahci|ata_|sata)/,
}
/** Types of virtio devices: 1 sends packets, 2 is a disk, 8 has disks behind it. */
const VIRTIO: Readonly<Record<number, Kind>> = { 1: 'network', 2: 'disk', 8: 'disk' }

/** Milliseconds from one reading to the next; longer where it takes long, so that it is never more than 1/10000 of the time. */
const INTERVAL_MS = 10_000
const PER_MS_TAKEN = 10_000

/**
 * What was counted since the host started; rows of other devices, timers and calls between CPUs are left out. `kinds` are
 * of the interrupts whose devices are known, by number.
 */
export function parseInterrupts(
  text: string,
  kinds: ReadonlyMap<number, Kind | null>,
  virtioType: (device: string) => number | null,
): Interrupts {
  const [header = '', ...rows] = text.split('\n')
  const cpus = header
    .trim()
    .split(/\s+/)
    .map((name) => Number(name.slice('CPU'.length)))
  const counted = new Map(cpus.map((cpu) => [cpu, { network: 0, disk: 0 }]))
  for (const row of rows) {
    const fields = row.trim().split(/[\s,]+/)
    const number = /^(\d+):$/.exec(fields[0] ?? '')?.[1]
    if (number === undefined) continue
    const known = kinds.get(Number(number))
    const kind = known === undefined ? kindByName(fields.slice(cpus.length + 1), virtioType) : known
    if (kind === null) continue
    for (const [index, cpu] of cpus.entries()) {
      const its = counted.get(cpu)
      if (its !== undefined) its[kind] += Number(fields[index + 1]) || 0
    }
  }
  return counted
}

/** By the first word behind the counts that says anything; chips and edges come before the names. */
function kindByName(words: readonly string[], virtioType: (device: string) => number | null): Kind | null {
  for (const word of words) {
    const device = /^virtio\d+(?=-)/.exec(word)?.[0]
    if (device !== undefined) return VIRTIO[virtioType(device) ?? 0] ?? null
    if (NAMES.network.test(word)) return 'network'
    if (NAMES.disk.test(word)) return 'disk'
  }
  return null
}

/**
 * Of each interrupt that a PCI device has for itself, what the device is for; null for others than networks and disks. A
 * line that devices share (INTx) is left to its name.
 */
export function kindsOfPci(devices = '/sys/bus/pci/devices'): Map<number, Kind | null> {
  const kinds = new Map<number, Kind | null>()
  for (const device of namesIn(devices)) {
    const numbers = namesIn(`${devices}/${device}/msi_irqs`)
    if (numbers.length === 0) continue
    const kind = PCI_CLASSES[textOf(`${devices}/${device}/class`)?.slice(0, 4) ?? ''] ?? null
    for (const number of numbers) kinds.set(Number(number), kind)
  }
  return kinds
}

/** A second, in whole ones. A device that is gone takes its counts with it, which is no rate below 0. */
export function ratesBetween(before: Interrupts, now: Interrupts, elapsedMs: number): Interrupts {
  const rates = new Map<number, { network: number; disk: number }>()
  for (const [cpu, { network, disk }] of now) {
    const last = before.get(cpu)
    if (last === undefined) continue
    const rate = (count: number) => Math.max(0, Math.round((count * 1000) / elapsedMs))
    rates.set(cpu, { network: rate(network - last.network), disk: rate(disk - last.disk) })
  }
  return rates
}

/**
 * Rates as of the last two readings: the same map until they are read anew, an empty one before that. `count` reads, and
 * `clock` tells how many milliseconds it took.
 */
export function interruptRates(count = countedNow, clock = () => performance.now()): (nowMs: number) => Interrupts {
  let rates: Interrupts = new Map()
  let last: { readonly counted: Interrupts; readonly atMs: number } | null = null
  let dueMs = 0
  return (nowMs) => {
    if (nowMs < dueMs) return rates
    const startedMs = clock()
    const counted = count()
    // The first of a process takes many times what the others take, and without a second there are no rates.
    const tookMs = last === null ? 0 : clock() - startedMs
    dueMs = nowMs + Math.max(INTERVAL_MS, tookMs * PER_MS_TAKEN)
    if (last !== null) rates = ratesBetween(last.counted, counted, nowMs - last.atMs)
    last = { counted, atMs: nowMs }
    return rates
  }
}

function countedNow(): Interrupts {
  const types = new Map<string, number | null>()
  const typeOf = (device: string): number | null => {
    let type = types.get(device)
    if (type === undefined) {
      type = virtioType(device)
      types.set(device, type)
    }
    return type
  }
  const text = textOf('/proc/interrupts')
  // Containers may hide it: then nobody serves any.
  return text === null ? new Map() : parseInterrupts(text, kindsOfPci(), typeOf)
}

function virtioType(device: string): number | null {
  const text = textOf(`/sys/bus/virtio/devices/${device}/device`)
  return text === null ? null : Number(text)
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

import { readFileSync } from 'node:fs'
import type { Cpu } from '#core/model/observation.ts'

/**
 * Which CPUs serve the interrupts of the host's network and disk devices. Source: /proc/interrupts (proc(5)), whose
 * rows end with the names that drivers gave, and the virtio specification, section 5, for the types of its devices.
 */

/** By CPU, a second or in all. */
export type Interrupts = ReadonlyMap<number, NonNullable<Cpu['interrupts']>>
type Kind = keyof NonNullable<Cpu['interrupts']>

/** What a driver calls its interrupts: after the interface (`eth0-TxRx-3`), the device (`nvme0q7`), or itself (`ahci[...]`). */
const NAMES: Readonly<Record<Kind, RegExp>> = {
  network:
    /^(eth\d|en(o|s|p|x|P)[0-9a-f]|em\d|wl(an|p|o)\d|ib\d|mlx\d|ixgbe|i40e|iavf|ice-|igb|igc|e1000|bnx|be2net|tg3|r8169|ena-|gve-|qed|cxgb|vmxnet|vif\d|sfc|hns3|nfp|ionic)/,
  disk: /^(nvme\d|ahci|ata_|sata|mega(sas|raid)|mpt\d?sas|mpi3mr|aacraid|smartpqi|hpsa|qla2xxx|lpfc|arcmsr|(vmw_)?pvscsi|blkif|isci|mmc\d|ufshcd)/,
}
/** Types of virtio devices: 1 sends packets, 2 is a disk, 8 has disks behind it. */
const VIRTIO: Readonly<Record<number, Kind>> = { 1: 'network', 2: 'disk', 8: 'disk' }

/** Milliseconds from one reading to the next; longer where it takes long, so that it is never more than 1/10000 of the time. */
const INTERVAL_MS = 10_000
const PER_MS_TAKEN = 10_000

/** What was counted since the host started; rows of other devices, timers and calls between CPUs are left out. */
export function parseInterrupts(text: string, virtioType: (device: string) => number | null): Interrupts {
  const [header = '', ...rows] = text.split('\n')
  const cpus = header
    .trim()
    .split(/\s+/)
    .map((name) => Number(name.slice('CPU'.length)))
  const counted = new Map(cpus.map((cpu) => [cpu, { network: 0, disk: 0 }]))
  for (const row of rows) {
    const fields = row.trim().split(/[\s,]+/)
    if (!/^\d+:$/.test(fields[0] ?? '')) continue
    const kind = kindOf(fields.slice(cpus.length + 1), virtioType)
    if (kind === null) continue
    for (const [index, cpu] of cpus.entries()) {
      const its = counted.get(cpu)
      if (its !== undefined) its[kind] += Number(fields[index + 1]) || 0
    }
  }
  return counted
}

/** By the first word behind the counts that says anything; chips and edges come before the names. */
function kindOf(words: readonly string[], virtioType: (device: string) => number | null): Kind | null {
  for (const word of words) {
    const device = /^virtio\d+(?=-)/.exec(word)?.[0]
    if (device !== undefined) return VIRTIO[virtioType(device) ?? 0] ?? null
    if (NAMES.network.test(word)) return 'network'
    if (NAMES.disk.test(word)) return 'disk'
  }
  return null
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

/** Rates as of the last two readings: the same map until they are read anew, an empty one before that. */
export function interruptRates(): (nowMs: number) => Interrupts {
  let rates: Interrupts = new Map()
  let last: { readonly counted: Interrupts; readonly atMs: number } | null = null
  let dueMs = 0
  return (nowMs) => {
    if (nowMs < dueMs) return rates
    const startedMs = performance.now()
    const counted = countedNow()
    dueMs = nowMs + Math.max(INTERVAL_MS, (performance.now() - startedMs) * PER_MS_TAKEN)
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
  try {
    return parseInterrupts(readFileSync('/proc/interrupts', 'latin1'), typeOf)
  } catch {
    // Containers may hide it: then nobody serves any.
    return new Map()
  }
}

function virtioType(device: string): number | null {
  try {
    return Number(readFileSync(`/sys/bus/virtio/devices/${device}/device`, 'latin1'))
  } catch {
    return null
  }
}

import type { Cpu, HostCapacity, Topology } from '#core/model/observation.ts'
import { parseCpuList } from '#lib/cpu-list.ts'
import { countersOf, type GroupCounters } from './counters.ts'
import { placesTo } from './groups.ts'
import { type Interrupts, interruptRates } from './interrupts.ts'
import { KeptFile } from './kept-file.ts'
import { knobFiles } from './knobs.ts'
import { dirOf, findLayout, type Layout, parentPath } from './layout.ts'
import { monotonicMs } from './monotonic.ts'
import { cpusOf } from './topology.ts'

/** What the host offers: CPUs and memory that may be used, and how much of them everybody uses. */
export interface HostWatch {
  /**
   * `above` is the deepest group that holds all domains; its limits and those above it bound what Reeve may use.
   * Interrupts are counted only where somebody asks.
   */
  observe(
    above: string,
    countsInterrupts?: boolean,
  ): { readonly capacity: Readonly<Record<string, HostCapacity>>; readonly topology: Topology }
  readonly cpuCount: number
  close(): void
}

export function watchHost(layout: Layout): HostWatch {
  const online = new KeptFile('/sys/devices/system/cpu/online')
  const meminfo = new KeptFile('/proc/meminfo')
  const busy = busyTimes()
  const rates = interruptRates()
  const none: Interrupts = new Map()
  let bounds = boundsOf(layout, '')
  let boundsAbove = ''
  let list = ''
  let cpus: readonly Cpu[] = []
  let interrupts = none
  let topology: Topology = { cpus }
  return {
    get cpuCount() {
      return topology.cpus.length
    },
    observe(above, countsInterrupts = false) {
      if (above !== boundsAbove) {
        bounds.close()
        bounds = boundsOf(layout, above)
        boundsAbove = above
      }
      // A set is never empty for the kernel: where no group bounds it, all that are online may be used.
      const usable = `${online.text()?.trim()}&${bounds.cpus()}`
      const served = countsInterrupts ? rates(monotonicMs()) : none
      if (usable !== list) cpus = usableCpus(usable)
      if (usable !== list || served !== interrupts) topology = { cpus: withInterrupts(cpus, served) }
      list = usable
      interrupts = served
      const usedMilli = busy.read(topology.cpus)
      const text = meminfo.text() ?? ''
      const total = kibibytes(text, 'MemTotal')
      const cpu = bounds.cpu(topology.cpus.length * 1000) ?? { total: topology.cpus.length * 1000, used: usedMilli }
      const memory = bounds.memory(total) ?? { total, used: total - kibibytes(text, 'MemAvailable') }
      return { capacity: { cpu, memory }, topology }
    },
    close() {
      for (const one of [online, meminfo, busy, bounds]) one.close()
    },
  }
}

/**
 * What this host offers to domains, in millicores and bytes, within what CPU sets, quotas and limits of the groups
 * above leave of it; null where there are no control groups.
 */
export function capacityHere(): { readonly cpu: number; readonly memory: number } | null {
  // Of the name nothing depends but the group that it would have; the place above that is what counts.
  const layout = process.platform === 'linux' ? findLayout('reeve') : null
  if (layout === null) return null
  const host = watchHost(layout)
  try {
    const { cpu, memory } = host.observe(parentPath(layout.rootPath)).capacity as Record<'cpu' | 'memory', HostCapacity>
    return { cpu: cpu.total, memory: memory.total }
  } finally {
    host.close()
  }
}

/** `0-3&0-1`: those in both lists; an empty second one bounds nothing. */
function usableCpus(lists: string): Cpu[] {
  const [online, bound] = lists.split('&').map(parseCpuList) as [number[], number[]]
  return cpusOf(online.filter((id) => bound.length === 0 || bound.includes(id)))
}

function withInterrupts(cpus: readonly Cpu[], rates: Interrupts): readonly Cpu[] {
  if (rates.size === 0) return cpus
  return cpus.map((cpu) => {
    const interrupts = rates.get(cpu.id)
    return interrupts === undefined ? cpu : { ...cpu, interrupts }
  })
}

/** What the groups from the top down to one allow. */
function boundsOf(layout: Layout, above: string) {
  const effective = layout.version === 1 ? 'cpuset.effective_cpus' : 'cpuset.cpus.effective'
  const places = placesTo(above)
  const sets = places
    .flatMap((place) => {
      const dir = dirOf(layout, 'cpuset', place)
      return dir === null ? [] : [new KeptFile(`${dir}/${effective}`)]
    })
    .reverse()
  const cpu = bound(layout, places, 'cpu', 'cpu.quota', (counters) => {
    const counted: Record<string, number> = {}
    return counters.readFast(counted, false) ? counted['cpu'] : undefined
  })
  const memory = bound(layout, places, 'memory', 'memory.limit', (counters) => {
    const levels: Record<string, number> = {}
    counters.readSlow({}, levels)
    return levels['memory']
  })
  return {
    /** Of the deepest group that has a set; the effective one already lies within those above. */
    cpus: () => sets.map((file) => file.text()?.trim()).find(Boolean) ?? '',
    cpu: cpu.tightest,
    memory: memory.tightest,
    close() {
      for (const file of sets) file.close()
      for (const one of [cpu, memory]) one.close()
    },
  }
}

/**
 * The tightest bound that the groups of some places set, and what is used within it, by whomever: what others use
 * elsewhere takes nothing of it. null where none is tighter than what the host has.
 */
function bound(
  layout: Layout,
  places: readonly string[],
  controller: 'cpu' | 'memory',
  knob: 'cpu.quota' | 'memory.limit',
  usedOf: (counters: GroupCounters) => number | undefined,
) {
  const { files, decode } = knobFiles(layout, knob)
  const bounds = places.flatMap((place) => {
    const dir = dirOf(layout, controller, place)
    return dir === null ? [] : [{ place, kept: files.map((file) => new KeptFile(`${dir}/${file}`)) }]
  })
  let at: string | null = null
  let counters: GroupCounters | null = null
  return {
    tightest(total: number): HostCapacity | null {
      let least = total
      let tightest: string | null = null
      for (const { place, kept } of bounds) {
        const texts = kept.map((file) => file.text())
        const amount = texts.includes(null) ? null : decode(texts as string[], '')
        if (amount === null || Number(amount) >= least) continue
        least = Number(amount)
        tightest = place
      }
      if (tightest !== at) counters?.close()
      if (tightest !== at) counters = tightest === null ? null : countersOf(layout, tightest)
      at = tightest
      return counters === null ? null : { total: least, used: usedOf(counters) ?? null }
    },
    close() {
      counters?.close()
      for (const { kept } of bounds) for (const file of kept) file.close()
    },
  }
}

/** `MemTotal:       24 kB` in bytes. */
function kibibytes(text: string, name: string): number {
  return (Number.parseInt(text.slice(text.indexOf(`${name}:`) + name.length + 1), 10) || 0) * 1024
}

/** Ticks of /proc/stat in a second, whatever the kernel's own rate. */
const TICKS_PER_SECOND = 100

/**
 * Busy time of the usable CPUs in millicore-seconds, summed from differences per CPU: a CPU that goes or comes back
 * neither takes its past with it nor brings one. Time stolen by the hypervisor is nobody's use.
 */
function busyTimes() {
  const stat = new KeptFile('/proc/stat')
  const seen = new Map<number, number>()
  let total = 0
  return {
    read(cpus: readonly Cpu[]): number {
      const ticks = busyTicks(stat.text() ?? '')
      for (const { id } of cpus) {
        const now = ticks.get(id)
        const before = seen.get(id)
        if (now !== undefined && before !== undefined && now > before) total += now - before
      }
      for (const [id, now] of ticks) seen.set(id, now)
      return (total * 1000) / TICKS_PER_SECOND
    },
    close: () => stat.close(),
  }
}

/** `cpu0 user nice system idle iowait irq softirq steal ...`. */
function busyTicks(text: string): Map<number, number> {
  const ticks = new Map<number, number>()
  for (let at = text.indexOf('\ncpu') + 1; text.startsWith('cpu', at); at = text.indexOf('\n', at) + 1) {
    const fields = text.slice(at, text.indexOf('\n', at)).split(' ').map(Number)
    const [, user, nice, system, , , irq, softirq] = fields as number[]
    const id = Number(text.slice(at + 3, text.indexOf(' ', at)))
    ticks.set(id, (user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0))
  }
  return ticks
}

import { fieldOf, KeptFile } from './kept-file.ts'
import { dirIn, dirOf, type Layout } from './layout.ts'

/**
 * What the kernel counts for one group, in the model's names and units. The fast ones are read every turn; the slow
 * ones (memory, I/O, pressure) cost ten times as much and are read when asked for.
 */
export interface GroupCounters {
  /** False where the group is gone. `throttling` says whether a quota is in force, without which nothing throttles. */
  readFast(counters: Record<string, number>, throttling: boolean): boolean
  readSlow(counters: Record<string, number>, levels: Record<string, number>): void
  close(): void
}

export function countersOf(layout: Layout, path: string): GroupCounters {
  const slow = slowReaders(layout, path)
  const fast = layout.version === 1 ? fastV1(layout, path) : fastV2(layout, path)
  return {
    readFast: fast.read,
    readSlow(counters, levels) {
      for (const { file, read } of slow) {
        const text = file.text()
        if (text !== null) read(text, counters, levels)
      }
    },
    close() {
      for (const file of fast.files) file.close()
      for (const { file, beside } of slow) {
        file.close()
        beside?.close()
      }
    },
  }
}

interface Fast {
  readonly files: readonly KeptFile[]
  readonly read: GroupCounters['readFast']
}

/** Nanoseconds of CPU time are millicore-seconds x 10^6: one CPU for a second is 10^9 ns and 1000 millicore-seconds. */
function fastV1(layout: Layout, path: string): Fast {
  const usage = new KeptFile(`${dirOf(layout, 'cpuacct', path)}/cpuacct.usage`)
  const stat = new KeptFile(`${dirOf(layout, 'cpu', path)}/cpu.stat`)
  let throttledMs: number | null = null
  return {
    files: [usage, stat],
    read(counters, throttling) {
      const usageNs = usage.number()
      if (usageNs === null) return false
      counters['cpu'] = usageNs / 1e6
      if (throttling || throttledMs === null) {
        const throttledNs = fieldOf(stat.text() ?? '', 'throttled_time')
        throttledMs = throttledNs === null ? null : throttledNs / 1e6
      }
      if (throttledMs !== null) counters['cpu.throttledMs'] = throttledMs
      return true
    },
  }
}

/** One file has both, in microseconds; throttling only where the cpu controller is handed down. */
function fastV2(layout: Layout, path: string): Fast {
  const stat = new KeptFile(`${dirIn(layout, layout.base, path)}/cpu.stat`)
  return {
    files: [stat],
    read(counters) {
      const text = stat.text()
      const usageUs = text === null ? null : fieldOf(text, 'usage_usec')
      if (text === null || usageUs === null) return false
      counters['cpu'] = usageUs / 1e3
      const throttledUs = fieldOf(text, 'throttled_usec')
      if (throttledUs !== null) counters['cpu.throttledMs'] = throttledUs / 1e3
      return true
    },
  }
}

interface SlowReader {
  readonly file: KeptFile
  /** Another that `read` looks into. */
  readonly beside?: KeptFile
  readonly read: (text: string, counters: Record<string, number>, levels: Record<string, number>) => void
}

function slowReaders(layout: Layout, path: string): SlowReader[] {
  const readers = [...(layout.version === 1 ? memoryV1(layout, path) : memoryV2(layout, path))]
  const io = dirOf(layout, 'io', path)
  if (io !== null && layout.version === 1) {
    readers.push({ file: new KeptFile(`${io}/blkio.throttle.io_service_bytes_recursive`), read: ioBytesV1 })
  } else if (io !== null) readers.push({ file: new KeptFile(`${io}/io.stat`), read: ioBytesV2 })
  // Pressure is kept by trees of version 2 only; the one for counting has it for groups of Reeve's own.
  const pressured = layout.counting === null ? null : dirIn(layout, layout.counting, path)
  if (pressured !== null) for (const kind of ['cpu', 'memory', 'io'] as const) readers.push(pressure(pressured, kind))
  return readers
}

/** Working set: what is used, less the file pages that have not been touched lately. Totals include groups below. */
function memoryV1(layout: Layout, path: string): SlowReader[] {
  const dir = dirOf(layout, 'memory', path)
  if (dir === null) return []
  const usage = new KeptFile(`${dir}/memory.usage_in_bytes`)
  return [
    {
      file: new KeptFile(`${dir}/memory.stat`),
      beside: usage,
      read(text, counters, levels) {
        const used = usage.number()
        if (used !== null) putMemory(levels, used, fieldOf(text, 'total_inactive_file') ?? 0)
        levels['memory.own'] = Math.max(sumOf(text, OWN_V1), fieldOf(text, 'total_unevictable') ?? 0)
        counters['memory.refaults'] =
          (fieldOf(text, 'total_workingset_refault_anon') ?? 0) + (fieldOf(text, 'total_workingset_refault_file') ?? 0)
      },
    },
    { file: new KeptFile(`${dir}/memory.oom_control`), read: oomKills },
  ]
}

function memoryV2(layout: Layout, path: string): SlowReader[] {
  const dir = dirOf(layout, 'memory', path)
  if (dir === null) return []
  const usage = new KeptFile(`${dir}/memory.current`)
  return [
    {
      file: new KeptFile(`${dir}/memory.stat`),
      beside: usage,
      read(text, counters, levels) {
        const used = usage.number()
        if (used !== null) putMemory(levels, used, fieldOf(text, 'inactive_file') ?? 0)
        levels['memory.own'] =
          Math.max(sumOf(text, OWN_V2), fieldOf(text, 'unevictable') ?? 0) + sumOf(text, OF_KERNEL_V2)
        counters['memory.refaults'] =
          (fieldOf(text, 'workingset_refault_anon') ?? 0) + (fieldOf(text, 'workingset_refault_file') ?? 0)
      },
    },
    { file: new KeptFile(`${dir}/memory.events`), read: oomKills },
  ]
}

/** What the kernel cannot take back. What is locked is told once more as `unevictable`. */
const OWN_V1 = ['total_rss', 'total_shmem']
const OWN_V2 = ['anon', 'shmem']
/** Nor what it holds for them itself; version 1 does not tell that. */
const OF_KERNEL_V2 = ['kernel_stack', 'pagetables', 'sec_pagetables', 'percpu', 'sock', 'vmalloc', 'slab_unreclaimable']

/** Bytes; what a kernel does not tell counts as none. */
const sumOf = (text: string, fields: readonly string[]): number =>
  fields.reduce((sum, field) => sum + (fieldOf(text, field) ?? 0), 0)

function putMemory(levels: Record<string, number>, used: number, idle: number): void {
  levels['memory'] = Math.max(0, used - idle)
  levels['memory.total'] = used
}

function oomKills(text: string, counters: Record<string, number>): void {
  const kills = fieldOf(text, 'oom_kill')
  if (kills !== null) counters['memory.oomKills'] = kills
}

/** `8:0 Read 4096`, one line for each kind of operation. */
function ioBytesV1(text: string, counters: Record<string, number>): void {
  for (const [, device, kind, bytes] of text.matchAll(/^(\d+:\d+) (Read|Write) (\d+)$/gm)) {
    counters[`io.${(kind as string).toLowerCase()}:${device}`] = Number(bytes)
  }
}

/** `8:0 rbytes=4096 wbytes=0 rios=1 ...` */
function ioBytesV2(text: string, counters: Record<string, number>): void {
  for (const [, device, read, written] of text.matchAll(/^(\d+:\d+) rbytes=(\d+) wbytes=(\d+)/gm)) {
    counters[`io.read:${device}`] = Number(read)
    counters[`io.write:${device}`] = Number(written)
  }
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=33523982`, in microseconds. */
function pressure(dir: string, kind: 'cpu' | 'memory' | 'io'): SlowReader {
  return {
    file: new KeptFile(`${dir}/${kind}.pressure`),
    read(text, counters) {
      const total = /^some .*total=(\d+)/.exec(text)
      if (total !== null) counters[`${kind}.pressureMs`] = Number(total[1]) / 1e3
    },
  }
}

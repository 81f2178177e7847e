import { parseCpuList } from '#lib/cpu-list.ts'

/**
 * Which CPUs the threads of a machine may run on, as text: one list where all have the same (`0-1`), else one for each
 * vCPU and for the emulator (`0=0 1=1 emulator=0-1`), so that what was found can be put back.
 */

/** One map for each vCPU, and one for the emulator: one bit for each CPU, the lowest first. */
export interface Pins {
  readonly vcpus: readonly Buffer[]
  readonly emulator: Buffer
}

export function pinText({ vcpus, emulator }: Pins): string {
  const lists = [...vcpus, emulator].map(listOf)
  const [first] = lists
  if (first !== undefined && lists.every((list) => list === first)) return first
  return lists.map((list, i) => `${i < vcpus.length ? i : 'emulator'}=${list}`).join(' ')
}

/** Of the text, for `vcpus` vCPUs and `cpus` CPUs; empty text is every CPU. A vCPU that is not named keeps its pins. */
export function pinsOf(
  text: string,
  vcpus: number,
  cpus: number,
): { vcpus: (Buffer | null)[]; emulator: Buffer | null } {
  const each = new Map(text.includes('=') ? text.split(' ').map((part) => part.split('=') as [string, string]) : [])
  const mapFor = (name: string): Buffer | null => {
    const list = text.includes('=') ? each.get(name) : text
    return list === undefined ? null : mapOf(list, cpus)
  }
  return { vcpus: Array.from({ length: vcpus }, (_, i) => mapFor(`${i}`)), emulator: mapFor('emulator') }
}

function mapOf(list: string, cpus: number): Buffer {
  const map = Buffer.alloc(Math.ceil(cpus / 8))
  const wanted = list === '' ? Array.from({ length: cpus }, (_, cpu) => cpu) : parseCpuList(list)
  for (const cpu of wanted) if (cpu < cpus) map[cpu >> 3] = (map[cpu >> 3] as number) | (1 << (cpu & 7))
  return map
}

function listOf(map: Buffer): string {
  const parts: string[] = []
  const has = (cpu: number): boolean => ((map[cpu >> 3] ?? 0) & (1 << (cpu & 7))) !== 0
  for (let cpu = 0; cpu < map.length * 8; cpu++) {
    if (!has(cpu)) continue
    const first = cpu
    while (has(cpu + 1)) cpu++
    parts.push(first === cpu ? `${cpu}` : `${first}-${cpu}`)
  }
  return parts.join(',')
}

import { readdirSync, readFileSync } from 'node:fs'
import type { Cpu } from '#core/model/observation.ts'
import { parseCpuList } from '#lib/cpu-list.ts'

const SYSFS = '/sys/devices/system'

/** Where these CPUs stand: what shares a core, a cache, a socket and a node with what, as told below `sysfs`. */
export function cpusOf(ids: readonly number[], sysfs = SYSFS): Cpu[] {
  const nodes = nodesOfCpus(sysfs)
  const cpus = ids.map((id) => ({
    id,
    // Where the kernel does not say, as on some virtual machines, each is a core, and all are one socket.
    core: topologyNumber(sysfs, id, 'core_id') ?? id,
    socket: topologyNumber(sysfs, id, 'physical_package_id') ?? 0,
    node: nodes.get(id) ?? 0,
  }))
  return cpus.map((cpu) => ({ ...cpu, cache: lastLevelCache(cpu, cpus, cpusSharing(sysfs, cpu.id)) }))
}

function topologyNumber(sysfs: string, cpu: number, file: string): number | null {
  const number = Number(textOf(`${sysfs}/cpu/cpu${cpu}/topology/${file}`) ?? -1)
  return number < 0 ? null : number
}

type Placed = Omit<Cpu, 'cache'>

/**
 * The lowest CPU that shares its last-level cache, which names that cache. Where the kernel shows none that several cores
 * share, it is taken for the socket's.
 */
function lastLevelCache(cpu: Placed, all: readonly Placed[], shared: readonly number[]): number {
  const others = all.filter(({ id }) => shared.includes(id))
  const isShared = others.some(({ core, socket }) => core !== cpu.core || socket !== cpu.socket)
  const sharing = isShared ? others : all.filter(({ socket }) => socket === cpu.socket)
  return Math.min(...sharing.map(({ id }) => id))
}

/**
 * CPUs that share the last-level cache of this one, itself among them; none where the kernel shows no caches. Source:
 * Documentation/ABI/testing/sysfs-devices-system-cpu of the kernel, `cache/index*`.
 */
function cpusSharing(sysfs: string, cpu: number): readonly number[] {
  const dir = `${sysfs}/cpu/cpu${cpu}/cache`
  let last = { level: 0, list: '' }
  for (let index = 0; ; index += 1) {
    const level = textOf(`${dir}/index${index}/level`)
    if (level === null) return parseCpuList(last.list)
    const list = textOf(`${dir}/index${index}/shared_cpu_list`) ?? ''
    if (Number(level) > last.level) last = { level: Number(level), list }
  }
}

function nodesOfCpus(sysfs: string): Map<number, number> {
  const nodes = new Map<number, number>()
  try {
    for (const name of readdirSync(`${sysfs}/node`)) {
      const id = /^node(\d+)$/.exec(name)?.[1]
      if (id === undefined) continue
      const cpus = readFileSync(`${sysfs}/node/${name}/cpulist`, 'latin1')
      for (const cpu of parseCpuList(cpus)) nodes.set(cpu, Number(id))
    }
  } catch {
    // A kernel without NUMA has no such directory: everything is node 0.
  }
  return nodes
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}

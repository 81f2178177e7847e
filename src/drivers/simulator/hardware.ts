import type { Cpu } from '#core/model/observation.ts'

/** How the CPUs of a simulated host are built. A CPU is a hardware thread, as Linux has it. */
export interface Hardware {
  readonly sockets: number
  /** Of a socket. */
  readonly cores: number
  /** Of a core, 1 or 2. */
  readonly threads: number
  /** Last-level caches of a socket, each of as many cores. */
  readonly caches: number
  /** NUMA nodes of the host, each of as many cores. */
  readonly nodes: number
}

/** A host of which no more is known than how many CPUs it has. */
export function plainHardware(cpus: number): Hardware {
  return { sockets: 1, cores: cpus, threads: 1, caches: 1, nodes: 1 }
}

/**
 * The CPUs in the order of their numbers, as Linux gives them on x86: first one thread of every core, socket by socket,
 * then their siblings in the same order. Cores, caches and nodes are counted over the whole host.
 *
 * Worked: 2 sockets of 2 cores with 2 threads. CPUs 0 and 1 are on socket 0, 2 and 3 on socket 1, and 4 to 7 are the
 * siblings of 0 to 3.
 */
export function cpusOf({ sockets, cores, threads, caches, nodes }: Hardware): Cpu[] {
  const inAll = sockets * cores
  return Array.from({ length: inAll * threads }, (_, id) => {
    const core = id % inAll
    const part = (parts: number): number => Math.floor((core * parts) / inAll)
    return { id, core, socket: part(sockets), node: part(nodes), cache: part(sockets * caches) }
  })
}

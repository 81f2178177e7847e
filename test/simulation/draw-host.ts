import type { DomainOptions } from '#drivers/simulator/domain.ts'
import type { Hardware } from '#drivers/simulator/hardware.ts'
import type { Load, LoadChange } from '#drivers/simulator/load.ts'
import type { Chance } from './chance.ts'

/** A host with what runs on it. */
export interface DrawnHost {
  readonly cpus: number
  /** Absent where the host tells of nothing but CPUs that are alike. */
  readonly hardware?: Hardware
  /** Bytes. */
  readonly memory: number
  readonly unmanagedMilli: number
  readonly domains: readonly DomainOptions[]
}

const MIB = 2 ** 20

/** Domains are `d0`, `d1` ...; the last of them may be one that no policy names. */
export function drawHost(chance: Chance): DrawnHost {
  const memory = chance.choose([1, 2, 4]) * 1024 * MIB
  const count = chance.between(1, 6)
  return {
    cpus: chance.choose([1, 2, 2, 4, 8]),
    memory,
    unmanagedMilli: chance.choose([0, 0, 50, 300]),
    domains: Array.from({ length: count }, (_, index) => ({
      name: `d${index}`,
      load: drawLoad(chance),
      weight: chance.choose([2, 100, 1024, 1024, 10_000]),
      memory: chance.between(16, Math.floor(memory / MIB / count)) * MIB,
    })),
  }
}

/** The same with services that move packets and read from disk, by a stream of their own: all else stays as it was. */
export function withTraffic(chance: Chance, host: DrawnHost): DrawnHost {
  const domains = host.domains.map((its) => {
    const [packets, diskBytes] = [chance.between(1, 40), chance.choose([MIB / 4, MIB, 4 * MIB])]
    const [moves, reads] = [chance.happens(0.5), chance.happens(0.5)]
    if (its.load.kind === 'batch') return its
    return { ...its, load: { ...its.load, ...(moves && { packets }), ...(reads && { diskBytes }) } }
  })
  return { ...host, domains }
}

/** How the CPUs of a host of so many are built; undefined where it does not tell. */
export function drawHardware(chance: Chance, cpus: number): Hardware | undefined {
  if (chance.happens(0.4)) return undefined
  const threads = cpus % 2 === 0 ? chance.choose([1, 2]) : 1
  const sockets = (cpus / threads) % 2 === 0 ? chance.choose([1, 2]) : 1
  const cores = cpus / threads / sockets
  const caches = cores % 2 === 0 ? chance.choose([1, 2]) : 1
  return { sockets, cores, threads, caches, nodes: chance.choose([1, sockets]) }
}

/** Few requests, each with much to do: what matters is who is held back, and each request costs time to simulate. */
function drawLoad(chance: Chance): Load {
  const service = { demandMs: chance.between(20, 150), parallelism: chance.between(1, 4) }
  switch (chance.between(0, 2)) {
    case 0:
      return { kind: 'batch', threads: chance.between(0, 6) }
    case 1:
      return { kind: 'closed', clients: chance.between(0, 5), thinkMs: chance.between(100, 2000), ...service }
    default:
      return { kind: 'open', arrivalsPerSecond: chance.between(0, 12), underwayMost: 40, ...service }
  }
}

/** What else it may have to do; of any kind, as each takes what it knows. */
export function drawLoadChange(chance: Chance): LoadChange {
  return {
    threads: chance.between(0, 6),
    clients: chance.between(0, 8),
    arrivalsPerSecond: chance.between(0, 20),
    demandMs: chance.between(20, 200),
  }
}

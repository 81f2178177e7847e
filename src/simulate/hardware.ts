import type { Hardware } from '#drivers/simulator/hardware.ts'
import { type Finding, infeasible, malformed } from '#policy/finding.ts'
import type { WrittenHost } from './form.ts'

/** How a scenario says that its host is built. */

const CPUS_MOST = 1024
const KEYS = ['sockets', 'cores', 'threads', 'caches', 'nodes'] as const
const WHY_CORES = 'cores of each socket times sockets times threads of each core are the CPUs'

/**
 * The hardware that is written, with what follows from it; null where nothing is said but how many CPUs there are, or
 * where that cannot be. `cores` follows from `cpus` or the other way round; there is a node for each socket where not stated.
 *
 * Worked: { sockets: 2, cores: 8, threads: 2, caches: 2 } has 32 CPUs, in four caches of eight, and two nodes.
 */
export function hardwareOf(written: WrittenHost): Hardware | null {
  if (KEYS.every((key) => written[key] === undefined)) return null
  const { sockets = 1, threads = 1, caches = 1, nodes = sockets } = written
  const cores = written.cores ?? (written.cpus ?? 0) / (sockets * threads)
  return Number.isInteger(cores) && cores > 0 ? { sockets, cores, threads, caches, nodes } : null
}

/** Whether something that is said of it could not be read, so that nothing follows from the rest. */
export function isHardware(findings: readonly Finding[]): boolean {
  return findings.some(({ path }) => ['cpus', ...KEYS].includes(`${path[1]}`))
}

/** What in it contradicts itself. */
export function* checkHardware(written: WrittenHost): Iterable<Finding> {
  const { sockets = 1, cores, threads = 1, cpus } = written
  if (cpus === undefined && cores === undefined) {
    yield malformed(['host', 'cpus'], '`cpus` is missing', 'expected a number of CPUs, or `cores` of each socket')
    return
  }
  const inAll = sockets * (cores ?? 0) * threads
  if (cpus === undefined && inAll > CPUS_MOST) {
    yield infeasible(['host', 'cores'], `${product(written)} are ${inAll} CPUs`, `a host has ${CPUS_MOST} at most`)
  }
  if (cpus !== undefined && cores !== undefined && inAll !== cpus) {
    const message = `${product(written)} are ${inAll} CPUs, not ${cpus}`
    yield infeasible(['host', 'cpus'], message, 'leave it out: it follows from the others')
  }
  if (cpus !== undefined && cores === undefined && cpus % (sockets * threads) !== 0) {
    yield infeasible(
      ['host', 'cpus'],
      `${cpus} CPUs are not the same number for each of ${product(written)}`,
      WHY_CORES,
    )
  }
  const its = hardwareOf(written)
  if (its !== null) yield* checkParts(its)
}

function* checkParts({ sockets, cores, caches, nodes }: Hardware): Iterable<Finding> {
  if (cores % caches !== 0) {
    const message = `the ${counted(cores, 'core')} of a socket cannot be divided among ${counted(caches, 'cache')} alike`
    yield infeasible(['host', 'caches'], message)
  }
  if (nodes % sockets !== 0 && sockets % nodes !== 0) {
    const message = `${counted(nodes, 'node')} and ${counted(sockets, 'socket')}: neither is a multiple of the other`
    yield infeasible(['host', 'nodes'], message)
  } else if ((sockets * cores) % nodes !== 0) {
    const message = `the ${counted(sockets * cores, 'core')} cannot be divided among ${counted(nodes, 'node')} alike`
    yield infeasible(['host', 'nodes'], message)
  }
}

/** What is said of sockets, cores and threads: `2 sockets with 8 cores with 2 threads`. */
function product({ sockets, cores, threads }: WrittenHost): string {
  const parts = [
    sockets === undefined ? [] : counted(sockets, 'socket'),
    cores === undefined ? [] : counted(cores, 'core'),
    threads === undefined ? [] : counted(threads, 'thread'),
  ]
  return parts.flat().join(' with ')
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

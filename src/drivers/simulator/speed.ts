import { cpusOf, type Hardware } from './hardware.ts'
import { type Reach, reachOf, Spread } from './spread.ts'

/**
 * How much work a CPU millisecond does, 1 for a domain that is alone on cores, caches and nodes of its own. CPU time is
 * counted as ever. Four simple effects, which multiply. Their sizes are those of common hardware and usual programs, not
 * of any one machine: some programs feel nothing of a shared cache, others lose half.
 *
 * What is deliberately absent: caches that are cold after a move, bandwidth of the memory, and pages that follow
 * their domain to another node.
 */

/** Work of two busy siblings together, in that of one alone. */
const SIBLINGS_WORK = 1.25
/** Part of its speed that a domain loses where all CPUs of its cache are busy with others. */
const SHARED_CACHE_LOSS = 0.1
/** Part of its speed that a domain loses where none of what it has in a cache is in the right one. */
const SPAN_LOSS = 0.05
/** Time for work on memory of another node, in that for the same work on memory of its own. */
const REMOTE_TIME = 1.3

/**
 * Speed on a core of which so many CPUs are busy, 0..2. While only one is, it is 1.
 *
 * Worked: both busy all the time do 1.25 together, 0.625 each. One and a half: for half of the time 1.25, else 1, which is
 * 1.125 for 1.5 CPUs, or 0.75.
 *
 * Source: Marr et al., Hyper-Threading Technology Architecture and Microarchitecture, Intel Technology Journal 6 (2002),
 * which has gains of 16 % to 28 % for servers; Tuck and Tullsen, PACT 2003, have about a fifth in the mean.
 */
export function siblingSpeed(busy: number): number {
  return busy <= 1 ? 1 : (1 + (SIBLINGS_WORK - 1) * (busy - 1)) / busy
}

/**
 * Speed on a cache of which others keep this part of the CPUs busy, 0..1.
 *
 * Worked: three of its four CPUs: 1 - 0.1 x 0.75 = 0.925.
 *
 * Source: Zhuravlev, Blagodurov and Fedorova, Addressing Shared Resource Contention in Multicore Processors via
 * Scheduling, ASPLOS 2010, who find anything from nothing to a multiple of this.
 */
export function sharedCacheSpeed(others: number): number {
  return 1 - SHARED_CACHE_LOSS * others
}

/**
 * Speed of a domain whose CPU set spans so many caches: what one of its threads had put into a cache, the next finds in
 * one of n with a chance of 1 in n.
 *
 * Worked: 1 - 0.05 x 1/2 = 0.975 for two caches, 0.9625 for four.
 */
export function spanSpeed(caches: number): number {
  return 1 - SPAN_LOSS * (1 - 1 / caches)
}

/**
 * Speed on a node where this part of the domain's memory is not, 0..1. Memory lies where it was first touched
 * (Documentation/admin-guide/mm/numa_memory_policy.rst of Linux): on the nodes of the CPU set with which the domain
 * first ran, by the CPUs that it had on each. It stays there.
 *
 * Worked: none of it here makes 1.3 ms of a millisecond's work, 0.769; half of it 1.15 ms, 0.870, which is also what a domain gets
 * that was never told to stay on one of two nodes.
 *
 * Source: a distance of 21 against 10 in the tables of common hosts with two sockets says 2.1 for one access; a program
 * whose caches serve most of its accesses loses a fraction of that.
 */
export function remoteSpeed(remote: number): number {
  return 1 / (1 + (REMOTE_TIME - 1) * remote)
}

/** Domains with the same CPU set: what each of them does is spread alike. */
interface Crowd {
  readonly members: readonly number[]
  readonly reach: Reach
  readonly span: number
  /** Busy CPUs on each core within reach. */
  readonly parts: Float64Array
  /** Busy CPUs on each of the caches, and their work as far as it does not depend on who does it, in each cell. */
  readonly busy: Float64Array
  readonly work: Float64Array
  /** CPUs that its members run on, and those of them that found room. */
  cpus: number
  placed: number
}

/** Cores of the same cache and node. */
interface Cell {
  readonly cache: number
  readonly node: number
}

/** The speed of each of several domains. */
export class Speeds {
  readonly of: Float64Array
  /** Part of each one's memory on each node; null of who has not run yet. */
  readonly #memory: (Float64Array | null)[]
  readonly #cells: readonly Cell[]
  readonly #cellOfCore: readonly number[]
  readonly #coreOf: readonly number[]
  readonly #nodeOf: readonly number[]
  readonly #nodes: number
  readonly #caches: number
  readonly #cpusOfCache: number
  readonly #spread: Spread
  readonly #busyOfCache: Float64Array
  #crowds: readonly Crowd[] = []
  #sets: readonly (readonly number[])[] = []

  constructor(hardware: Hardware, domains: number) {
    const cpus = cpusOf(hardware)
    const cores = cpus.filter(({ id, core }) => id === core)
    const keys = cores.map(({ cache, node }) => `${cache} ${node}`)
    const cells = [...new Set(keys)]
    this.of = new Float64Array(domains).fill(1)
    this.#memory = Array.from({ length: domains }, () => null)
    this.#cells = cells.map((key) => cores[keys.indexOf(key)] as Cell)
    this.#cellOfCore = keys.map((key) => cells.indexOf(key))
    this.#coreOf = cpus.map(({ core }) => core)
    this.#nodeOf = cpus.map(({ node }) => node)
    this.#nodes = hardware.nodes
    this.#caches = hardware.sockets * hardware.caches
    this.#cpusOfCache = cpus.length / this.#caches
    this.#spread = new Spread(cores.length, cpus.length)
    this.#busyOfCache = new Float64Array(this.#caches)
  }

  /** The CPU sets as they are from now on. Those with the least choice are spread first, as the others can make way. */
  arrange(sets: readonly (readonly number[])[]): void {
    this.#sets = sets
    const bySet = Map.groupBy(sets.keys(), (index) =>
      [...(sets[index] as readonly number[])].sort((a, b) => a - b).join(),
    )
    const bySize = [...bySet.values()].sort(([one = 0], [other = 0]) => this.#size(one) - this.#size(other))
    this.#crowds = bySize.map((members) => this.#crowdOf(members))
  }

  #size(index: number): number {
    return this.#sets[index]?.length ?? 0
  }

  #crowdOf(members: readonly number[]): Crowd {
    const reach = reachOf(this.#sets[members[0] as number] ?? [], (cpu) => this.#coreOf[cpu] as number)
    return {
      members,
      reach,
      span: spanSpeed(new Set(reach.cores.map((core) => this.#cellAt(core).cache)).size),
      parts: new Float64Array(reach.cores.length),
      busy: new Float64Array(this.#caches),
      work: new Float64Array(this.#cells.length),
      cpus: 0,
      placed: 0,
    }
  }

  /** It has no memory until it runs next. */
  forget(index: number): void {
    this.#memory[index] = null
  }

  /** What becomes of the speeds while each domain runs on so many CPUs. */
  update(running: Float64Array): void {
    this.#layAll(running)
    for (const crowd of this.#crowds) {
      if (crowd.placed === 0) continue
      this.#workOf(crowd)
      for (const index of crowd.members) {
        const cpus = running[index] as number
        if (cpus > 0) this.of[index] = this.#speedOf(index, crowd, cpus / crowd.cpus)
      }
    }
  }

  #layAll(running: Float64Array): void {
    this.#spread.clear()
    this.#busyOfCache.fill(0)
    for (const crowd of this.#crowds) {
      crowd.cpus = 0
      for (const index of crowd.members) crowd.cpus += running[index] as number
      crowd.placed = crowd.cpus > 0 ? this.#spread.lay(crowd.reach, crowd.cpus, crowd.parts) : 0
      if (crowd.placed === 0) continue
      crowd.busy.fill(0)
      for (const [at, core] of crowd.reach.cores.entries()) {
        const { cache } = this.#cellAt(core)
        const part = crowd.parts[at] as number
        crowd.busy[cache] = (crowd.busy[cache] as number) + part
        this.#busyOfCache[cache] = (this.#busyOfCache[cache] as number) + part
      }
    }
  }

  #workOf({ reach, parts, work }: Crowd): void {
    work.fill(0)
    for (const [at, core] of reach.cores.entries()) {
      const cell = this.#cellOfCore[core] as number
      const part = parts[at] as number
      work[cell] = (work[cell] as number) + part * siblingSpeed(this.#spread.busy[core] as number)
    }
  }

  /** `share`: the domain's part of what its crowd runs on. */
  #speedOf(index: number, { busy, work, placed, span }: Crowd, share: number): number {
    const memory = this.#memory[index] ?? this.#settle(index)
    let done = 0
    for (const [at, { cache, node }] of this.#cells.entries()) {
      const its = work[at] as number
      if (its === 0) continue
      const others = (this.#busyOfCache[cache] as number) - share * (busy[cache] as number)
      const remote = 1 - (memory[node] as number)
      done += its * sharedCacheSpeed(Math.max(0, others) / this.#cpusOfCache) * remoteSpeed(remote)
    }
    return (span * done) / placed
  }

  /** A domain that runs for the first time: its memory comes to be where it runs. */
  #settle(index: number): Float64Array {
    const memory = new Float64Array(this.#nodes)
    const cpus = this.#sets[index] as readonly number[]
    for (const cpu of cpus) {
      const node = this.#nodeOf[cpu] as number
      memory[node] = (memory[node] as number) + 1 / cpus.length
    }
    this.#memory[index] = memory
    return memory
  }

  #cellAt(core: number): Cell {
    return this.#cells[this.#cellOfCore[core] as number] as Cell
  }
}

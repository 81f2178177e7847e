/** On which cores everybody's CPU time is spent, as far as the CPU sets leave that open. */

/** The cores that a CPU set reaches, and its CPUs on each of them; of cores with one thread `second` is NONE. */
export interface Reach {
  readonly cores: readonly number[]
  readonly first: readonly number[]
  readonly second: readonly number[]
}

const NONE = -1

export function reachOf(cpus: readonly number[], coreOf: (cpu: number) => number): Reach {
  const byCore = Map.groupBy(cpus, coreOf)
  const its = [...byCore.values()]
  return {
    cores: [...byCore.keys()],
    first: its.map(([first = NONE]) => first),
    second: its.map(([, second = NONE]) => second),
  }
}

/**
 * The host's cores while they are filled. As Linux does it (`select_idle_core` in kernel/sched/fair.c), work goes to
 * cores that are idle before it goes to the idle sibling of one that is busy; and over a longer time it goes to all of
 * them alike.
 */
export class Spread {
  /** CPUs of each core that are busy, 0..2. */
  readonly busy: Float64Array
  /** Part of the time that each CPU is busy, 0..1. */
  readonly #busyCpus: Float64Array
  readonly #floors: Float64Array
  readonly #tops: Float64Array

  constructor(cores: number, cpus: number) {
    this.busy = new Float64Array(cores)
    this.#busyCpus = new Float64Array(cpus)
    this.#floors = new Float64Array(cores)
    this.#tops = new Float64Array(cores)
  }

  clear(): void {
    this.busy.fill(0)
    this.#busyCpus.fill(0)
  }

  /**
   * Spreads so many busy CPUs on the cores within reach, up to the same level on each, beside what is there already;
   * `parts` tells how many on each of them. Returns how many found room, which is all of them but for a rest where sets
   * overlap in part.
   *
   * Worked: cores 0 to 3, of which core 0 is busy with 1: 1.5 more make 0.5 on each of the others.
   */
  lay({ cores, first, second }: Reach, cpus: number, parts: Float64Array): number {
    const floors = this.#floors.subarray(0, cores.length)
    const tops = this.#tops.subarray(0, cores.length)
    for (const [at, core] of cores.entries()) {
      const floor = this.busy[core] as number
      floors[at] = floor
      tops[at] = floor + this.#room(first[at] as number) + this.#room(second[at] as number)
    }
    const level = levelOf(cpus, floors.toSorted(), tops.toSorted())
    let placed = 0
    for (const [at, core] of cores.entries()) {
      const floor = floors[at] as number
      const part = Math.max(0, Math.min(level, tops[at] as number) - floor)
      parts[at] = part
      placed += part
      this.busy[core] = floor + part
      this.#fill(first[at] as number, second[at] as number, part)
    }
    return placed
  }

  #room(cpu: number): number {
    return cpu === NONE ? 0 : Math.max(0, 1 - (this.#busyCpus[cpu] as number))
  }

  /** The less busy of two siblings first, then both alike. */
  #fill(first: number, second: number, part: number): void {
    const busy = this.#busyCpus
    const one = busy[first] as number
    if (second === NONE) {
      busy[first] = one + part
      return
    }
    const other = busy[second] as number
    const both = one + other + part
    const most = Math.max(both / 2, one, other)
    busy[first] = one < other ? both - most : most
    busy[second] = one < other ? most : both - most
  }
}

/**
 * Up to where cores have to be filled to take so much, from where each of them stands to where it is full; both sorted.
 * Infinite where there is no room for all of it.
 */
function levelOf(amount: number, floors: Float64Array, tops: Float64Array): number {
  let level = 0
  let taken = 0
  let rising = 0
  let begun = 0
  for (let full = 0; full < tops.length; ) {
    const floor = floors[begun] ?? Number.POSITIVE_INFINITY
    const next = Math.min(floor, tops[full] as number)
    const more = rising * (next - level)
    if (taken + more >= amount && rising > 0) return level + (amount - taken) / rising
    taken += more
    level = next
    if (floor <= next) {
      begun++
      rising++
    } else {
      full++
      rising--
    }
  }
  return Number.POSITIVE_INFINITY
}

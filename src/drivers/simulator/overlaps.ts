import type { Competition } from './water-filling.ts'

/** Of a CPU: less than this that somebody lacks is what rounding left. */
const NOTHING = 1e-9
/** No cell: where a way begins, and where there is none. */
const NONE = -1
const UNSEEN = -2

/**
 * CPU sets that overlap in so many ways that their unions cannot be listed: 24 sets that share one CPU have sixteen
 * million. Whether everybody can have what he wants is asked of a maximum flow instead, from domains to CPUs along the
 * sets: where it leaves somebody short, those who cannot make way for each other and all CPUs that they reach are a
 * competition with too little (max-flow min-cut).
 *
 * Sources: Ford and Fulkerson, Canad. J. Math. 8 (1956); shortest ways first, as by Edmonds and Karp, J. ACM 19 (1972),
 * so that the steps are bounded by how many sets and CPUs there are, whatever the amounts.
 */
export class Overlaps {
  /** Domains of the same set are one crowd, CPUs that the same crowds may use one cell. */
  readonly #crowdOf: readonly number[]
  readonly #cellsOf: readonly (readonly number[])[]
  readonly #crowdsOf: readonly (readonly number[])[]
  readonly #cpusOf: readonly number[]
  /** What each crowd still lacks, what is left on each cell, and what of the crowd is on the cell: crowd x cells + cell. */
  readonly #lacks: Float64Array
  readonly #room: Float64Array
  readonly #laid: Float64Array
  /** How the search came to each: a crowd's cell, and a cell's crowd. */
  readonly #cellBefore: Int32Array
  readonly #crowdBefore: Int32Array

  constructor(cpuSets: readonly (readonly number[])[]) {
    const keys = cpuSets.map((cpus) => cpus.toSorted((one, other) => one - other).join())
    const crowds = [...new Set(keys)]
    const sets = crowds.map((key) => new Set(cpuSets[keys.indexOf(key)]))
    const cpus = [...new Set(cpuSets.flat())]
    const cells = Map.groupBy(cpus, (cpu) => sets.flatMap((set, crowd) => (set.has(cpu) ? [crowd] : [])).join())
    this.#crowdOf = keys.map((key) => crowds.indexOf(key))
    this.#crowdsOf = [...cells.keys()].map((key) => key.split(',').map(Number))
    this.#cellsOf = crowds.map((_, crowd) =>
      this.#crowdsOf.flatMap((those, cell) => (those.includes(crowd) ? [cell] : [])),
    )
    this.#cpusOf = [...cells.values()].map((those) => those.length)
    this.#lacks = new Float64Array(crowds.length)
    this.#room = new Float64Array(cells.size)
    this.#laid = new Float64Array(crowds.length * cells.size)
    this.#cellBefore = new Int32Array(crowds.length)
    this.#crowdBefore = new Int32Array(cells.size)
  }

  /** CPUs of which more is wanted than they give in that length, and all who compete for them; null where all is had. */
  overfull(wanted: Float64Array, lengthMs: number): Competition | null {
    this.#lay(wanted, lengthMs)
    const short = [...this.#lacks.keys()].filter((crowd) => (this.#lacks[crowd] as number) > NOTHING * lengthMs)
    if (short.length === 0) return null
    this.#search(short)
    const isReached = (cell: number): boolean => this.#crowdBefore[cell] !== UNSEEN
    return {
      cpus: this.#cpusOf.reduce((sum, cpus, cell) => sum + (isReached(cell) ? cpus : 0), 0),
      members: this.#crowdOf.flatMap((crowd, index) => (this.#cellsOf[crowd]?.every(isReached) ? [index] : [])),
    }
  }

  /** Lays as much as can be laid of what is wanted; what cannot is lacked. */
  #lay(wanted: Float64Array, lengthMs: number): void {
    this.#lacks.fill(0)
    this.#laid.fill(0)
    for (const [cell, cpus] of this.#cpusOf.entries()) this.#room[cell] = cpus * lengthMs
    for (const [index, crowd] of this.#crowdOf.entries()) {
      this.#lacks[crowd] = (this.#lacks[crowd] as number) + (wanted[index] as number)
    }
    for (const crowd of this.#lacks.keys()) {
      while ((this.#lacks[crowd] as number) > 0) {
        const cell = this.#search([crowd])
        if (cell === NONE) break
        this.#shift(cell)
      }
    }
  }

  /**
   * Looks for room on the shortest way: on a cell that one of these crowds may use, or on one to which somebody could
   * make way from there. Returns a cell with room, or none after all that can be reached has been seen.
   */
  #search(crowds: readonly number[]): number {
    this.#cellBefore.fill(UNSEEN)
    this.#crowdBefore.fill(UNSEEN)
    const cells = this.#cpusOf.length
    const queue = [...crowds]
    for (const crowd of queue) this.#cellBefore[crowd] = NONE
    for (const crowd of queue) {
      for (const cell of this.#cellsOf[crowd] as readonly number[]) {
        if (this.#crowdBefore[cell] !== UNSEEN) continue
        this.#crowdBefore[cell] = crowd
        if ((this.#room[cell] as number) > 0) return cell
        for (const other of this.#crowdsOf[cell] as readonly number[]) {
          if (this.#cellBefore[other] !== UNSEEN || this.#laid[other * cells + cell] === 0) continue
          this.#cellBefore[other] = cell
          queue.push(other)
        }
      }
    }
    return NONE
  }

  /** Moves as much as the way that was found lets through: each crowd on it from the cell before to the next one. */
  #shift(last: number): void {
    const way: { readonly crowd: number; readonly from: number; readonly to: number }[] = []
    for (let to = last; to !== NONE; ) {
      const crowd = this.#crowdBefore[to] as number
      const from = this.#cellBefore[crowd] as number
      way.push({ crowd, from, to })
      to = from
    }
    const cells = this.#cpusOf.length
    const first = way.at(-1)?.crowd as number
    let amount = Math.min(this.#lacks[first] as number, this.#room[last] as number)
    for (const { crowd, from } of way) {
      if (from !== NONE) amount = Math.min(amount, this.#laid[crowd * cells + from] as number)
    }
    for (const { crowd, from, to } of way) {
      if (from !== NONE) this.#laid[crowd * cells + from] = (this.#laid[crowd * cells + from] as number) - amount
      this.#laid[crowd * cells + to] = (this.#laid[crowd * cells + to] as number) + amount
    }
    this.#lacks[first] = (this.#lacks[first] as number) - amount
    this.#room[last] = (this.#room[last] as number) - amount
  }
}

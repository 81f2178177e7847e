/**
 * Who is next, of a fixed number of parties each of which has a time: a tournament, whose winner is known at once and
 * whose change costs one match a round. Of equal times the lower index wins.
 */
export class Agenda {
  /** The first of the leaves, which are as many as the next power of two. */
  readonly #leaves: number
  readonly #timesMs: Float64Array
  /** The winner of each match, as the index of a party; the final is 1, and the matches before match m are 2m and 2m + 1. */
  readonly #winners: Int32Array

  constructor(parties: number) {
    this.#leaves = 2 ** Math.ceil(Math.log2(Math.max(parties, 2)))
    this.#timesMs = new Float64Array(this.#leaves).fill(Number.POSITIVE_INFINITY)
    this.#winners = new Int32Array(2 * this.#leaves)
    for (let leaf = 0; leaf < this.#leaves; leaf++) this.#winners[this.#leaves + leaf] = leaf
    for (let match = this.#leaves - 1; match > 0; match--) this.#winners[match] = this.#winners[2 * match] as number
  }

  /** Index of the party that comes first. */
  get first(): number {
    return this.#winners[1] as number
  }

  /** Its time; infinite where nobody has one. */
  get firstMs(): number {
    return this.#timesMs[this.first] as number
  }

  set(party: number, timeMs: number): void {
    const times = this.#timesMs
    if (times[party] === timeMs) return
    times[party] = timeMs
    const winners = this.#winners
    for (let match = (this.#leaves + party) >> 1; match > 0; match >>= 1) {
      const left = winners[2 * match] as number
      const right = winners[2 * match + 1] as number
      winners[match] = (times[right] as number) < (times[left] as number) ? right : left
    }
  }
}

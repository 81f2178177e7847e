/** How the values of the seconds that fall on one point become one value. */
export type Blend = (values: readonly number[]) => number

export const mean: Blend = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Of an even number of values the lower one of the middle: a value that there was. */
export const median: Blend = (values) =>
  values.toSorted((one, other) => one - other)[(values.length - 1) >> 1] as number

/** Collects a value a second into so many points, so that days take no more memory than minutes. */
export class Curve {
  readonly #points: (number | null)[] = []
  readonly #secondsEach: number
  readonly #blend: Blend
  #values: number[] = []
  #seconds = 0

  constructor(secondsEach: number, blend: Blend) {
    this.#secondsEach = secondsEach
    this.#blend = blend
  }

  /** The value of the next second; null where there is none. */
  add(value: number | null): void {
    if (value !== null) this.#values.push(value)
    this.#seconds++
    if (this.#seconds % this.#secondsEach === 0) this.#close()
  }

  /** All points, the last of which may stand for fewer seconds. */
  points(): readonly (number | null)[] {
    if (this.#seconds % this.#secondsEach !== 0) this.#close()
    return this.#points
  }

  #close(): void {
    this.#points.push(this.#values.length === 0 ? null : this.#blend(this.#values))
    this.#values = []
  }
}

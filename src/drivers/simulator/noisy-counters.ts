import { createPrng, type Prng } from '#lib/prng.ts'

interface Reading {
  /** Who has it: one of the same name that comes later counts from nothing. */
  readonly owner: string
  readonly prng: Prng
  readonly exact: number
  readonly told: number
}

/**
 * What is read of counters that are counted exactly. A reading is off by up to a part of what the counter grew by since
 * the one before, and so is what it seems to have grown by. It is off by itself and not on top of the one before, so
 * that nothing adds up; it never goes backwards, and stands still where the counter does.
 *
 * Worked: 1000 ms more each second, noise of 0.1. Readings by chance 50 ms too high and then 80 ms too low are 1050 and
 * 1920, which would be 870 ms in the second between: it tells 1950.
 */
export class NoisyCounters {
  readonly #seed: number
  readonly #noise: number
  readonly #readings = new Map<string, Reading>()

  constructor(seed: number, noise: number) {
    this.#seed = seed
    this.#noise = noise
  }

  /** `owner`: the identity of the domain of that name, or of the host. */
  read(counter: string, name: string, owner: string, exact: number): number {
    if (this.#noise === 0) return exact
    const key = `${counter} ${name}`
    const before = this.#readings.get(key)
    if (before === undefined || before.owner !== owner) {
      // What was counted before anybody looked is as it is: a part of it would be more than all that comes.
      const prng = createPrng(this.#seed, `noise in ${counter} of ${owner}`)
      this.#readings.set(key, { owner, prng, exact, told: exact })
      return exact
    }
    const grown = exact - before.exact
    if (grown <= 0) return before.told
    const off = this.#noise * grown
    const chance = exact + off * (2 * before.prng.next() - 1)
    const told = Math.min(Math.max(chance, before.told + grown - off), before.told + grown + off)
    this.#readings.set(key, { ...before, exact, told })
    return told
  }
}

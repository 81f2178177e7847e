import { createPrng } from '#lib/prng.ts'

/** Draws from one stream of a seed. Each concern has its own, so that one more draw in it leaves all others as they were. */
export interface Chance {
  /** True in this part (0..1) of all cases. */
  happens(part: number): boolean
  choose<Item>(from: readonly Item[]): Item
  /** A whole number, both ends included. */
  between(least: number, most: number): number
  /** Each with this chance, in their order. */
  some<Item>(from: readonly Item[], part: number): Item[]
}

export function chanceOf(seed: number, concern: string): Chance {
  const prng = createPrng(seed, concern)
  const happens = (part: number): boolean => prng.next() < part
  return {
    happens,
    choose: <Item>(from: readonly Item[]) => from[prng.integer(from.length)] as Item,
    between: (least, most) => least + prng.integer(most - least + 1),
    some: (from, part) => from.filter(() => happens(part)),
  }
}

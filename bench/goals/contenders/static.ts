import { DOMAINS, type Domain, type Terms } from '../cast.ts'
import type { Contender } from '../contender.ts'
import { type Amounts, setAmounts } from '../settings.ts'

/** Contenders without a process of their own: weights that nobody moves, or that only a reload moves. */

/** The kernel alone: nobody has set anything. */
export const KERNEL: Contender = weighing('kernel', () => equal())

/** What administrators do with priorities where nothing manages: 4096, 2048, and 256 for what has no goal. */
export const MAP: Contender = weighing('map', ({ goals }) => {
  const weightOf = (domain: Domain): number => {
    const priority = goals.find(({ service }) => service === domain)?.priority
    return priority === undefined ? 256 : 8192 / 2 ** priority
  }
  return Object.fromEntries(DOMAINS.map((domain) => [domain, weightOf(domain)])) as Amounts
})

/** Of shop, api, search (and store), and of each batch job. */
export type Vector = readonly [number, number, number, number]
export const VECTORS: readonly Vector[] = [
  [2, 2, 1, 1],
  [2, 2, 2, 1],
  [4, 4, 2, 1],
  [4, 4, 4, 1],
  [8, 8, 4, 1],
  [8, 8, 8, 1],
  [16, 16, 8, 1],
  [16, 16, 16, 1],
  [32, 32, 8, 1],
  [8, 4, 4, 1],
  [4, 8, 4, 1],
  [4, 4, 8, 1],
]

/** Weights that never change, whatever the terms. */
export function staticWeights(vector: Vector): Contender {
  const [shop, api, search, job] = vector.map((weight) => weight * 200) as unknown as Vector
  return weighing(`static ${vector.join(':')}`, () => ({ shop, api, search, store: search, batch: job, scan: job }))
}

function weighing(name: string, amountsFor: (terms: Terms) => Amounts): Contender {
  return {
    name,
    async start({ layout, pathOf }, terms) {
      const set = async (now: Terms): Promise<void> => setAmounts(layout, pathOf, amountsFor(now), now.capped)
      await set(terms)
      return { reload: set, cpuSeconds: () => 0, stop: async () => {} }
    },
  }
}

function equal(): Amounts {
  return Object.fromEntries(DOMAINS.map((domain) => [domain, 1000])) as Amounts
}

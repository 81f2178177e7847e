/**
 * What can be wrong with a solve problem whose parts are each well-formed: amounts that contradict one another, names
 * that name nothing. Reads the JSON leniently, where a malformed part counts as absent, so that one run names the
 * faults of form and of meaning together.
 */
import { z } from 'zod'

interface Domain {
  readonly id?: string | undefined
  readonly reservation?: number | undefined
  readonly own?: number | undefined
  readonly limit?: number | undefined
  readonly requests?: unknown
  readonly lend?: unknown
  readonly borrow?: unknown
  readonly domains?: readonly Domain[] | undefined
}

const amount = z.number().nonnegative().optional().catch(undefined)
const names = z
  .object({ default: z.array(z.string()) })
  .optional()
  .catch(undefined)
const domainSchema: z.ZodType<Domain> = z.object({
  id: z.string().optional().catch(undefined),
  reservation: amount,
  own: amount,
  limit: amount,
  requests: z.unknown().optional(),
  lend: z.unknown().optional(),
  borrow: z.unknown().optional(),
  get domains() {
    return domainsSchema.optional().catch(undefined)
  },
})
const domainsSchema = z.array(domainSchema.catch({}))
const problemSchema = z.object({
  capacity: amount,
  minimum: amount,
  surplus: names,
  remainder: names,
  domains: domainsSchema.catch([]),
})

/** Sums of decimal amounts differ from the decimal sum in their last digits; this part of an amount does not count. */
const NOISE = 1e-12
const exceeds = (amount: number, most: number): boolean => amount > most * (1 + NOISE)
const OF_LEAVES_ONLY = ['requests', 'own', 'lend', 'borrow'] as const

/** Faults of meaning in parsed JSON, each a phrase without a full stop. */
export function meaningFaults(json: unknown): string[] {
  const parsed = problemSchema.safeParse(json)
  if (!parsed.success) return []
  const { capacity, minimum = 0, domains } = parsed.data
  const faults: string[] = []
  const ids = new Set<string>()
  const starts = startsOf(domains, minimum, ids, faults)
  if (capacity !== undefined && exceeds(starts, capacity)) {
    faults.push(`capacity: ${capacity} does not cover the starting amounts, which sum to ${starts}`)
  }
  for (const key of ['surplus', 'remainder'] as const) {
    for (const name of parsed.data[key]?.default ?? []) {
      if (!ids.has(name)) faults.push(`${key}: default names an unknown id ${JSON.stringify(name)}`)
    }
  }
  return faults
}

/** Checks siblings and all inside them; returns the sum of their starting amounts. */
function startsOf(siblings: readonly Domain[], minimum: number, ids: Set<string>, faults: string[]): number {
  let sum = 0
  for (const domain of siblings) sum += startOf(domain, minimum, ids, faults)
  return sum
}

function startOf(domain: Domain, minimum: number, ids: Set<string>, faults: string[]): number {
  const { id, reservation, own, limit, domains } = domain
  const name = id === undefined ? 'a domain without id' : `domain ${JSON.stringify(id)}`
  if (id !== undefined && ids.has(id)) faults.push(`${name}: duplicate id`)
  if (id !== undefined) ids.add(id)
  if (domains !== undefined) {
    for (const key of OF_LEAVES_ONLY) {
      if (domain[key] !== undefined) faults.push(`${name}: ${key} belongs to leaves, not to a parent`)
    }
  } else if (reservation !== undefined && own !== undefined && exceeds(reservation, own)) {
    faults.push(`${name}: reservation ${reservation} is above own ${own}`)
  }
  if (domains === undefined && own !== undefined && limit !== undefined && exceeds(own, limit)) {
    faults.push(`${name}: own ${own} is above limit ${limit}`)
  }
  const inside = domains === undefined ? undefined : startsOf(domains, minimum, ids, faults)
  const start = inside === undefined ? (reservation ?? minimum) : Math.max(reservation ?? 0, inside)
  if (limit !== undefined && exceeds(start, limit)) {
    faults.push(`${name}: limit ${limit} is below its starting amount ${start}`)
  }
  return start
}

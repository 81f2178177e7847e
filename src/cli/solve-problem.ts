/**
 * The file format of `reeve solve`: JSON text to columns for the arbiter. All that can be wrong with a text is said
 * here, in one line; the arbiter trusts what comes out.
 */

import { z } from 'zod'
import type { Problem } from '#core/arbitrate/problem.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { meaningFaults } from './solve-faults.ts'

/** Far above all memory there is, in bytes, and far from where sums of doubles overflow. */
const AMOUNT_MAX = 1e30
const NUMBER = 'must be a finite number'
const amount = z.number(NUMBER).min(0, 'must not be negative').max(AMOUNT_MAX, 'must not be above 1e30')
const above0 = z.number(NUMBER).gt(0, 'must be above 0').max(AMOUNT_MAX, 'must not be above 1e30')
const flag = z.boolean('must be true or false')
const defaults = z.strictObject({ default: z.array(z.string()).min(1) })
const rule = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.union([z.enum(words), defaults], `must be ${quoted(words)} or {"default": [ids]}`)
const quoted = (words: readonly string[]): string => words.map((word) => `"${word}"`).join(', ')
const FAIRNESS = ['max-min', 'satisfy-most', 'proportional'] as const

const domainSchema = z.strictObject({
  id: z.string('must be a text').min(1, 'must not be empty'),
  requests: z.array(amount, 'must be a list of amounts').optional(),
  weight: above0.optional(),
  reservation: amount.optional(),
  own: amount.optional(),
  lend: flag.optional(),
  borrow: flag.optional(),
  limit: amount.optional(),
  get domains(): z.ZodOptional<z.ZodArray<typeof domainSchema>> {
    return domainsSchema.optional()
  },
})
const domainsSchema = z.array(domainSchema, 'must be a list of domains').min(1, 'must not be empty')

const problemSchema = z.strictObject({
  capacity: amount,
  minimum: amount.default(0),
  fairness: z.enum(FAIRNESS, `must be one of ${quoted(FAIRNESS)}`).default('max-min'),
  surplus: rule(['hold', 'spread', 'equal']).default('hold'),
  remainder: rule(['share', 'hold']).default('share'),
  granularity: above0.optional(),
  domains: domainsSchema,
})
type SolveDomain = z.infer<typeof domainSchema>

/** A problem together with the grain that its allocations are rounded to; 0 for no rounding. */
export interface SolveProblem {
  readonly problem: Problem
  readonly granularity: number
}
export type ParsedProblem =
  | { readonly ok: true; readonly value: SolveProblem }
  | { readonly ok: false; readonly message: string }

/** Reads the text of a solve problem; `message` names every fault, separated by semicolons, on one line. */
export function parseSolveProblem(text: string): ParsedProblem {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    return refused([`not JSON: ${reasonOf(cause)}`])
  }
  try {
    const parsed = problemSchema.safeParse(json, { reportInput: true })
    const faults = [...(parsed.error?.issues ?? []).flatMap(shapeFaults), ...meaningFaults(json)]
    if (!parsed.success || faults.length > 0) return refused(faults)
    return { ok: true, value: { problem: toProblem(parsed.data), granularity: parsed.data.granularity ?? 0 } }
  } catch (error) {
    // The schema descends recursively; a text nested thousands deep runs it out of stack.
    if (error instanceof RangeError) return refused(['domains: nested too deeply'])
    throw error
  }
}

function refused(faults: readonly string[]): ParsedProblem {
  return { ok: false, message: [...new Set(faults)].join('; ').replaceAll(/\s*[\r\n]+\s*/g, ' ') }
}

/** One line for an issue of the schema: where, and what would be right. Example: `domains[0].weight: must be above 0`. */
function shapeFaults(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${placeOf([...issue.path, key])}: unknown key`)
  }
  const isMissing = issue.input === undefined && issue.code === 'invalid_type'
  return [`${placeOf(issue.path)}: ${isMissing ? 'is missing' : issue.message}`]
}

function placeOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the problem'
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')
}

/** Rows in input order, a parent before its children; a shorter list of requests repeats its last amount. */
function toProblem(data: z.infer<typeof problemSchema>): Problem {
  const domains: SolveDomain[] = []
  const parents: number[] = []
  const flatten = (siblings: readonly SolveDomain[], parent: number): void => {
    for (const domain of siblings) {
      parents.push(parent)
      const row = domains.push(domain) - 1
      flatten(domain.domains ?? [], row)
    }
  }
  flatten(data.domains, -1)
  const classes = domains.reduce((most, { requests }) => Math.max(most, requests?.length ?? 0), 0)
  const { capacity, minimum, fairness, surplus, remainder } = data
  return {
    capacity,
    minimum,
    fairness,
    surplus,
    remainder,
    count: domains.length,
    classes,
    ids: domains.map((domain) => domain.id),
    parent: Int32Array.from(parents),
    requests: requestColumns(domains, classes),
    weight: Float64Array.from(domains, (domain) => domain.weight ?? (domain.domains ? NaN : 1)),
    reservation: Float64Array.from(domains, (domain) => domain.reservation ?? NaN),
    own: Float64Array.from(domains, (domain) => domain.own ?? NaN),
    lend: Uint8Array.from(domains, (domain) => Number(domain.lend ?? true)),
    borrow: Uint8Array.from(domains, (domain) => Number(domain.borrow ?? true)),
    limit: Float64Array.from(domains, (domain) => domain.limit ?? Infinity),
  }
}

function requestColumns(domains: readonly SolveDomain[], classes: number): Float64Array {
  const columns = new Float64Array(classes * domains.length)
  for (const [row, { requests }] of domains.entries()) {
    if (requests === undefined || requests.length === 0) continue
    for (let k = 0; k < classes; k++) columns[k * domains.length + row] = requests[k] ?? requests.at(-1)!
  }
  return columns
}

import { z } from 'zod'
import type { Units } from './units.ts'

/**
 * A map with these keys and no others. Its error text for unknown keys lists the known ones, one a word, and on a
 * second line where others could be declared.
 */
export function strict<Shape extends z.core.$ZodLooseShape>(noun: string, shape: Shape, units?: Units) {
  const keys = [...new Set([...Object.keys(shape), ...(units?.keys() ?? [])])].join(' ')
  const known = units === undefined ? keys : `${keys}\nother resources are declared under \`resources\``
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? known : noun) })
}

/** What would be right where a map of one of several kinds is expected. */
export const kinds = (list: string, example: string) => ({
  error: (issue: z.core.$ZodRawIssue) => (issue.code === 'invalid_union' ? `one of ${list}` : example),
})

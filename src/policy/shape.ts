import type { z } from 'zod'
import { type Finding, malformed, type Path, show, suggest } from './finding.ts'

/** What one entry says, as far as it can be read; null where too little of it can. */
export interface Shaped<Written> {
  readonly written: Written | null
  readonly findings: readonly Finding[]
}

/** What stands in for required properties that cannot be read; of no consequence, for the policy is refused. */
export type StandIns = Readonly<Record<string, unknown>>

/**
 * Reads one entry by its schema. Properties at fault are reported and left out, so that the rest of the entry is
 * still compared with other entries in the same run.
 */
export function shape<Schema extends z.ZodType>(
  schema: Schema,
  raw: unknown,
  path: Path,
  standIns: StandIns = {},
): Shaped<z.infer<Schema>> {
  const first = schema.safeParse(raw)
  if (first.success) return { written: first.data, findings: [] }
  const findings = first.error.issues.flatMap((issue) => findingsOf(issue, raw, path))
  const rest = structuredClone(raw)
  for (const issue of first.error.issues) {
    const at = issue.path as Path
    const top = String(at[0])
    if (issue.code === 'unrecognized_keys') for (const key of issue.keys) leaveOut(rest, [...at, key])
    else if (at.length === 1 && isRecord(rest) && Object.hasOwn(standIns, top)) rest[top] = standIns[top]
    else leaveOut(rest, at)
  }
  const second = schema.safeParse(rest)
  return { written: second.success ? second.data : null, findings: oncePerPlace(findings) }
}

/** Deletes a property; of a list, the whole list, for its other elements would move to other places. */
function leaveOut(root: unknown, path: Path): void {
  let holder: unknown = root
  for (const [index, part] of path.entries()) {
    if (!isRecord(holder)) return
    const inside = holder[part]
    if (index === path.length - 1 || !isRecord(inside)) delete holder[part]
    holder = inside
  }
}

export function isRecord(value: unknown): value is Record<string | number, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function findingsOf(issue: z.core.$ZodIssue, raw: unknown, base: Path): Finding[] {
  const inside = issue.path as Path
  const path = [...base, ...inside]
  if (issue.code === 'unrecognized_keys') {
    // The error text of a strict map lists the keys that it knows, and where others may be declared.
    const [known = '', elsewhere] = issue.message.split('\n')
    const hint = (key: string): string => {
      const near = suggest(key, known.split(' '))
      return elsewhere === undefined || near.startsWith('did you') ? near : `${near}; ${elsewhere}`
    }
    return issue.keys.map((key) => ({
      kind: 'malformed',
      path: [...path, key],
      at: 'key',
      message: `unknown key ${show(key)}`,
      hint: hint(key),
    }))
  }
  const value = valueAt(raw, inside)
  if (value === undefined && inside.length > 0) {
    return [malformed(path, `${show(String(inside.at(-1)))} is missing`, `expected ${issue.message}`)]
  }
  const options = optionsOf(issue)
  const near = typeof value === 'string' && options.length > 1 ? suggest(value, options) : undefined
  return [malformed(path, `${show(value)} is not ${issue.message}`, near?.startsWith('did you') ? near : undefined)]
}

/** The words to choose from, where there are any. */
function optionsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String)
  if (issue.code !== 'invalid_union') return []
  if (issue.inclusive !== false && issue.options !== undefined) return issue.options.map(String)
  return issue.errors.flat().flatMap(optionsOf)
}

function valueAt(raw: unknown, path: Path): unknown {
  let value = raw
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string | number, unknown>)[part]
  }
  return value
}

/** A value that breaks two rules of its schema is one fault. */
function oncePerPlace(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>()
  return findings.filter((finding) => {
    const place = JSON.stringify(finding.path)
    return seen.has(place) ? false : seen.add(place)
  })
}

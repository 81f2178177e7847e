import { distance } from 'fastest-levenshtein'

export type Path = readonly (string | number)[]

/**
 * A fault before it has a line; its hint, what would be right, goes on where the message ends. `malformed`: one entry, read alone, is not written as a policy is. `infeasible`: it
 * reads well, but no host could do it, or another entry says otherwise. `warning`: it can be done and is probably
 * not what was meant.
 */
export interface Finding {
  readonly kind: 'malformed' | 'infeasible' | 'warning'
  readonly path: Path
  /** Whether the key itself is at fault, or what stands behind it. */
  readonly at: 'key' | 'value'
  readonly message: string
  readonly hint?: string
  /** The fault is that something is not there; no news where a property of the entry could not be read. */
  readonly absence?: true
}

export function renderPath(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

export function malformed(path: Path, message: string, hint?: string): Finding {
  return finding('malformed', path, message, hint)
}

export function infeasible(path: Path, message: string, hint?: string): Finding {
  return finding('infeasible', path, message, hint)
}

/** Something is missing that an entry read alone must have. */
export function absent(path: Path, message: string, hint?: string): Finding {
  return { ...finding('malformed', path, message, hint), absence: true }
}

/** A key that should not stand where it does. */
export function keyFinding(path: Path, message: string, hint?: string): Finding {
  return { ...malformed(path, message, hint), at: 'key' }
}

export function warning(path: Path, message: string, hint?: string): Finding {
  return finding('warning', path, message, hint)
}

function finding(kind: Finding['kind'], path: Path, message: string, hint: string | undefined): Finding {
  return { kind, path, at: 'value', message, ...(hint === undefined ? {} : { hint }) }
}

/** A name that is not among those known, with the one that was probably meant. */
export function unknown(
  kind: Finding['kind'],
  path: Path,
  what: string,
  name: string,
  known: Iterable<string>,
): Finding {
  return finding(kind, path, `unknown ${what} ${show(name)}`, suggest(name, known))
}

/** "did you mean `x`?" where something is near, else what there is to choose from. */
export function suggest(name: string, known: Iterable<string>): string {
  const names = [...known]
  const near = nearest(name, names)
  if (near !== undefined) return `did you mean ${show(near)}?`
  if (names.length === 0) return 'none is declared'
  const shown = names.slice(0, 20).map(show).join(', ')
  return names.length > 20 ? `known are ${shown}, and ${names.length - 20} more` : `known: ${shown}`
}

/** A third of the letters, rounded up, may be wrong: `prioritty` is 1 from `priority`, `shpo` is 2 from `shop`. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const lower = name.slice(0, 100).toLowerCase()
  let best: string | undefined
  let least = Math.ceil(lower.length / 3) + 1
  for (const candidate of known) {
    const away = distance(lower, candidate.toLowerCase())
    if (away >= least || away >= candidate.length) continue
    least = away
    best = candidate
  }
  return best
}

/** Who is asked under a URL, with a password or a token as who asks. */
const CREDENTIALS = /(https?:\/\/)[^/\s@]*@/gi

/** A value as one may print it: bounded, on one line, control characters escaped, and no credentials of a URL. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  const text =
    typeof value === 'string'
      ? JSON.stringify(value.replaceAll(CREDENTIALS, '$1…@')).slice(1, -1).replaceAll('\\"', '"')
      : String(value)
  return `\`${text.length > 60 ? `${text.slice(0, 57)}...` : text}\``
}

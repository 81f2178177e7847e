import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml'
import type { Finding, Path } from './finding.ts'

/** A YAML text as plain values, with the way back from a path to its line and column. */
export interface PolicyDocument {
  readonly data: unknown
  /** Keys in the order in which they are written; JavaScript would put keys such as `10` first. */
  keys(path: Path): readonly string[]
  /** Every scalar that is written anywhere, keys included. */
  readonly words: ReadonlySet<string>
  place(path: Path, at: Finding['at']): Place
}

export interface Place {
  readonly line: number
  readonly column: number
}

export interface SyntaxFault extends Place {
  readonly message: string
  readonly hint?: string
}

export type Reading =
  /** `findings`: keys that stand twice and the like, beside which the rest can still be checked. */
  | { readonly ok: true; readonly document: PolicyDocument; readonly findings: readonly SyntaxFault[] }
  | { readonly ok: false; readonly faults: readonly SyntaxFault[] }

const START: Place = { line: 1, column: 1 }

/** Reads YAML 1.2. Never throws: what cannot be read becomes faults. */
export function readDocument(text: string): Reading {
  try {
    return read(text)
  } catch (error) {
    // The parser recurses; ten thousand brackets exhaust the stack. Nothing else is known to end here.
    const message = error instanceof RangeError ? 'is nested too deeply' : (error as Error).message
    return { ok: false, faults: [{ ...START, message: `the text cannot be read as YAML: ${message}` }] }
  }
}

type Locate = (offset: number) => Place

function read(text: string): Reading {
  const lines = new LineCounter()
  const options = { prettyErrors: false, resolveKnownTags: false, version: '1.2' } as const
  const parsed = parseDocument(text, { ...options, lineCounter: lines })
  const at: Locate = (offset) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const { faults, repeated } = parserFaults(parsed, text, at)
  const words = new Set<string>()
  visit(parsed, {
    // Aliases would need bounds against texts that grow without end, and a glob or a group says the same better.
    Alias: (_key, node) => {
      const hint = 'give the properties to several domains with a glob such as `web-*`'
      faults.push({ ...at(node.range?.[0] ?? 0), message: `the alias \`*${node.source}\` is not allowed here`, hint })
    },
    Pair: (_key, { key }) => {
      if (key === null || isScalar(key) || isAlias(key)) return
      faults.push({ ...at((key as Node).range?.[0] ?? 0), message: 'a list or map cannot be a key' })
    },
    Scalar: (_key, node) => {
      words.add(String(node.value))
    },
  })
  if (faults.length > 0) return { ok: false, faults: [...faults, ...repeated] }
  const root = parsed.contents as Node | null
  const document: PolicyDocument = {
    data: parsed.toJS(),
    keys: (path) => {
      const { node, found } = walk(root, path)
      return found && isMap(node) ? [...new Set(node.items.map(keyOf))] : []
    },
    words,
    place: (path, which) => {
      const { key, node } = walk(root, path)
      const target = which === 'key' ? (key ?? node) : (node ?? key)
      return target?.range ? at(target.range[0]) : START
    },
  }
  return { ok: true, document, findings: repeated }
}

/** What the parser found: faults after which the text means nothing, and keys that stand twice. */
function parserFaults(parsed: Document.Parsed, text: string, at: Locate) {
  const faults: SyntaxFault[] = []
  const repeated: SyntaxFault[] = []
  for (const error of [...parsed.errors, ...parsed.warnings]) {
    const place = at(error.pos[0])
    if (error.code === 'DUPLICATE_KEY') {
      const key = /^[^\s:]{1,60}/.exec(text.slice(error.pos[0]))?.[0] ?? ''
      repeated.push({ ...place, message: `\`${key}\` stands twice`, hint: 'keep one of them' })
      continue
    }
    const [first] = error.message.split('\n')
    const several = error.code === 'MULTIPLE_DOCS'
    const message = several ? 'a second document begins here' : `not YAML: ${first}`
    // One bracket that is left open is found again at each level.
    if (faults.some((fault) => fault.message === message && fault.line === place.line)) continue
    faults.push({ ...place, message, ...(several ? { hint: 'a policy is one document' } : {}) })
  }
  return { faults, repeated }
}

/** The key and value at the end of a path, or the last key that exists on the way when something is missing. */
function walk(root: Node | null, path: Path): { key: Node | null; node: Node | null; found: boolean } {
  let key: Node | null = null
  let node: Node | null = root
  for (const part of path) {
    if (isMap(node)) {
      // The last of repeated keys is the one whose value counts.
      const pair: Pair | undefined = node.items.findLast((item) => keyOf(item) === String(part))
      if (pair === undefined) return { key: null, node: key ?? node, found: false }
      key = pair.key as Node | null
      node = pair.value as Node | null
    } else if (isSeq(node)) {
      key = null
      node = (node.items[Number(part)] as Node | undefined) ?? node
    } else return { key: null, node: key ?? node, found: false }
  }
  return { key, node, found: true }
}

function keyOf(pair: Pair<unknown, unknown>): string {
  const { key } = pair
  if (isScalar(key)) return key.value === null ? '' : String(key.value)
  return isAlias(key) ? key.source : String(key)
}

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
  /** The text with all but the value at a path left blank, so that whoever reads it finds it at the same lines and columns. */
  alone(path: Path): string
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

/** What a text is, where that matters for what is said of it. */
export interface Kind {
  readonly noun: string
  /** What to do instead of using an alias. */
  readonly instead: string
}

const POLICY: Kind = { noun: 'policy', instead: 'give the properties to several domains with a glob such as `web-*`' }

/** Reads YAML 1.2. Never throws: what cannot be read becomes faults. */
export function readDocument(text: string, kind = POLICY): Reading {
  try {
    return read(text, kind)
  } catch (error) {
    // The parser recurses; ten thousand brackets exhaust the stack. Nothing else is known to end here.
    const message = error instanceof RangeError ? 'is nested too deeply' : (error as Error).message
    return { ok: false, faults: [{ ...START, message: `the text cannot be read as YAML: ${message}` }] }
  }
}

type Locate = (offset: number) => Place

function read(text: string, { noun, instead }: Kind): Reading {
  const lines = new LineCounter()
  const options = { prettyErrors: false, resolveKnownTags: false, version: '1.2' } as const
  const parsed = parseDocument(text, { ...options, lineCounter: lines })
  const at: Locate = (offset) => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const { faults, repeated } = parserFaults(parsed, text, at, noun)
  const words = new Set<string>()
  visit(parsed, {
    // Aliases would need bounds against texts that grow without end, and a glob or a group says the same better.
    Alias: (_key, node) => {
      const message = `the alias \`*${node.source}\` is not allowed here`
      faults.push({ ...at(node.range?.[0] ?? 0), message, hint: instead })
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
    alone: (path) => {
      const [start, end] = walk(root, path).node?.range ?? [0, 0]
      return text.slice(0, start).replaceAll(/[^\n]/g, ' ') + text.slice(start, end)
    },
  }
  return { ok: true, document, findings: repeated }
}

/** What the parser found: faults after which the text means nothing, and keys that stand twice. */
function parserFaults(parsed: Document.Parsed, text: string, at: Locate, noun: string) {
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
    faults.push({ ...place, message, ...(several ? { hint: `a ${noun} is one document` } : {}) })
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

import { constants, open } from 'node:fs/promises'
import { decimal } from '#lib/decimal.ts'
import { printable } from '#lib/printable.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Clock } from '#ports.ts'
import { type Found, oneValue, UNCHANGED } from './board.ts'

/** A metrics file is a few numbers; more is a wrong path. */
const SIZE_MOST = 256 * 1024

const NO_WINDOWS = [] as const

/** One look at a file: when it was written, and when it was looked at. */
interface Look {
  readonly mtimeMs: number
  readonly atMs: number
}

/** The number in a file: at a dotted path of its JSON, or without a key all that it has. It is as old as the file. */
export function fileLook(
  { path, key }: { readonly path: string; readonly key: string | null },
  clock: Clock,
): () => Promise<Found> {
  let last: Look | null = null
  return async () => {
    const { text, mtimeMs } = await readSmallFile(path).catch((error) => {
      // What comes back is new, also with its old time.
      last = null
      throw new Error(`cannot read ${path}: ${reasonOf(error)}`, { cause: error })
    })
    const { monotonicMs: atMs, utcMs } = clock.now(NO_WINDOWS)
    const seen = { mtimeMs, atMs }
    const before = last
    if (mtimeMs === before?.mtimeMs) {
      last = seen
      return UNCHANGED
    }
    // What cannot be read is looked at again even if its time stays: it may have been half written.
    const value = key === null ? plainNumber(text, path) : jsonNumber(text, key, path)
    last = seen
    return oneValue(value, writtenAt(seen, utcMs, before))
  }
}

/**
 * When the file was written, on the monotonic clock. Its time is UTC, which may have jumped since the file was looked at
 * last, but one thing is certain: a file that changed was written after that look.
 */
function writtenAt({ mtimeMs, atMs }: Look, utcMs: number, last: Look | null): number {
  const ageMs = Math.max(0, utcMs - mtimeMs)
  return Math.max(atMs - ageMs, last?.atMs ?? Number.NEGATIVE_INFINITY)
}

function plainNumber(text: string, path: string): number {
  const value = decimal(text.trim())
  if (value !== null) return value
  throw new Error(`${path} is not one number; where it is JSON, name the \`key\` of the number in it`)
}

function jsonNumber(text: string, key: string, path: string): number {
  const value = valueAt(parsed(text, path), key)
  // Text is not read as a number here: whoever writes "NaN" or "12 ms" into JSON is to hear of it.
  if (typeof value === 'number') return value
  throw new Error(`${path} has ${value === undefined ? 'nothing' : `${typeof value}, not a number,`} at ${key}`)
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const isNoNumber = /\b(NaN|Infinity)\b/.test(text)
    const why = isNoNumber ? 'it has NaN or Infinity, which JSON does not know' : printable(reasonOf(error))
    throw new Error(`${path} is not JSON: ${why}`, { cause: error })
  }
}

async function readSmallFile(path: string): Promise<{ text: string; mtimeMs: number }> {
  // A pipe in the file's place must not keep this waiting for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > SIZE_MOST) throw new Error(`it has ${stat.size} bytes, more than the ${SIZE_MOST} that are read`)
    return { text: await file.readFile('utf8'), mtimeMs: stat.mtimeMs }
  } finally {
    await file.close()
  }
}

/** `shop.latency.p95` of `{"shop": {"latency": {"p95": 12}}}` is 12; a key that has dots itself is found whole first. */
export function valueAt(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (Object.hasOwn(value, key)) return (value as Record<string, unknown>)[key]
  const dot = key.indexOf('.')
  if (dot < 0 || !Object.hasOwn(value, key.slice(0, dot))) return undefined
  return valueAt((value as Record<string, unknown>)[key.slice(0, dot)], key.slice(dot + 1))
}

/**
 * The difference between two plain values (objects, arrays, numbers, text, booleans, null) as a few bytes.
 *
 * A turn repeats nearly everything of the turn before: names, identities, settings, whole rows of the decision. Writing
 * it all as JSON would cost more than deciding it. Comparing it with the turn before costs one walk, and what is left
 * to write is mostly counters that moved. It knows nothing of turns, so the model can grow without a change here.
 *
 * Exact: numbers come back bit for bit, -0 and infinities included, and keys in their order.
 *
 * Format: for each container that differs, a list of entries `varint((gap << 3) | kind)`, where the gap counts the
 * children that are equal since the entry before, ended by END. Worked example: `{a: 1, b: 5}` to `{a: 1, b: 6.5}`
 * skips one child and stores a float: 0x0a, eight bytes of 6.5, then END 0x00.
 */

const END = 0
/** The child is replaced by the next of the `parts`. */
const REPLACED = 1
/** The child is a number: eight bytes follow. */
const FLOAT = 2
/** The child is a whole number: a zigzag varint to add to what it was follows. */
const STEP = 3
/** The child is a container with the same keys, or an array of the same length: its entries follow. */
const NESTED = 4
/** The child is an array of another length: the length follows, then its entries; additional elements are REPLACED. */
const RESIZED = 5

export interface Delta {
  readonly bytes: Uint8Array
  /** What no smaller entry could say, in the order of the REPLACED entries. */
  readonly parts: readonly unknown[]
}

type Plain = Readonly<Record<string, unknown>>

/** Grows as needed and is reused from turn to turn: a turn allocates nothing but its result. */
let buffer = new Uint8Array(1 << 16)
let view = new DataView(buffer.buffer)
let length = 0
let parts: unknown[] = []
/** Keys of the objects that are being compared now, the outermost first. */
const keys: string[] = []

/** What has to be written to make `next` out of `previous`. Both must be values that nobody changes afterwards. */
export function delta(previous: Plain, next: Plain): Delta {
  length = 0
  parts = []
  if (writeObject(previous, next) === 'other keys') throw new Error('delta: the outermost keys must be the same')
  const result = { bytes: buffer.slice(0, length), parts }
  parts = []
  return result
}

/**
 * Where nothing differs, nothing is left in the buffer. The keys must be the same and in the same order too: a walk over
 * the object must meet the same sequence when the turn is decided again. The caller takes back what `other keys` left.
 */
function writeObject(previous: Plain, next: Plain): 'equal' | 'differs' | 'other keys' {
  const first = keys.length
  for (const key in previous) keys.push(key)
  const end = keys.length
  let gap = 0
  let at = first
  let differs = false
  for (const key in next) {
    if (at === end || key !== keys[at]) {
      at = -1
      break
    }
    at++
    if (writeChild(previous[key], next[key], gap)) {
      gap = 0
      differs = true
    } else gap++
  }
  keys.length = first
  if (at !== end) return 'other keys'
  if (differs) writeVarint(END)
  return differs ? 'differs' : 'equal'
}

function writeArray(previous: readonly unknown[], next: readonly unknown[]): boolean {
  let gap = 0
  let differs = false
  const common = Math.min(previous.length, next.length)
  for (let i = 0; i < common; i++) {
    if (writeChild(previous[i], next[i], gap)) {
      gap = 0
      differs = true
    } else gap++
  }
  for (let i = common; i < next.length; i++) {
    writeVarint((gap << 3) | REPLACED)
    parts.push(next[i])
    gap = 0
    differs = true
  }
  if (differs) writeVarint(END)
  return differs
}

function writeChild(previous: unknown, next: unknown, gap: number): boolean {
  // Equal, but for 0 and -0; NaN, which no model value is, counts as different from itself.
  if (previous === next && (next !== 0 || Object.is(previous, next))) return false
  if (typeof next === 'number' && typeof previous === 'number') {
    writeNumber(previous, next, gap)
    return true
  }
  if (typeof next === 'object' && next !== null && typeof previous === 'object' && previous !== null) {
    const isArray = Array.isArray(next)
    if (isArray && Array.isArray(previous)) return writeArrayChild(previous, next, gap)
    if (!isArray && !Array.isArray(previous)) {
      const mark = length
      const partsMark = parts.length
      writeVarint((gap << 3) | NESTED)
      const found = writeObject(previous as Plain, next as Plain)
      if (found === 'differs') return true
      length = mark
      if (found === 'equal') return false
      parts.length = partsMark
    }
  }
  writeVarint((gap << 3) | REPLACED)
  parts.push(next)
  return true
}

function writeArrayChild(previous: readonly unknown[], next: readonly unknown[], gap: number): boolean {
  const mark = length
  if (previous.length === next.length) {
    writeVarint((gap << 3) | NESTED)
    if (writeArray(previous, next)) return true
    length = mark
    return false
  }
  writeVarint((gap << 3) | RESIZED)
  writeVarint(next.length)
  if (!writeArray(previous, next)) writeVarint(END)
  return true
}

const STEP_MOST = 2 ** 29

function writeNumber(previous: number, next: number, gap: number): void {
  const step = next - previous
  // Whole numbers below 2^53 add up exactly; -0 does not survive an addition and takes the other way.
  if (
    Number.isSafeInteger(next) &&
    Number.isSafeInteger(previous) &&
    step > -STEP_MOST &&
    step < STEP_MOST &&
    !Object.is(next, -0)
  ) {
    writeVarint((gap << 3) | STEP)
    writeVarint(step < 0 ? -step * 2 - 1 : step * 2)
    return
  }
  writeVarint((gap << 3) | FLOAT)
  if (length + 8 > buffer.length) grow()
  view.setFloat64(length, next, true)
  length += 8
}

/** Seven bits a byte, lowest first; values below 2^31. */
function writeVarint(value: number): void {
  if (length + 5 > buffer.length) grow()
  let rest = value
  while (rest > 127) {
    buffer[length++] = (rest & 127) | 128
    rest >>>= 7
  }
  buffer[length++] = rest
}

function grow(): void {
  const larger = new Uint8Array(buffer.length * 2)
  larger.set(buffer)
  buffer = larger
  view = new DataView(buffer.buffer)
}

interface Reader {
  readonly view: DataView
  readonly parts: readonly unknown[]
  at: number
  part: number
}

/** Makes the next value out of the previous one. Shares with it whatever did not change. */
export function applyDelta<T extends object>(previous: T, { bytes, parts }: Delta): T {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), parts, at: 0, part: 0 }
  if (bytes.length === 0) return previous
  return readObject(reader, previous as Plain) as T
}

function readObject(reader: Reader, previous: Plain): Plain {
  const next: Record<string, unknown> = { ...previous }
  const keys = Object.keys(previous)
  for (let i = 0, entry = readVarint(reader); entry !== END; entry = readVarint(reader), i++) {
    i += entry >>> 3
    const key = keys[i] as string
    next[key] = readChild(reader, entry & 7, previous[key])
  }
  return next
}

function readArray(reader: Reader, previous: readonly unknown[], size: number): unknown[] {
  const next = previous.slice(0, size)
  for (let i = 0, entry = readVarint(reader); entry !== END; entry = readVarint(reader), i++) {
    i += entry >>> 3
    next[i] = readChild(reader, entry & 7, previous[i])
  }
  return next
}

function readChild(reader: Reader, kind: number, previous: unknown): unknown {
  switch (kind) {
    case REPLACED:
      return reader.parts[reader.part++]
    case FLOAT: {
      reader.at += 8
      return reader.view.getFloat64(reader.at - 8, true)
    }
    case STEP: {
      const coded = readVarint(reader)
      return (previous as number) + (coded % 2 === 1 ? -(coded + 1) / 2 : coded / 2)
    }
    case NESTED:
      return Array.isArray(previous)
        ? readArray(reader, previous, previous.length)
        : readObject(reader, previous as Plain)
    case RESIZED:
      return readArray(reader, previous as unknown[], readVarint(reader))
    default:
      throw new Error(`delta: entry of unknown kind ${kind} at byte ${reader.at}; the record is damaged`)
  }
}

function readVarint(reader: Reader): number {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = reader.view.getUint8(reader.at++)
    value |= (byte & 127) << shift
    if (byte < 128) return value >>> 0
  }
}

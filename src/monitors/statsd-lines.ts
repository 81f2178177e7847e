import { decimal } from '#lib/decimal.ts'
import { printable } from '#lib/printable.ts'

/** One line of the StatsD protocol, `bucket:value|type` with `|@rate` behind it where only a part is sent. */
export interface StatsdLine {
  readonly bucket: string
  readonly type: 'gauge' | 'counter' | 'timer'
  readonly value: number
  /** Whether a gauge is moved by the value, which then has a sign, instead of set to it. */
  readonly isDelta: boolean
  /** Which part of the events is told, 0..1. */
  readonly rate: number
}

const TYPES: Readonly<Record<string, StatsdLine['type']>> = { g: 'gauge', c: 'counter', ms: 'timer' }

/**
 * Reads one line, or returns why it is none. Tags and other extensions are refused: what they would tell apart must not
 * be mixed up. Source: docs/metric_types.md of StatsD.
 */
export function readStatsdLine(line: string): StatsdLine | { readonly bucket: string | null; readonly reason: string } {
  const colon = line.indexOf(':')
  const bucket = colon > 0 ? line.slice(0, colon) : null
  const refuse = (why: string) => ({ bucket, reason: `"${printable(line, 60)}" ${why}` })
  if (bucket === null) return refuse('is not bucket:value|type')
  const [text = '', typed = '', sampled, ...more] = line.slice(colon + 1).split('|')
  const value = decimal(text)
  if (value === null) return refuse('has no number as its value')
  const type = Object.hasOwn(TYPES, typed) ? TYPES[typed] : undefined
  if (type === undefined) return refuse('is of none of the types g, c and ms')
  const rate = sampled === undefined ? 1 : sampled.startsWith('@') ? decimal(sampled.slice(1)) : null
  if (rate === null || !(rate > 0 && rate <= 1) || more.length > 0) {
    return refuse('has more than a rate such as |@0.1 behind its type')
  }
  return { bucket, type, value, isDelta: type === 'gauge' && /^[+-]/.test(text), rate }
}

import { decimal } from '#lib/decimal.ts'
import { printable } from '#lib/printable.ts'

/**
 * The text formats in which servers expose measurements: Prometheus text format 0.0.4 and OpenMetrics 1.0, whose
 * blanks, comments, times and end differ. Sources: prometheus.io/docs/instrumenting/exposition_formats and
 * the OpenMetrics specification. Strict: one line that is not of the format, and none of the text is believed.
 */
export type Format = 'prometheus' | 'openmetrics'

export interface Sample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
  /** When the server says that it was measured, UTC in ms; null where it does not say. */
  readonly utcMs: number | null
}

export interface Exposition {
  /** In the order of the text. */
  readonly samples: readonly Sample[]
  /** What kind of metric each family is, as far as the text says. */
  readonly types: ReadonlyMap<string, string>
}

/** A text that is not of its format. */
export class MalformedExposition extends Error {
  override readonly name = 'MalformedExposition'
}

const TYPES: Readonly<Record<Format, readonly string[]>> = {
  prometheus: ['counter', 'gauge', 'histogram', 'summary', 'untyped'],
  openmetrics: ['counter', 'gauge', 'histogram', 'gaugehistogram', 'stateset', 'info', 'summary', 'unknown'],
}
const END = '# EOF'

/**
 * Reads a whole text and returns the samples of one name.
 * @throws {MalformedExposition} with the line, where the text is not of the format or was cut off.
 */
export function parseExposition(text: string, format: Format, wanted: string): Exposition {
  const samples: Sample[] = []
  const types = new Map<string, string>()
  const series = new Set<string>()
  for (const [index, line] of wholeLines(text, format).entries()) {
    try {
      const sample = /^[ \t]*#/.test(line)
        ? readComment(line, format, types)
        : readSample(new Cursor(line, format), format)
      if (sample === null || sample.name !== wanted) continue
      const key = seriesKey(sample.labels)
      if (series.has(key)) throw new MalformedExposition(`a second sample of ${shownSeries(sample)}`)
      series.add(key)
      samples.push(sample)
    } catch (error) {
      if (!(error instanceof MalformedExposition)) throw error
      throw new MalformedExposition(`line ${index + 1}, "${printable(line, 60)}": ${error.message}`)
    }
  }
  return { samples, types }
}

/** One string for a set of labels, whatever their order. */
export function seriesKey(labels: ReadonlyMap<string, string>): string {
  return JSON.stringify([...labels].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A half-written last line, or a missing end, means that not all has arrived. */
function wholeLines(text: string, format: Format): string[] {
  if (text !== '' && !text.endsWith('\n')) throw new MalformedExposition('the text ends in the middle of a line')
  const lines = text.split('\n').slice(0, -1)
  if (format === 'prometheus') return lines
  if (lines.at(-1) !== END) throw new MalformedExposition(`the text does not end with ${END}, so it is not whole`)
  return lines.slice(0, -1)
}

function readComment(line: string, format: Format, types: Map<string, string>): null {
  const [, keyword = '', name = '', rest = ''] =
    /^[ \t]*#[ \t]+(HELP|TYPE|UNIT)[ \t]+(\S+)(?:[ \t]+(.*))?$/.exec(line) ?? []
  if (keyword === '') {
    if (format === 'openmetrics') throw new MalformedExposition('not one of # HELP, # TYPE, # UNIT')
    return null
  }
  if (keyword !== 'TYPE') return null
  if (!TYPES[format].includes(rest.trim())) throw new MalformedExposition(`unknown type "${printable(rest, 40)}"`)
  if (types.has(name)) throw new MalformedExposition(`a second type of ${printable(name)}`)
  types.set(name, rest.trim())
  return null
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y
const QUOTED = /"(?:[^"\\]|\\[\\"n])*"/y
const WORD = /[^ \t]+/y
const EXEMPLAR = / # \{/y

function readSample(at: Cursor, format: Format): Sample | null {
  at.mayBlank()
  if (at.isAtEnd) {
    if (format === 'openmetrics') throw new MalformedExposition('an empty line')
    return null
  }
  const name = at.take(NAME, 'the name of a sample')
  const isApart = at.mayBlank()
  const hasLabels = at.mayTake(/\{/y) !== null
  const labels = hasLabels ? readLabels(at) : new Map<string, string>()
  if (hasLabels ? !at.mayBlank() && format === 'openmetrics' : !isApart) at.blank()
  const value = numberIn(at.take(WORD, 'a value'))
  const utcMs = readTime(at, format)
  if (format === 'openmetrics' && at.mayTake(EXEMPLAR) !== null) {
    readLabels(at)
    at.blank()
    numberIn(at.take(WORD, 'the value of an exemplar'))
    readTime(at, format)
  }
  at.mayBlank()
  if (!at.isAtEnd) throw new MalformedExposition('more than a value and a time')
  return { name, labels, value, utcMs }
}

/** Prometheus counts milliseconds, OpenMetrics seconds. */
function readTime(at: Cursor, format: Format): number | null {
  const word = at.mayTake(format === 'openmetrics' ? / [^ #]+/y : /[ \t]+[^ \t]+/y)
  if (word === null) return null
  const time = decimal(word.trim())
  if (time === null || (format === 'prometheus' && !Number.isSafeInteger(time))) {
    throw new MalformedExposition(`"${printable(word.trim(), 40)}" is not a time`)
  }
  return format === 'openmetrics' ? time * 1000 : time
}

/** What stands between the braces, of which the first is behind the cursor. */
function readLabels(at: Cursor): Map<string, string> {
  const labels = new Map<string, string>()
  at.mayBlank()
  while (at.mayTake(/\}/y) === null) {
    const label = at.take(LABEL, 'the name of a label')
    at.mayBlank()
    at.take(/=/y, '"=" after the name of a label')
    at.mayBlank()
    const quoted = at.take(QUOTED, 'the value of a label, in quotes')
    if (labels.has(label)) throw new MalformedExposition(`a second label ${label}`)
    labels.set(
      label,
      quoted.slice(1, -1).replaceAll(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character)),
    )
    at.mayBlank()
    if (at.mayTake(/,/y) === null) {
      at.take(/\}/y, '"," or "}" after a label')
      return labels
    }
    at.mayBlank()
  }
  return labels
}

/** Besides decimals a value may be NaN or infinite: that is well written, and no reading. */
function numberIn(word: string): number {
  if (/^[+-]?inf(inity)?$/i.test(word))
    return word.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const value = /^nan$/i.test(word) ? Number.NaN : decimal(word)
  if (value === null) throw new MalformedExposition(`"${printable(word, 40)}" is not a number`)
  return value
}

/** A place in one line, moved on by what is read. Every pattern is sticky and takes no more than one pass. */
class Cursor {
  readonly #line: string
  readonly #format: Format
  #at = 0

  constructor(line: string, format: Format) {
    this.#line = line
    this.#format = format
  }

  get isAtEnd(): boolean {
    return this.#at === this.#line.length
  }

  mayTake(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const [taken = null] = pattern.exec(this.#line) ?? []
    if (taken !== null) this.#at += taken.length
    return taken
  }

  take(pattern: RegExp, what: string): string {
    const taken = this.mayTake(pattern)
    if (taken !== null) return taken
    throw new MalformedExposition(`expected ${what} at column ${this.#at + 1}`)
  }

  blank(): void {
    this.take(this.#format === 'openmetrics' ? / /y : /[ \t]+/y, 'a blank')
  }

  /** Blanks where none are needed, which OpenMetrics does not have; true where there were any. */
  mayBlank(): boolean {
    return this.#format === 'prometheus' && this.mayTake(/[ \t]+/y) !== null
  }
}

/** A sample's name and labels as the text has them, bounded. */
export function shownSeries({ name, labels }: Pick<Sample, 'name' | 'labels'>): string {
  const inside = [...labels].map(([label, value]) => `${label}="${value}"`).join(',')
  return printable(inside === '' ? name : `${name}{${inside}}`, 100)
}

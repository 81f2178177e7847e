/** What was measured over time, as a CSV file has it: a line of names, then a line for each time. */

/** A level that holds from its time until that of the next, and the last one for ever. */
export interface Trace {
  /** Milliseconds from the beginning, ascending; the first is 0. */
  readonly atMs: Float64Array
  readonly level: Float64Array
}

/** The highest level of any load: requests per second, clients or threads. */
export const LEVEL_MOST = 1e6

export interface TraceOptions {
  /** Name of the column with the time, and how many milliseconds one of its units is. */
  readonly time: string
  readonly unitMs: number
  /** Name of the column with the level, and what it is multiplied by. */
  readonly column: string
  readonly scale: number
  /** Only lines that have these texts in these columns count. */
  readonly where: Readonly<Record<string, string>>
  /** The file is known to end early, also where its last line feed is the end of what there is. */
  readonly isCut: boolean
}

export type ReadTrace =
  /** `cutAt`: the line in which the file is cut off, so that the last whole one before it is its last. */
  | { readonly ok: true; readonly trace: Trace; readonly cutAt: number | null }
  /** Which of the columns that were asked for is missing, if that is it, and why the file cannot be used. */
  | { readonly ok: false; readonly at: 'file' | 'time' | 'column' | 'where'; readonly message: string }

/** Reads a trace. Times are counted from the first line that counts. */
export function readTrace(text: string, options: TraceOptions): ReadTrace {
  const lines = text.split('\n')
  const head = (lines[0] ?? '').trim()
  if (head === '') return { ok: false, at: 'file', message: 'its first line names no columns' }
  const names = head.split(',')
  const { time, column, where } = options
  for (const [at, name] of [['time', time], ['column', column], ...Object.keys(where).map((its) => ['where', its])]) {
    if (names.includes(name as string)) continue
    const message = `the file has no column \`${name}\`; its first line names ${names.slice(0, 20).join(', ')}`
    return { ok: false, at: at as 'time' | 'column' | 'where', message }
  }
  const wanted = Object.entries(where).map(([name, its]) => [names.indexOf(name), its] as const)
  const [timeAt, levelAt] = [names.indexOf(time), names.indexOf(column)]
  const atMs: number[] = []
  const level: number[] = []
  let cutAt: number | null = null
  let first = Number.NaN
  for (let index = 1; index < lines.length; index++) {
    const line = (lines[index] as string).trimEnd()
    // Of a line that no line feed ends nobody knows whether its last number is whole.
    if (index === lines.length - 1) {
      if (line !== '' || options.isCut) cutAt = index + 1
      break
    }
    if (line === '') continue
    const fields = line.split(',')
    if (wanted.some(([at, its]) => fields[at] !== its)) continue
    const when = numberIn(fields[timeAt])
    const its = numberIn(fields[levelAt])
    if (when === null || its === null || its < 0) {
      const [name, found] = when === null ? [time, fields[timeAt]] : [column, fields[levelAt]]
      return broken(index, `\`${found ?? ''}\` in column \`${name}\` is not a number from 0`)
    }
    if (Number.isNaN(first)) first = when
    const ms = (when - first) * options.unitMs
    if (atMs.length > 0 && ms <= (atMs.at(-1) as number)) {
      return broken(
        index,
        `its time, ${when}, is not after that of the line before; name the one to take with \`where\``,
      )
    }
    if (its * options.scale > LEVEL_MOST) {
      return broken(
        index,
        `${its} in column \`${column}\` times ${options.scale} is above ${LEVEL_MOST}; give another \`scale\``,
      )
    }
    atMs.push(ms)
    level.push(its * options.scale)
  }
  if (atMs.length === 0) {
    const which = Object.entries(where).map(([name, its]) => ` with ${its} in column \`${name}\``)
    const cut = cutAt === null ? '' : `; it is cut off in line ${cutAt}`
    return { ok: false, at: 'file', message: `it has no line${which.join(' and')}${cut}` }
  }
  return { ok: true, trace: { atMs: Float64Array.from(atMs), level: Float64Array.from(level) }, cutAt }
}

/** The level at a time: that of the last line that is not after it. Worked: lines at 0 and 300 s, at 299 s the first. */
export function levelIn({ atMs, level }: Trace, timeMs: number): number {
  return level[Math.max(0, lastAt(atMs, timeMs))] as number
}

/**
 * Until when there is something to go by, in milliseconds: the last line holds for as long as the one before it did.
 * Worked: lines at 0, 300 and 600 s end at 900 s; a single line never ends.
 */
export function endMs({ atMs }: Trace): number {
  const last = atMs.at(-1) as number
  return atMs.length < 2 ? Number.POSITIVE_INFINITY : 2 * last - (atMs.at(-2) as number)
}

/** Index of the last of ascending times that is not after a time; -1 where all are. */
export function lastAt(times: Float64Array, timeMs: number): number {
  let from = -1
  let to = times.length - 1
  while (from < to) {
    const middle = (from + to + 1) >> 1
    if ((times[middle] as number) <= timeMs) from = middle
    else to = middle - 1
  }
  return from
}

function numberIn(text: string | undefined): number | null {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text)
  return Number.isFinite(value) ? value : null
}

function broken(index: number, why: string): ReadTrace {
  return { ok: false, at: 'file', message: `line ${index + 1} of the file: ${why}` }
}

import type { Load, LoadChange } from '#drivers/simulator/load.ts'
import { createPrng } from '#lib/prng.ts'
import type { LoadShape, ScenarioDomain } from './scenario.ts'
import { lastAt, levelIn } from './trace.ts'

const DAY_MS = 24 * 3_600_000

/** What a load is made of at a time. */
export interface LoadAt {
  readonly level: number
  readonly demandMs: number | null
  readonly thinkMs: number | null
  /** Bytes of its working set; null where nothing is said of it. */
  readonly memory: number | null
}

/** When the loads of a scenario begin, how long they last, and by which seed. */
export interface Span {
  readonly startUtcMs: number
  readonly durationMs: number
  readonly seed: number
}

/**
 * How the load of a domain is at a time in milliseconds. Chance is drawn here, from a stream for each shape, so the
 * answer depends on the time alone.
 */
export function loadOver({ name, load, memory, changes }: ScenarioDomain, span: Span): (timeMs: number) => LoadAt {
  const steps = changes.map((shape, index) => stepOf(shape, span, `bursts ${index} of ${name}`))
  const start = loadBefore({ load, memory })
  return (timeMs) => steps.reduce((before, step) => step(before, timeMs), start)
}

/** A load as it is before anything changes it. */
export function loadBefore({ load, memory }: Pick<ScenarioDomain, 'load' | 'memory'>): LoadAt {
  return {
    level: levelOf(load),
    demandMs: load.kind === 'batch' ? null : load.demandMs,
    thinkMs: load.kind === 'closed' ? load.thinkMs : null,
    memory,
  }
}

/** A level that has moved by less than this part of itself waits until more has come together. */
const NOTICED = 0.002

/** Whether a load is so close to what it was before that nothing has to be changed. */
export function isNearly(before: LoadAt, now: LoadAt): boolean {
  if (now.demandMs !== before.demandMs || now.thinkMs !== before.thinkMs || now.memory !== before.memory) return false
  return Math.abs(now.level - before.level) < NOTICED * before.level
}

/** What has to be changed in the simulated load where something is other than it was; null where nothing is. */
export function changeOf({ kind }: Load, before: LoadAt, now: LoadAt): LoadChange | null {
  const change: { -readonly [Key in keyof LoadChange]: LoadChange[Key] } = {}
  if (now.level !== before.level) {
    if (kind === 'open') change.arrivalsPerSecond = now.level
    else if (kind === 'closed') change.clients = Math.round(now.level)
    else change.threads = Math.round(now.level)
  }
  if (now.demandMs !== null && now.demandMs !== before.demandMs) change.demandMs = now.demandMs
  if (now.thinkMs !== null && now.thinkMs !== before.thinkMs) change.thinkMs = now.thinkMs
  return Object.keys(change).length === 0 ? null : change
}

function levelOf(load: Load): number {
  if (load.kind === 'open') return load.arrivalsPerSecond
  return load.kind === 'closed' ? load.clients : load.threads
}

type Step = (before: LoadAt, timeMs: number) => LoadAt

/** Up to the time of its beginning a shape leaves all as it is. */
function stepOf(shape: LoadShape, span: Span, stream: string): Step {
  switch (shape.kind) {
    case 'step': {
      const { atMs, level, demandMs, thinkMs, memory } = shape
      return (before, timeMs) =>
        timeMs < atMs
          ? before
          : {
              level: level ?? before.level,
              demandMs: demandMs ?? before.demandMs,
              thinkMs: thinkMs ?? before.thinkMs,
              memory: memory ?? before.memory,
            }
    }
    case 'ramp': {
      const { fromMs, toMs, level } = shape
      return (before, timeMs) => {
        const part = Math.min(Math.max((timeMs - fromMs) / (toMs - fromMs), 0), 1)
        return part === 0 ? before : { ...before, level: before.level + part * (level - before.level) }
      }
    }
    case 'sine': {
      const { periodMs, amplitude, peakMs } = shape
      return times((timeMs) => 1 + amplitude * Math.cos((2 * Math.PI * (timeMs - peakMs)) / periodMs))
    }
    case 'daily': {
      const { peakMs, least } = shape
      const offsetMs = (span.startUtcMs % DAY_MS) - peakMs
      const middle = (1 + least) / 2
      return times((timeMs) => middle + (1 - middle) * Math.cos((2 * Math.PI * (timeMs + offsetMs)) / DAY_MS))
    }
    case 'bursts': {
      const { lastsMs, factor, everyMs, isRandom } = shape
      if (!isRandom) return times((timeMs) => (timeMs >= everyMs && timeMs % everyMs < lastsMs ? factor : 1))
      const begins = drawBursts(everyMs, span, stream)
      return times((timeMs) =>
        timeMs - (begins[lastAt(begins, timeMs)] ?? Number.NEGATIVE_INFINITY) < lastsMs ? factor : 1,
      )
    }
    case 'trace': {
      const { trace } = shape
      return (before, timeMs) => ({ ...before, level: levelIn(trace, timeMs) })
    }
  }
}

function times(factorAt: (timeMs: number) => number): Step {
  return (before, timeMs) => ({ ...before, level: before.level * factorAt(timeMs) })
}

function drawBursts(everyMs: number, { seed, durationMs }: Span, stream: string): Float64Array {
  const prng = createPrng(seed, stream)
  const begins: number[] = []
  for (let atMs = prng.exponential(everyMs); atMs < durationMs; atMs += prng.exponential(everyMs)) begins.push(atMs)
  return Float64Array.from(begins)
}

import type { Knob, Setting } from '#core/model/observation.ts'
import type { LoadChange } from '#drivers/simulator/load.ts'
import type { Chance } from './chance.ts'
import { type DrawnHost, drawLoadChange } from './draw-host.ts'
import type { Rhythm } from './draw-rhythm.ts'

/** What happens in a run, and when: milliseconds of simulated time. */
export interface Story {
  /** From here on nothing goes wrong any more. */
  readonly quietMs: number
  /** Everything is released here, and the run ends. */
  readonly endMs: number
  readonly events: readonly Event[]
  readonly driverFaults: readonly DriverFault[]
  readonly metricFaults: readonly MetricFault[]
  readonly journalFaults: readonly JournalFault[]
  /** Wakings come late by so much at most. */
  readonly latenessMs: number
  /** How much faster UTC goes than simulated time. */
  readonly utcSpeed: number
}

export type Event = { readonly atMs: number } & Happening

type Happening =
  | { readonly kind: 'load'; readonly domain: string; readonly change: LoadChange }
  /** Its working set has so many bytes from then on. */
  | { readonly kind: 'hold'; readonly domain: string; readonly bytes: number }
  /** Ends, and comes back as another one; `afterLook` is between an observation and its plan. */
  | { readonly kind: 'vanish'; readonly domain: string; readonly backAtMs: number | null; readonly afterLook: boolean }
  | { readonly kind: 'cpus'; readonly count: number }
  /** Somebody else sets a knob. */
  | { readonly kind: 'stranger'; readonly domain: string; readonly knob: Knob; readonly to: Setting }
  | { readonly kind: 'reload'; readonly policy: 'first' | 'second' | 'malformed' }
  | { readonly kind: 'pause' | 'resume' | 'release' }
  | { readonly kind: 'reclaim'; readonly domain: string }
  | { readonly kind: 'event'; readonly seconds: number }
  | { readonly kind: 'utc'; readonly jumpMs: number }
  /** The daemon is dead after so many more steps, and starts again. */
  | { readonly kind: 'kill'; readonly steps: number; readonly downMs: number }
  /** The host starts anew: another boot id, its monotonic clock from 0, every domain another one. */
  | { readonly kind: 'reboot'; readonly downMs: number }

interface During {
  readonly fromMs: number
  readonly untilMs: number
}

export interface DriverFault extends During {
  readonly kind: (typeof DRIVER_FAULTS)[number]
  /** null for all. */
  readonly domain: string | null
  /** Part of the calls that it hits, 0..1. */
  readonly part: number
}

export interface MetricFault extends During {
  readonly kind: (typeof METRIC_FAULTS)[number]
  readonly metric: string
}

export interface JournalFault extends During {
  /** Part of the writes that fail; 1 for a full disk. */
  readonly part: number
}

const DRIVER_FAULTS = [
  'refuse',
  'throw',
  'make-and-throw',
  'hang',
  'make-late',
  'lie',
  'round',
  'round-silently',
  'slow',
  'unreadable',
  'blind',
  'look-slowly',
] as const
const METRIC_FAULTS = ['lost', 'nan', 'negative', 'infinite', 'constant', 'delayed', 'unit', 'future'] as const

/** Time in which all that was planted has ended and what was late has come. */
const CALM_MS = 20_000
const MIB = 2 ** 20

/** `beyond` is for what came later than the rest, so that the rest stays as it was. */
export function drawStory(chance: Chance, beyond: Chance, host: DrawnHost, rhythm: Rhythm | null): Story {
  const quietMs = chance.between(30, 90) * 1000
  const names = host.domains.map(({ name }) => name)
  const at = () => chance.between(500, quietMs)
  const during = (): During => {
    const fromMs = at()
    return { fromMs, untilMs: Math.min(quietMs, fromMs + chance.between(1, 20) * 1000) }
  }
  const times = <Item>(most: number, draw: () => Item): Item[] => Array.from({ length: chance.between(0, most) }, draw)
  const events = [
    ...times(
      12,
      () => ({ atMs: at(), kind: 'load', domain: chance.choose(names), change: drawLoadChange(chance) }) as const,
    ),
    ...times(4, () => drawVanishing(chance, at(), names)),
    ...times(4, () => ({ atMs: at(), ...drawStranger(chance, host, names) })),
    ...times(3, () => ({ atMs: at(), kind: 'cpus', count: chance.between(1, host.cpus) }) as const),
    ...times(6, () => ({ atMs: at(), ...drawIntervention(chance, names) })),
    ...(chance.happens(0.5) ? drawEnds(chance, at) : []),
    ...drawBeyondEvents(beyond, host, quietMs),
  ].filter((its) => !('domain' in its) || its.domain !== rhythm?.domain)
  const lastMs = Math.max(quietMs, rhythm?.lengthMs ?? 0)
  return {
    quietMs: lastMs,
    endMs: lastMs + CALM_MS,
    // Who has a rhythm is left to it.
    events: [...events, ...(rhythm?.events ?? []), { atMs: lastMs, kind: 'cpus', count: host.cpus } as const].sort(
      (a, b) => a.atMs - b.atMs,
    ),
    utcSpeed: rhythm?.utcSpeed ?? 1,
    driverFaults: times(4, () => ({
      ...during(),
      kind: chance.choose(DRIVER_FAULTS),
      domain: chance.happens(0.6) ? chance.choose(names) : null,
      part: chance.choose([0.2, 0.5, 1]),
    })),
    metricFaults: times(3, () => ({
      ...during(),
      kind: chance.choose(METRIC_FAULTS),
      metric: `${chance.choose(names)}-${chance.choose(['p95', 'rate'])}`,
    })),
    journalFaults: times(1, () => ({ ...during(), part: chance.choose([0.3, 1, 1]) })),
    latenessMs: chance.choose([0, 0, 30, 900]),
  }
}

/** Working sets that grow and shrink, and limits on reading that somebody else sets. */
function drawBeyondEvents(chance: Chance, { domains, memory }: DrawnHost, quietMs: number): Event[] {
  const at = () => chance.between(500, quietMs)
  const domain = () => chance.choose(domains).name
  const held = (): Event => {
    const most = Math.floor((2 * memory) / MIB / (domains.length + 1))
    return { atMs: at(), kind: 'hold', domain: domain(), bytes: chance.between(8, most) * MIB }
  }
  const limited = (): Event => {
    const to = chance.happens(0.2) ? null : chance.between(1, 40) * MIB
    return { atMs: at(), kind: 'stranger', domain: domain(), knob: 'io.read.limit', to }
  }
  return [
    ...Array.from({ length: chance.between(0, 4) }, held),
    ...Array.from({ length: chance.happens(0.3) ? 1 : 0 }, limited),
  ]
}

function drawVanishing(chance: Chance, atMs: number, names: readonly string[]): Event {
  const backAtMs = chance.happens(0.8) ? atMs + chance.between(1, 15_000) : null
  return { atMs, kind: 'vanish', domain: chance.choose(names), backAtMs, afterLook: chance.happens(0.5) }
}

function drawStranger(chance: Chance, { cpus, memory }: DrawnHost, names: readonly string[]): Happening {
  const domain = chance.choose(names)
  const set = (knob: Knob, to: Setting) => ({ kind: 'stranger', domain, knob, to }) as const
  switch (chance.between(0, 4)) {
    case 0:
      return set('cpu.weight', chance.choose([2, 100, 1024, 50_000]))
    case 1:
      return set('cpu.quota', chance.choose([null, chance.between(1, cpus * 100) * 10]))
    case 2:
      return set('cpu.set', chance.choose(['0', `0-${cpus - 1}`]))
    case 3:
      return set('freeze', chance.between(0, 1))
    default:
      return set(
        chance.choose(['memory.limit', 'memory.soft']),
        chance.choose([null, chance.between(16, memory / MIB) * MIB]),
      )
  }
}

function drawIntervention(chance: Chance, names: readonly string[]): Happening {
  switch (chance.between(0, 6)) {
    case 0:
      return { kind: 'pause' }
    case 1:
    case 2:
      return { kind: 'resume' }
    case 3:
      return { kind: 'reload', policy: chance.choose(['first', 'second', 'second', 'malformed']) }
    case 4:
      return { kind: 'reclaim', domain: chance.choose(names) }
    case 5:
      return { kind: 'event', seconds: chance.between(0, 20) }
    default:
      return chance.happens(0.5)
        ? { kind: 'release' }
        : { kind: 'utc', jumpMs: chance.choose([-3_600_000, -5000, 60_000, 90_000, 86_400_000]) }
  }
}

/** Of the daemon and of the host. */
function drawEnds(chance: Chance, at: () => number): Event[] {
  const kill = () =>
    ({ atMs: at(), kind: 'kill', steps: chance.between(1, 40), downMs: chance.between(0, 8000) }) as const
  const reboot = () => ({ atMs: at(), kind: 'reboot', downMs: chance.between(100, 8000) }) as const
  return Array.from({ length: chance.between(1, 3) }, () => (chance.happens(0.8) ? kill() : reboot()))
}

import type { Chance } from './chance.ts'
import type { DrawnHost } from './draw-host.ts'
import { EVENT } from './draw-policy.ts'
import type { Event } from './draw-story.ts'

/**
 * An event that is followed by more work, again and again, on a host whose wall clock is fast. A forecast follows an event
 * for half an hour and has its say once it was right: from the third event on, which is a minute and a half away here.
 */
export interface Rhythm {
  /** The service that has more to do after each event. */
  readonly domain: string
  readonly events: readonly Event[]
  /** How much faster UTC goes than simulated time. */
  readonly utcSpeed: number
  /** What it takes for a forecast to speak, and to be compared with what came. */
  readonly lengthMs: number
}

const PART = 0.1
const SPEED = 60
const TIMES = 3
/** An event is followed for half a minute of simulated time; after that everything is as it was before. */
const PERIOD_MS = 35_000
const BUSY_MS = 10_000
const BUSY = 12
const QUIET = 0.5

/** null where there is none, as on most hosts. */
export function drawRhythm(chance: Chance, { domains }: DrawnHost): Rhythm | null {
  const services = domains.filter(({ load }) => load.kind === 'open')
  if (services.length === 0 || !chance.happens(PART)) return null
  const domain = chance.choose(services).name
  const firstMs = chance.between(5000, 12_000)
  const events = Array.from({ length: TIMES }, (_, index) => {
    const atMs = firstMs + index * PERIOD_MS
    return [
      { atMs, kind: 'event', seconds: 2 * SPEED },
      { atMs: atMs + 1000, kind: 'load', domain, change: { arrivalsPerSecond: BUSY } },
      { atMs: atMs + BUSY_MS, kind: 'load', domain, change: { arrivalsPerSecond: QUIET } },
    ] satisfies Event[]
  })
  const before: Event = { atMs: 1, kind: 'load', domain, change: { arrivalsPerSecond: QUIET, demandMs: 80 } }
  return { domain, events: [before, ...events.flat()], utcSpeed: SPEED, lengthMs: firstMs + TIMES * PERIOD_MS }
}

/** What the policies ask for it: what arrives is followed up and down in no time, and the event is one that they know. */
export function rhythmGoals({ domain }: Rhythm) {
  return [
    { name: 'rhythm', domain, kind: 'throughput', metric: 'packets-in', atLeast: 10_000, priority: 1 },
    { domain, kind: 'fixed', amounts: { cpu: '10m' }, priority: 10, onEvent: EVENT },
  ]
}

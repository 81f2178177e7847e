import type { Domain, Goal, Service, Terms } from './cast.ts'

/**
 * What is played: loads and goals over time, for everybody the same. Shapes are functions of the second, so that a play
 * of another length has the same form.
 */

export type Demand =
  /** Requests at random times, whatever the answers do. */
  | { readonly kind: 'open'; readonly perSecond: number; readonly costMs: number }
  /** So many requests always under way: the service takes all that it gets. */
  | { readonly kind: 'pressing'; readonly outstanding: number; readonly costMs: number }

export type Demands = Readonly<Partial<Record<Service, Demand>>>

export interface Step {
  readonly second: number
  /** Whose goal needs more from then on. */
  readonly service: Service
}

export interface Act {
  readonly name: string
  readonly seconds: number
  /** Services that are left out have no clients. */
  readonly demands: (second: number) => Demands
  /** Ordered by second; the first of them hold from the beginning. */
  readonly terms: readonly { readonly second: number; readonly terms: Terms }[]
  readonly steps: readonly Step[]
  /** Priorities whose goals fit into the host at every moment. */
  readonly fitting: readonly Goal['priority'][]
}

export const STEADY_ACT = 'steady'

export type Family = 'I' | 'II'
export const FAMILIES: readonly Family[] = ['I', 'II']

/** Acts of that length; the steady one may be longer, because changes of settings are counted there, which are few. */
export function actsOf(family: Family, seconds: number, steadySeconds = seconds): Act[] {
  if (family === 'II') return [crossing, swapped, memory, capped].map((act) => act(seconds))
  return [steady(steadySeconds), ...[steps, ramps, antiphase, bursts].map((act) => act(seconds))]
}

export const secondsOf = (acts: readonly Act[]): number => acts.reduce((sum, act) => sum + act.seconds, 0)

const MIB = 2 ** 20

// Family I: latency goals, open clients. What is wanted fits at every moment, and so does the sum of the peaks, so that
// weights which give every service its peak serve all of it.

const COST_MS = 5
const LATENCIES: Terms = {
  goals: [
    { service: 'shop', kind: 'latency', target: 100, priority: 1 },
    { service: 'api', kind: 'latency', target: 100, priority: 1 },
    { service: 'search', kind: 'latency', target: 150, priority: 2 },
  ],
  capped: [],
  fileBytes: null,
}

/** So many CPUs' worth of requests. */
const open = (cpus: number): Demand => ({ kind: 'open', perSecond: (cpus * 1000) / COST_MS, costMs: COST_MS })

function latencyAct(name: string, seconds: number, cpus: (second: number) => readonly [number, number, number]): Act {
  const demands = (second: number): Demands => {
    const [shop, api, search] = cpus(second)
    return { shop: open(shop), api: open(api), search: open(search) }
  }
  return { name, seconds, demands, terms: always(LATENCIES), steps: [], fitting: [1, 2] }
}

const always = (terms: Terms): Act['terms'] => [{ second: 0, terms }]

const steady = (seconds: number): Act => latencyAct(STEADY_ACT, seconds, () => [0.45, 0.45, 0.3])

function steps(seconds: number): Act {
  const [first, second] = thirds(seconds)
  return {
    ...latencyAct('steps', seconds, (now) => [
      now >= first && now < second ? 0.65 : 0.25,
      now >= second ? 0.65 : 0.25,
      0.25,
    ]),
    steps: [
      { second: first, service: 'shop' },
      { second, service: 'api' },
    ],
  }
}

const ramps = (seconds: number): Act => latencyAct('ramps', seconds, (now) => [0.45, 0.2 + (0.5 * now) / seconds, 0.25])

const antiphase = (seconds: number): Act =>
  latencyAct('antiphase', seconds, (now) => {
    const swing = 0.2 * Math.sin((2 * Math.PI * now) / ANTIPHASE_SECONDS)
    return [0.4 + swing, 0.4 - swing, 0.25]
  })
const ANTIPHASE_SECONDS = 8

const bursts = (seconds: number): Act =>
  latencyAct('bursts', seconds, (now) => [now % 6 < 2 ? 0.6 : 0.25, 0.25, (now + 3) % 6 < 2 ? 0.6 : 0.2])

// Family II: clients that always push harder than the goals, so that every weight binds.

const OUTSTANDING = 16
const pressing = (costMs: number): Demand => ({ kind: 'pressing', outstanding: OUTSTANDING, costMs })

/** At each moment 0.84 + 0.24 + 0.24 CPUs meet all goals; the peaks together are 1.92. */
function crossing(seconds: number): Act {
  const [first, second] = thirds(seconds)
  const isCrossed = (now: number): boolean => now >= first && now < second
  return {
    name: 'crossing',
    seconds,
    demands: (now) => ({
      shop: pressing(isCrossed(now) ? 14 : 4),
      api: pressing(isCrossed(now) ? 4 : 14),
      search: pressing(6),
    }),
    terms: always({
      goals: [rate('shop', 60, 1), rate('api', 60, 1), rate('search', 40, 2)],
      capped: [],
      fileBytes: null,
    }),
    steps: [
      { second: first, service: 'shop' },
      { second, service: 'api' },
    ],
    fitting: [1, 2],
  }
}

/** 0.6 + 0.5 + 0.8 CPUs never fit; midway the first and the last change priorities, and each first class fits. */
function swapped(seconds: number): Act {
  const midway = Math.round(seconds / 2)
  const goals = (shop: Goal['priority'], search: Goal['priority']) => [
    rate('shop', 60, shop),
    rate('api', 50, 1),
    rate('search', 80, search),
  ]
  return {
    name: 'swapped priorities',
    seconds,
    demands: () => ({ shop: pressing(10), api: pressing(10), search: pressing(10) }),
    terms: [
      { second: 0, terms: { goals: goals(1, 2), capped: [], fileBytes: null } },
      { second: midway, terms: { goals: goals(2, 1), capped: [], fileBytes: null } },
    ],
    steps: [{ second: midway, service: 'search' }],
    fitting: [1],
  }
}

/**
 * The store's 48 MiB fit into the 96 MiB that are left for files, unless the scan takes them, which it does with next to
 * no CPU. The scan is capped, because that is what bounds a domain's memory in version 1 of control groups. Twice as long
 * as the others: what was taken away before is read again at 8 MiB/s, whoever makes room for it.
 */
function memory(seconds: number): Act {
  return {
    name: 'bound by memory',
    seconds: 2 * seconds,
    demands: () => ({
      shop: open(0.35),
      api: open(0.35),
      store: { kind: 'open', perSecond: 10, costMs: 0 },
    }),
    terms: always({
      goals: [
        { service: 'shop', kind: 'latency', target: 100, priority: 1 },
        { service: 'api', kind: 'latency', target: 100, priority: 1 },
        { service: 'store', kind: 'latency', target: 60, priority: 2 },
      ],
      capped: ['scan'],
      fileBytes: 96 * MIB,
    }),
    steps: [],
    fitting: [1, 2],
  }
}

/** At each moment 0.2 + 0.3 + 0.7 or 0.9 + 0.3 + 0.2 CPUs; the peaks together are 1.9. */
function capped(seconds: number): Act {
  const [first, second] = thirds(seconds)
  const isCrossed = (now: number): boolean => now >= first && now < second
  const under: readonly Domain[] = ['shop']
  return {
    name: 'under a cap',
    seconds,
    demands: (now) => ({
      shop: pressing(isCrossed(now) ? 18 : 4),
      api: pressing(6),
      search: pressing(isCrossed(now) ? 4 : 14),
    }),
    terms: always({
      goals: [rate('shop', 50, 1), rate('api', 50, 1), rate('search', 50, 2)],
      capped: under,
      fileBytes: null,
    }),
    steps: [
      { second: first, service: 'shop' },
      { second, service: 'search' },
    ],
    fitting: [1, 2],
  }
}

const rate = (service: Service, target: number, priority: Goal['priority']): Goal => ({
  service,
  kind: 'rate',
  target,
  priority,
})

/** The whole seconds at one and two thirds. */
const thirds = (seconds: number): readonly [number, number] => [Math.round(seconds / 3), Math.round((2 * seconds) / 3)]

/** The terms that hold in a second of the act. */
export function termsAt(act: Act, second: number): Terms {
  return (act.terms.findLast((one) => one.second <= second) as Act['terms'][number]).terms
}

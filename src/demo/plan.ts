/**
 * What the demo plays: loads, goals, and how its time is divided. Tuned so that on two CPUs, with equal weights, both
 * services really miss their goals: each gets about 0.6 CPU when three of them are hungry, and they need more.
 */

export type ServiceName = 'shop' | 'api'
export const SERVICES: readonly ServiceName[] = ['shop', 'api']

export interface ServicePlan {
  readonly priority: number
  /** Acts one and two: CPU per request, requests per second, and the goal for the 95th percentile. */
  readonly costMs: number
  readonly perSecond: number
  readonly p95Ms: number
}

/** The loads and goals of a stage. */
export interface Plan {
  readonly services: Readonly<Record<ServiceName, ServicePlan>>
  /** Act three: both goals are throughputs, and the cost of a request changes places half-way. */
  readonly crossed: {
    readonly perSecond: number
    readonly cheapMs: number
    readonly dearMs: number
    readonly outstanding: number
  }
}

/** Processes: 4 ms x 200/s = 0.8 CPU and 5 ms x 136/s = 0.68 CPU; crossed, 0.3 and 1.2 CPUs' worth. */
export const PROCESSES: Plan = {
  services: {
    shop: { priority: 1, costMs: 4, perSecond: 200, p95Ms: 100 },
    api: { priority: 2, costMs: 5, perSecond: 136, p95Ms: 150 },
  },
  crossed: { perSecond: 75, cheapMs: 4, dearMs: 16, outstanding: 16 },
}

/** Machines of one CPU each: 20 ms x 39/s = 0.78 CPU and 25 ms x 30/s = 0.75 CPU; crossed, 0.2 and 0.6. */
export const MACHINES: Plan = {
  services: {
    shop: { priority: 1, costMs: 20, perSecond: 39, p95Ms: 400 },
    api: { priority: 2, costMs: 25, perSecond: 30, p95Ms: 500 },
  },
  crossed: { perSecond: 10, cheapMs: 20, dearMs: 60, outstanding: 4 },
}

/** CPU that an HTTP server spends on a request besides the work itself. */
export const HTTP_COST_MS = 0.35

export const CPUS = 2
/** After each change of act this much is not counted, so that the queues of the act before are gone. */
export const CHANGE_OVER_MS = 3000
/** After the crossing this much is not counted. */
export const CROSSING_OVER_MS = 8000

/** Seconds of the acts, for a demo that has so many left once everything runs. */
export function timesOf(secondsLeft: number): {
  readonly unmanaged: number
  readonly managed: number
  readonly crossed: number
} {
  const playing = Math.max(secondsLeft - LAST_ANSWERS_SECONDS - BETWEEN_SECONDS, SHORTEST_PLAYING)
  const crossed = Math.round(playing * 0.45)
  const unmanaged = Math.round(playing * 0.2)
  return { unmanaged, managed: playing - unmanaged - crossed, crossed }
}

/** After the last act, until the patience of its last requests has run out. */
export const LAST_ANSWERS_SECONDS = 4
/** Acts begin and end at turns, and the commands are started and ended. */
const BETWEEN_SECONDS = 9
const SHORTEST_PLAYING = 27
/** All of it, with what starting takes. */
export const SHORTEST_SECONDS = 44

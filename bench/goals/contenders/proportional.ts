import { CAPACITY, type Goal, JOBS, type Readings, type Service, slackOf, type Terms } from '../cast.ts'
import { type ByService, byService, type Controller, LEAST, withJobs } from './control.ts'

/**
 * A proportional controller for each goal, and an arbiter by priority, after the HP-UX Workload Manager User's Guide:
 * new request = allocation of the last interval + (convergence rate / 0.10) x (deviation / goal), with the goal taken
 * 10 % stricter than stated (`cntl_margin`), and the recommended convergence rate of one share, a hundredth of a core.
 * Requests are granted priority by priority; inside one the lowest rise first, until all stand equal ("rising tide").
 * What is left is distributed among the workloads without goals. Of CPU only.
 *
 * Worked: 400 millicores at a p95 of 180 ms against 100 ms, which counts as 90, deviate by 1.0: 400 + 100 x 1.0 = 500.
 */
export const PROPORTIONAL: Controller<ProportionalState> = { intervalMs: 1000, begin, reload, next, settings }

const MARGIN = 0.1
/** Millicores by which an allocation is changed where the goal is off by all of it: one share for a tenth. */
const PER_DEVIATION = 100

export interface ProportionalState {
  readonly granted: ByService
}

function begin({ goals }: Terms): ProportionalState {
  const equal = CAPACITY / (goals.length + JOBS.length)
  return { granted: byService((service) => (goals.some((goal) => goal.service === service) ? equal : LEAST)) }
}

function reload(state: ProportionalState, { goals }: Terms): ProportionalState {
  const isIn = (service: Service) => goals.some((goal) => goal.service === service)
  return { granted: byService((service) => (isIn(service) ? state.granted[service] : LEAST)) }
}

function next({ granted }: ProportionalState, { goals }: Terms, readings: Readings): ProportionalState {
  const requests = goals.map((goal) => ({ goal, request: requestOf(goal, granted[goal.service], readings) }))
  let left = CAPACITY - LEAST * (JOBS.length + Object.keys(granted).length)
  const grants = new Map<Service, number>()
  for (const priority of [...new Set(goals.map((goal) => goal.priority))].sort()) {
    const its = requests.filter(({ goal }) => goal.priority === priority)
    const level = tide(
      its.map(({ request }) => request - LEAST),
      left,
    )
    for (const { goal, request } of its) {
      const grant = Math.min(request - LEAST, level)
      grants.set(goal.service, grant)
      left -= grant
    }
  }
  return { granted: byService((service) => LEAST + (grants.get(service) ?? 0)) }
}

function requestOf(goal: Goal, granted: number, readings: Readings): number {
  const stricter = goal.kind === 'latency' ? 1 - MARGIN : 1 + MARGIN
  const slack = slackOf({ ...goal, target: goal.target * stricter }, readings)
  return Math.min(Math.max(granted - PER_DEVIATION * (slack ?? 0), LEAST), CAPACITY)
}

/** The level up to which requests can be granted out of so much. */
function tide(requests: readonly number[], available: number): number {
  let left = available
  const ordered = requests.toSorted((one, other) => one - other)
  for (const [index, request] of ordered.entries()) {
    const level = left / (ordered.length - index)
    if (request > level) return level
    left -= request
  }
  return Number.POSITIVE_INFINITY
}

function settings({ granted }: ProportionalState) {
  return { cpu: withJobs(granted), scanFileBytes: null }
}

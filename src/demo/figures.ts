import { CHANGE_OVER_MS, CROSSING_OVER_MS, type Plan, type ServiceName } from './plan.ts'
import type { Stage } from './stage.ts'
import type { Window } from './workloads/link.ts'

/** A part of the demo that is counted by itself: UTC milliseconds of its beginning and end, and what was used in it. */
export interface Act {
  readonly name: 'unmanaged' | 'managed' | 'crossed' | `compare-${string}`
  readonly goals: 'latency' | 'throughput'
  readonly beganMs: number
  readonly endedMs: number
  /** When costs changed places, in the act in which they do. */
  readonly crossedMs: number | null
  /** CPU-seconds used by each domain, and those that the CPUs had in all. */
  readonly usedCpuSeconds: Readonly<Record<string, number>>
  readonly capacityCpuSeconds: number
  /** Used by other processes of the host, which are not Reeve's either. */
  readonly othersCpuSeconds: number
  /** Not there, because a hypervisor gave them to somebody else. */
  readonly stolenCpuSeconds: number
  /** Used by Reeve, the demo's own table and reports included. */
  readonly reeveCpuSeconds: number
  readonly batchWork: number
}

/** The windows of an act that count: not those of the change-over, nor those right after the crossing. */
export function counted(act: Act, windows: readonly Window[]): Window[] {
  return windows.filter(({ startMs }) => {
    if (startMs < act.beganMs + CHANGE_OVER_MS || startMs + 1000 > act.endedMs) return false
    return act.crossedMs === null || startMs + 1000 <= act.crossedMs || startMs >= act.crossedMs + CROSSING_OVER_MS
  })
}

/** Whether the goal of a service held in one second. */
export function holds(plan: Plan, service: ServiceName, goals: Act['goals'], window: Window): boolean {
  if (goals === 'throughput') return window.throughput >= plan.crossed.perSecond
  return window.offered > 0 && window.p95Ms <= plan.services[service].p95Ms
}

/** Share of the counted seconds in which the goal held, 0..1; NaN where none was counted. */
export function attainment(stage: Pick<Stage, 'plan' | 'windows'>, service: ServiceName, act: Act): number {
  const seconds = counted(act, stage.windows(service))
  return seconds.filter((window) => holds(stage.plan, service, act.goals, window)).length / seconds.length
}

/**
 * Part of the CPU that services, generator and the host's other processes left which the batch job really got, 0..1.
 * What Reeve itself uses is not left out: it is what managing costs.
 */
export function shareOfWhatWasLeft({
  usedCpuSeconds,
  capacityCpuSeconds,
  othersCpuSeconds,
  stolenCpuSeconds,
}: Act): number {
  const { batch = 0, ...others } = usedCpuSeconds
  const services = Object.values(others).reduce((sum, used) => sum + used, 0)
  const left = capacityCpuSeconds - stolenCpuSeconds - othersCpuSeconds - services
  return batch / left
}

export function seconds({ beganMs, endedMs }: Pick<Act, 'beganMs' | 'endedMs'>): number {
  return (endedMs - beganMs) / 1000
}

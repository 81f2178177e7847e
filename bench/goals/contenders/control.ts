import { CAPACITY, type Domain, JOBS, type Readings, SERVICES, type Service, type Terms } from '../cast.ts'
import type { Amounts } from '../settings.ts'

/** A published controller, as a pure step: from terms, readings and its own state to the settings of the next interval. */
export interface Controller<State> {
  readonly intervalMs: number
  begin(terms: Terms): State
  /** What it makes of other terms. */
  reload(state: State, terms: Terms): State
  next(state: State, terms: Terms, readings: Readings): State
  settings(state: State): ControlSettings
}

export interface ControlSettings {
  readonly cpu: Amounts
  /** What the scan may keep of its file, in bytes; null for all that there is. */
  readonly scanFileBytes: number | null
}

/** Millicores by service; those without a goal have the least. */
export type ByService = Readonly<Record<Service, number>>

/** A hundredth of the capacity, which everybody has. */
export const LEAST = CAPACITY / 100

/** The batch jobs share what the services leave. */
export function withJobs(services: ByService): Amounts {
  const left = CAPACITY - SERVICES.reduce((sum, service) => sum + services[service], 0)
  const each = Math.max(left / JOBS.length, LEAST)
  return { ...services, ...(Object.fromEntries(JOBS.map((job) => [job, each])) as Record<Domain, number>) }
}

export function byService(amountOf: (service: Service) => number): ByService {
  return Object.fromEntries(SERVICES.map((service) => [service, amountOf(service)])) as Record<Service, number>
}

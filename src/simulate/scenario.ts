import type { Policy } from '#core/model/policy.ts'
import type { Fault } from '#drivers/simulator/fault.ts'
import type { Hardware } from '#drivers/simulator/hardware.ts'
import type { Load } from '#drivers/simulator/load.ts'
import type { SimulatedMetric } from '#drivers/simulator/metrics.ts'
import type { Fault as TextFault } from '#policy/parse.ts'
import type { Trace } from './trace.ts'

/** A host, what runs on it, and the policy that is to be tried on it. Milliseconds, millicores, bytes. */
export interface Scenario {
  readonly file: string
  readonly host: ScenarioHost
  readonly policy: ScenarioPolicy
  readonly domains: readonly ScenarioDomain[]
  readonly faults: readonly Fault[]
  /** Faults by chance, as many a minute; 0 for none. */
  readonly faultsPerMinute: number
}

export interface ScenarioHost {
  readonly cpus: number
  /** null where nothing is said of it: CPUs that are alike, and nobody is slower for what others do beside him. */
  readonly hardware: Hardware | null
  readonly memory: number
  readonly seed: number
  /** Whole seconds. */
  readonly durationMs: number
  /** UTC at simulated time 0. */
  readonly startUtcMs: number
  readonly unmanagedMilli: number
  /** How far off a metric's reading may be, and what a CPU counter seems to grow by, as a fraction of it. */
  readonly noise: number
}

export interface ScenarioPolicy {
  /** Of the scenario where the policy is part of it. */
  readonly file: string
  readonly text: string
  readonly policy: Policy
}

export interface ScenarioDomain {
  readonly name: string
  readonly load: Load
  /** Bytes of its working set. */
  readonly memory: number | null
  readonly weight: number | null
  /** CPUs that it is found to be held to; null for all. */
  readonly cpus: readonly number[] | null
  /** The policy's metrics that it reports, and what each of them is of its requests. */
  readonly metrics: Readonly<Record<string, SimulatedMetric['what']>>
  readonly changes: readonly LoadShape[]
}

/**
 * How a load changes. Its level is requests per second, clients or threads, by the kind of load. Shapes apply one after
 * another, each to what those before it made of the level.
 */
export type LoadShape =
  /** From then on. What is null stays. */
  | {
      readonly kind: 'step'
      readonly atMs: number
      readonly level: number | null
      readonly demandMs: number | null
      readonly thinkMs: number | null
      readonly memory: number | null
    }
  /** Evenly from the level before to this one. */
  | { readonly kind: 'ramp'; readonly fromMs: number; readonly toMs: number; readonly level: number }
  /** Up and down by a fraction of the level; highest at `peakMs`. */
  | { readonly kind: 'sine'; readonly periodMs: number; readonly amplitude: number; readonly peakMs: number }
  /** The whole level at this time of the day in UTC, this fraction of it half a day later. */
  | { readonly kind: 'daily'; readonly peakMs: number; readonly least: number }
  /** Times a factor for a while, every so often: like clockwork, or at times that chance gives in the mean. */
  | {
      readonly kind: 'bursts'
      readonly everyMs: number
      readonly lastsMs: number
      readonly factor: number
      readonly isRandom: boolean
    }
  /** As measured, instead of the level before. */
  | { readonly kind: 'trace'; readonly trace: Trace }

export type ParsedScenario =
  | { readonly ok: true; readonly scenario: Scenario; readonly warnings: readonly TextFault[] }
  | { readonly ok: false; readonly faults: readonly TextFault[] }

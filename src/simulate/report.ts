import type { Aim } from '#core/model/policy.ts'
import type { Fault } from '#policy/parse.ts'

/** What came of a scenario, as `reeve simulate --json` prints it. The same scenario and seed give the same. */
export interface SimulationReport {
  readonly scenario: string
  readonly policy: string
  readonly seed: number
  readonly seconds: number
  readonly startUtcMs: number
  readonly cpus: number
  /** Bytes. */
  readonly memory: number
  /** What the scenario and the policy leave open of each other, and traces that are cut off. */
  readonly warnings: readonly Fault[]
  /** What is played in another way than the policy says. */
  readonly notes: readonly string[]
  readonly managed: RunReport
  /** The same without Reeve, all settings as they are found; null where that was not asked for. */
  readonly unmanaged: RunReport | null
}

export interface RunReport {
  /** By priority, then in the policy's order. */
  readonly goals: readonly GoalReport[]
  readonly classes: readonly ClassReport[]
  readonly domains: readonly DomainReport[]
  readonly cpu: { readonly usedSeconds: number; readonly capacitySeconds: number }
  readonly turns: TurnsReport
  readonly series: Series
}

/** One goal for one domain. */
export interface GoalReport {
  readonly goal: string
  readonly domain: string
  readonly priority: number
  readonly aim: Aim
  /** Of the metric, empty where there is none. */
  readonly unit: string
  /** Seconds in which it could be told whether the goal held: it was in force, and somebody asked. */
  readonly seconds: number
  /** Those of them in which it held. */
  readonly heldSeconds: number
}

/** All goals of one priority together. */
export interface ClassReport {
  readonly priority: number
  readonly seconds: number
  readonly heldSeconds: number
}

export interface DomainReport {
  readonly name: string
  /** Answers of a domain that answers requests; CPU seconds of a batch job. */
  readonly work: number
  readonly isBatch: boolean
  readonly cpuSeconds: number
  /** Settings that were changed. */
  readonly changes: number
}

export interface TurnsReport {
  readonly made: number
  /** Those that changed a setting. */
  readonly changing: number
  /** Changes that were tried and could not be made. */
  readonly failed: number
  /** What the checker objected to, of which there should be none. */
  readonly violations: number
  /** What the daemon had to say that is wrong, each once. */
  readonly said: readonly string[]
}

/** Curves, as means over the same number of seconds for each point but the last; null where there is nothing to tell. */
export interface Series {
  readonly points: number
  readonly domains: readonly {
    readonly name: string
    /** Millicores. */
    readonly use: readonly (number | null)[]
    /** What was enforced, millicores. */
    readonly allocation: readonly (number | null)[]
  }[]
  /** Of each goal with a metric, in the order of the goals: the median second, in the metric's unit. */
  readonly goals: readonly {
    readonly goal: string
    readonly domain: string
    readonly target: number
    /** On which side of the target the goal holds. */
    readonly side: 'below' | 'above'
    readonly measured: readonly (number | null)[]
  }[]
}

/** Part of the seconds in which it held, 0..1; null where none was counted. */
export function heldPart({ seconds, heldSeconds }: Pick<GoalReport, 'seconds' | 'heldSeconds'>): number | null {
  return seconds === 0 ? null : heldSeconds / seconds
}

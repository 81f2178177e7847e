import type { ResourceKey } from '#core/model/ids.ts'
import type { Knob, MetricReading, Observation } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { CPU, MEMORY } from '#core/model/resource.ts'
import type { TurnRecord } from '#ports.ts'
import type { Ledger } from './ledger.ts'

/** One decision, and what a checker knows of the turns before it. */
export interface Decided {
  readonly policy: Policy
  readonly record: TurnRecord
  readonly ledger: Ledger
  /** Identities that an earlier turn has seen. */
  readonly seenBefore: ReadonlySet<string>
  /** When each row of a resource was moved last by a decision, and which way: by `resource identity`. */
  readonly moves: ReadonlyMap<string, Move>
  /** What the metrics' source told last. */
  readonly readings: readonly MetricReading[]
  /** What this daemon decided on in the turn before, by the same policy; null where there was none. */
  readonly before: Observation | null
  /** Everything that was promised in earlier turns, as `promisesOf` writes it. */
  readonly promised: ReadonlySet<string>
  /** The last turn that is on record. */
  readonly lastTurn: number
}

export interface Move {
  readonly direction: -1 | 1
  readonly atMs: number
}

export type DecisionProperty = (its: Decided) => Iterable<string>

/** Parts of an amount that doubles lose when they are added up in another order. */
export const NEARLY = 1e-6
/** What rounding makes of a setting: 10 millicores and 4 MiB at most, and 2 % of a weight. */
export const ROUNDED: Readonly<Record<string, number>> = { [CPU]: 10, [MEMORY]: 4 * 2 ** 20 }
export const SAME_WEIGHT = 0.021
/** By what a domain that is capped is held to its amount. */
export const CAPS: Readonly<Record<ResourceKey, Knob>> = {
  [CPU]: 'cpu.quota',
  [MEMORY]: 'memory.limit',
  ['io.read' as ResourceKey]: 'io.read.limit',
}

export const grainOf = (policy: Policy, resource: ResourceKey): number =>
  policy.resources.find(({ key }) => key === resource)?.grain ?? 1

export const isTriggered = ({ record }: Decided, resource: ResourceKey): boolean => {
  const { verdict } = record.decision
  return verdict.kind === 'changes' && verdict.triggers.some((trigger) => trigger.resource === resource)
}

export const show = ({ resource }: { resource: string }, { domain }: { domain: string }): string =>
  `${resource} of ${domain}`

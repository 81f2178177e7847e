import type { Outcome } from './decision.ts'
import type { DomainName, Identity, NodeId, ResourceKey } from './ids.ts'

/**
 * What was seen at one instant. Counters are cumulative, as the kernel keeps them: the core makes rates of them, so
 * that a replay needs nothing but the journal. Amounts are in the resources' units.
 */
export interface Observation {
  readonly host: string
  readonly at: Instant
  readonly capacity: Readonly<Record<ResourceKey, HostCapacity>>
  readonly topology: Topology
  /** In the policy's order, then by name. A domain that the policy names but that does not run is absent. */
  readonly domains: readonly DomainObservation[]
  /** Every place that carries a weight on the path to a managed domain, parents first. */
  readonly nodes: readonly SchedulingNode[]
  readonly metrics: readonly MetricReading[]
  /** Events that were reported since the last turn, by name. */
  readonly events: readonly string[]
  /** Domains of which the operator takes back what somebody else set. */
  readonly reclaimed: readonly DomainName[]
  /** The operator's pause: everything is decided and nothing is changed. */
  readonly paused: boolean
  /** How the previous plan went. */
  readonly outcomes: readonly Outcome[]
}

/** One instant on every clock that matters. The core itself has none. */
export interface Instant {
  /** Changes when the host restarts; monotonic times of two boots must not be compared. */
  readonly bootId: string
  readonly monotonicMs: number
  readonly utcMs: number
  /** ISO local time (`2026-11-21T09:30:00`) for each zone that the policy names. */
  readonly zones: Readonly<Record<string, string>>
  readonly openWindows: readonly string[]
}

export interface HostCapacity {
  /** What Reeve may use before headroom, in the resource's unit. */
  readonly total: number
  /** Use of that by everybody: unit x seconds for rates, a level for stocks; null where it cannot be told. */
  readonly used: number | null
}

export interface Topology {
  /** CPUs that may be used now. */
  readonly cpus: readonly Cpu[]
}

export interface Cpu {
  readonly id: number
  readonly core: number
  readonly socket: number
  readonly node: number
  /** Its last-level cache; CPUs with the same number share it. */
  readonly cache: number
  /** Interrupts a second of the host's devices that it served of late; absent where not counted. */
  readonly interrupts?: { readonly network: number; readonly disk: number }
}

export interface DomainObservation {
  readonly name: DomainName
  readonly identity: Identity
  readonly driver: string
  /** Index into the policy's `domains`. */
  readonly policyIndex: number
  readonly state: 'running' | 'paused' | 'ended'
  /** The node that carries its weight. */
  readonly node: NodeId
  /** Not in the hierarchy of this host, nor a part of what it divides: it is observed, and nothing is decided for it. */
  readonly isOutside?: true
  readonly takenAtMs: number
  /**
   * Cumulative. A rate resource's key counts its use in unit x seconds (`cpu`: millicore-seconds). Further names:
   * `cpu.waitMs` (ready but not running, summed over its threads), `cpu.throttledMs`, `cpu.pressureMs`, `cpu.runs` (turns on a CPU),
   * `memory.refaults`, `memory.oomKills`, `memory.pressureMs`, `io.pressureMs`, `io.readOps`, `io.writeOps`,
   * `net.rxPackets`, `net.rxDrops`, the same with `tx`.
   */
  readonly counters: Readonly<Record<string, number>>
  /** Further counters, which were read at another time than `takenAtMs`: whoever was asked for them answered then. */
  readonly told?: { readonly atMs: number; readonly counters: Readonly<Record<string, number>> }
  /**
   * Levels now: a stock resource's key is its use (`memory`: bytes in its working set); with `.held` behind it what it
   * has taken and nobody else can have, where that is more (a machine's memory less its balloon); with `.total` what of
   * it is backed by the host's, with `.own` what cannot be taken from it while it runs (of memory, all but its cache),
   * with `.dirtyRate` how much of it changes each second. Further `threads`.
   */
  readonly levels: Readonly<Record<string, number>>
  /**
   * What it can take at most as it is, in the resource's unit, whatever it is given: a machine's vCPUs and memory; and
   * under `cpu.count` how many vCPUs it can be given.
   */
  readonly most?: Readonly<Record<string, number>>
  /** Knobs that it should have and lacks now, each with the reason. */
  readonly lacks?: Readonly<Record<string, string>>
  /** What its own metadata asks for; nothing of it holds that the policy does not allow. */
  readonly metadata?: DomainMetadata
  /** What the kernel or hypervisor says is in force; a knob that is absent cannot be read here. */
  readonly settings: Settings
}

export interface DomainMetadata {
  readonly groups: readonly string[]
  readonly ignore: boolean
  readonly pin: readonly number[] | null
  /** By resource, in its unit. */
  readonly limits: Readonly<Record<string, number>>
  /** What of it is not followed, each with its reason. */
  readonly refused: readonly string[]
}

/** A value of a knob: a number in the knob's unit, null for "no limit", or text (a CPU list). */
export type Setting = number | string | null
export type Settings = Readonly<Partial<Record<Knob, Setting>>>

/**
 * What can be turned. `cpu.weight` is in the driver's own range; `cpu.quota` in millicores for the whole domain;
 * `cpu.set` a CPU list; `memory.limit` (hard) and `memory.soft` in bytes; `memory.balloon` what its balloon is to leave
 * a machine, in bytes, also while it is on its way there; `cpu.count` how many vCPUs a guest has in use; `io.weight` in the
 * driver's range; `io.read.limit:8:0` (of one device), `io.read.limit` (of all), `net.tx.limit` and the like in the
 * resource's unit; `freeze` 0 or 1; `sched` as `class:priority:sliceMs`.
 */
export type Knob =
  | 'cpu.weight'
  | 'cpu.quota'
  | 'cpu.set'
  | 'memory.limit'
  | 'memory.soft'
  | 'memory.balloon'
  | 'cpu.count'
  | 'io.weight'
  | `io.${'read' | 'write'}.limit`
  | `io.${'read' | 'write'}.limit:${string}`
  | `net.${'rx' | 'tx'}.limit`
  | 'freeze'
  | 'sched'

/** One place in the real scheduling hierarchy, where siblings compete by weight. */
export interface SchedulingNode {
  readonly id: NodeId
  /** null for the top of what the driver shows. */
  readonly parent: NodeId | null
  readonly driver: string
  readonly weight: number
  readonly weightRange: { readonly least: number; readonly most: number }
  /** Sum of the weights of its children that lie on no managed path, as found. */
  readonly unmanagedWeight: number
}

export interface MetricReading {
  readonly metric: string
  /** The domain it is bound to, or null where the metric stands for the goal's own scope. */
  readonly domain: DomainName | null
  readonly takenAtMs: number
  readonly value: number
}

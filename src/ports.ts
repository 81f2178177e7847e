import type { Change, Decision, Outcome } from '#core/model/decision.ts'
import type { DomainName, NodeId } from '#core/model/ids.ts'
import type { Knowledge } from '#core/model/knowledge.ts'
import type {
  DomainObservation,
  HostCapacity,
  Instant,
  Knob,
  MetricReading,
  Observation,
  SchedulingNode,
  Setting,
  Topology,
} from '#core/model/observation.ts'
import type { MetricPolicy, Policy, WindowPolicy } from '#core/model/policy.ts'

/** Every way out of the process. The daemon is composed of these; tests and the simulator bring their own. */

export interface Clock {
  /** The instant now, with the windows of the policy evaluated in their zones. */
  now(windows: readonly WindowPolicy[]): Instant
  /** Resolves at the monotonic time, or early when aborted. */
  sleepUntil(monotonicMs: number, signal: AbortSignal): Promise<void>
}

/** What one kind of domain offers: everything seen of it and everything done to it. */
export interface Driver {
  readonly kind: string
  /** What this driver can see and do on this host, probed once at start; never guessed. */
  readonly capabilities: readonly Capability[]
  /**
   * Makes what the policy describes by command, finds what it matches, and forgets what it no longer names.
   * Idempotent; called at start and after each reload. Changes no setting of anything that runs.
   */
  prepare(policy: Policy): Promise<readonly Prepared[]>
  /**
   * Asks what takes long to answer, for the observations that follow; what does not answer stands as it was. The daemon
   * asks between turns, so that no turn waits for it. A driver that has all at hand has no such thing.
   */
  look?(): Promise<void>
  /**
   * `slow` asks for what is told only now and then too: expensive counters, and what the last look has found. A domain
   * that vanishes meanwhile is absent, not an error.
   */
  observe(slow: boolean): Promise<DriverObservation>
  /**
   * What is in force for a knob now, and the identity of what carries it (a cgroup's inode with the boot id, a UUID):
   * remembered before the first change, compared before a release. null where the node is gone or has no such knob.
   * @throws where it is there and cannot be read now.
   */
  read(node: NodeId, knob: Knob): Promise<{ readonly identity: string; readonly value: Setting } | null>
  /**
   * What carries the knobs of a place now, as `read` tells it, but at once; null where nothing is there any more.
   * @throws where that cannot be told.
   */
  identityOf(node: NodeId): string | null
  /**
   * Tells when something came, went or was changed that is worth looking at before the next turn is due; returns how to
   * stop that. A driver that hears of nothing by itself has no such thing.
   */
  onEvent?(listener: () => void): () => void
  /** Carries out one change; never throws for what can happen to a domain, it is an outcome. Honours the signal. */
  apply(change: Change, signal: AbortSignal): Promise<Outcome>
  /** Lets go of descriptors and connections. Domains and settings stay as they are. */
  close(): Promise<void>
}

/** The driver of a kind, or null where this host has none now. */
export type DriverOf = (kind: string) => Driver | null

export type Capability =
  | { readonly name: string; readonly available: true; readonly detail: string }
  | { readonly name: string; readonly available: false; readonly reason: string; readonly remedy: string }

/** What `prepare` did for one domain of the policy. */
export type Prepared =
  | { readonly domain: string; readonly status: 'started'; readonly pid: number; readonly output: string }
  | { readonly domain: string; readonly status: 'running' | 'absent' }
  | { readonly domain: string; readonly status: 'failed'; readonly message: string }
  /** It is observed, but nothing can be set, as it does not share what this host has. */
  | { readonly domain: string; readonly status: 'outside'; readonly message: string }

/** By attribute, or why they cannot be read. */
export type Words = Readonly<Record<string, string>> | string

export interface DriverObservation {
  readonly capacity: Readonly<Record<string, HostCapacity>>
  readonly topology: Topology
  readonly domains: readonly DomainObservation[]
  readonly nodes: readonly SchedulingNode[]
  /** Words that domains say of themselves, by name, where the policy allows them any; nobody vouches for them. */
  readonly words?: ReadonlyMap<DomainName, Words>
}

/** As whom, where and with what environment a program of the policy runs. */
export interface Surroundings {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly uid: number
  readonly gid: number
}

/** Where a metric's readings come from. Never blocks a turn: `latest` returns what has arrived. */
export interface MetricSource {
  start(metric: MetricPolicy): void
  latest(): readonly MetricReading[]
  close(): Promise<void>
}

/** One committed turn, as much as is needed to decide it again. */
export interface TurnRecord {
  readonly turn: number
  readonly policyHash: string
  readonly decider: string
  readonly observation: Observation
  /** Present on checkpoints only; between them the knowledge follows by deciding again. */
  readonly knowledge: Knowledge | null
  readonly decision: Decision
}

/** A setting as it was before Reeve first changed it. */
export interface RememberedSetting {
  readonly driver: string
  readonly node: NodeId
  readonly domain: DomainName | null
  /** Identity of the domain or node, so that a new one of the same name is not "restored". */
  readonly identity: string
  readonly knob: Knob
  readonly original: Setting
  /** What Reeve set last: `release` leaves alone what somebody else changed since. */
  readonly lastSet: Setting
  /**
   * What else may be in force and is Reeve's doing: what was so before `lastSet`, where it has not been made yet, and
   * what changes tried of which nobody knows whether they were made, or will be.
   */
  readonly mayBe: readonly Setting[]
}

/** The record. A turn is committed before anything is touched. */
export interface Journal {
  /** Writes one turn durably, or throws; the loop goes on without a record and says so. */
  commit(record: TurnRecord, policyText: string): void
  /** Outcomes of a turn's plan, once they are known. */
  outcomes(turn: number, outcomes: readonly Outcome[]): void
  remember(setting: RememberedSetting): void
  remembered(): readonly RememberedSetting[]
  forget(driver: string, node: NodeId, knob: Knob): void
  turns(from: number, to: number): readonly TurnRecord[]
  lastTurn(): number
  policyText(hash: string): string | null
  close(): void
}

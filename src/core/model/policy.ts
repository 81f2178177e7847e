import type { Fairness } from '#core/arbitrate/problem.ts'
import type { DomainName, GoalId, ResourceKey } from './ids.ts'
import type { Resource } from './resource.ts'

/**
 * What the administrator wants, after the edge has parsed and checked it. Amounts are in the resources' own units
 * (millicores, bytes), times in milliseconds, fractions in 0..1. Defaults are filled in: nothing here is optional
 * because it was left out, only because it does not apply.
 */
export interface Policy {
  readonly apiVersion: 'reeve/v1'
  readonly host: HostPolicy
  /** Every resource that is arbitrated, in a fixed order. */
  readonly resources: readonly Resource[]
  /** Parents before their children; a glob stands once and matches many. */
  readonly domains: readonly DomainPolicy[]
  readonly goals: readonly Goal[]
  readonly metrics: readonly MetricPolicy[]
  readonly windows: readonly WindowPolicy[]
}

/** `observe` records only; `advise` decides and shows; `manage` applies. */
export type Mode = 'observe' | 'advise' | 'manage'

/** What is done about a setting that somebody else changed: it is left so until told otherwise, or set again. */
export type DriftAnswer = 'yield' | 'reassert'

/** What a policy may silence: it has no say, and what learns goes on learning. */
export const SILENCEABLE = ['forecast', 'model', 'throughput', 'bottleneck', 'impact'] as const
export type Silenceable = (typeof SILENCEABLE)[number]

export interface HostPolicy {
  readonly intervalMs: number
  readonly mode: Mode
  readonly fairness: Fairness
  readonly surplus: Disposal<'hold' | 'spread' | 'equal'>
  readonly remainder: Disposal<'share' | 'hold'>
  /** Withheld on purpose, per resource in its unit; also stands in for siblings that nobody manages. */
  readonly headroom: Readonly<Record<ResourceKey, Amount>>
  /** What a domain without a reservation starts from, per resource in its unit. */
  readonly minimum: Readonly<Record<ResourceKey, number>>
  readonly thresholds: Readonly<Record<ResourceKey, readonly Rung[]>>
  /** A knob that was moved is not moved back within this time. */
  readonly cooldownMs: number
  /** Largest change of one allocation in one turn, as a fraction of capacity, per resource; 1 where not stated. */
  readonly maximumStep: Readonly<Record<ResourceKey, number>>
  /** Changes below this are not made, in the resource's unit; 0 where not stated. */
  readonly minimumChange: Readonly<Record<ResourceKey, number>>
  readonly drift: DriftAnswer
  readonly without: readonly Silenceable[]
  /** Names of windows during which nothing is moved. */
  readonly quiet: readonly string[]
  /** URIs of the libvirt connections on which machines are looked for. */
  readonly libvirt: readonly string[]
}

/** An amount in the resource's unit, or a fraction of its capacity. */
export type Amount = { readonly amount: number } | { readonly fraction: number }

/** A rule, or default domains by name, in order. */
export type Disposal<Rule extends string> = Rule | { readonly default: readonly DomainName[] }

/** A difference of at least `difference` that lasts for `samples` turns in a row (or `lastsMs`) triggers. */
export type Rung =
  | { readonly difference: number; readonly samples: number }
  | { readonly difference: number; readonly lastsMs: number }

export interface DomainPolicy {
  /** A name, or a glob (`web-*`) that gives every domain it matches these properties. */
  readonly name: string
  readonly driver: string
  readonly match: Match
  /** The name of the domain that this one is inside of. */
  readonly parent: DomainName | null
  readonly groups: readonly string[]
  readonly mode: Mode | null
  /** `fixed` stays at what is in force for it; `ignored` is outside: its use counts as nobody's. */
  readonly role: 'managed' | 'fixed' | 'ignored'
  /** Which resources are controlled, by key or by the family before `@` and `:`. */
  readonly controls: readonly ResourceKey[]
  readonly enforcement: 'guarantee' | 'cap'
  readonly shares: Readonly<Record<ResourceKey, Share>>
  readonly placement: Placement
  /** What its own metadata may ask for; null where it is not looked at. */
  readonly metadata: MetadataPolicy | null
  /** Paused while it needs so much CPU and is given less, in millicores; null where it is never paused. */
  readonly pauseBelow: number | null
  /** How many vCPUs its guest has in use follows what it is given, within these; null leaves them alone. */
  readonly vcpus: { readonly least: number; readonly most: number } | null
  /** null where it is the host's. */
  readonly drift: DriftAnswer | null
  /** Scheduling class and time slice of its threads; null leaves them alone. */
  readonly scheduling: SchedulingPolicy | null
  /** The same by what it does; null where that makes no difference. */
  readonly byActivity: Readonly<Record<Activity, SchedulingPolicy | null>> | null
  /** Which CPUs it runs on by what it does; null leaves that alone. */
  readonly affinity: Readonly<Record<Activity, AffinityRule>> | null
}

/** Metadata only narrows: groups that it may join, and whether it may stay outside, pin itself, and limit itself. */
export interface MetadataPolicy {
  readonly groups: readonly string[]
  readonly ignore: boolean
  readonly pin: boolean
  readonly limit: boolean
}

/** How a policy's domain is found. `command` is started by Reeve in a domain of its own and never restarted. */
export type Match =
  | { readonly kind: 'name' }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'unit'; readonly unit: string }
  | { readonly kind: 'uuid'; readonly uuid: string }
  | { readonly kind: 'command'; readonly command: CommandPolicy }
  | { readonly kind: 'parent' }

export interface CommandPolicy {
  /** Program and arguments; no shell. */
  readonly argv: readonly [string, ...string[]]
  readonly user: string
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
}

/** What one domain may have of one resource, in its unit; null where nothing is said. */
export interface Share {
  readonly reservation: number | null
  readonly own: number | null
  readonly lend: boolean
  readonly borrow: boolean
  readonly limit: number | null
  /** null stands for 1, and for the sum of the children's on a parent. */
  readonly weight: number | null
}

export interface Placement {
  /** CPUs it may run on, or null for all. */
  readonly pin: readonly number[] | null
  /** Domains it should share CPUs with. */
  readonly near: readonly DomainName[]
  /** Domains it must not share CPUs with. */
  readonly apart: readonly DomainName[]
}

/** What a domain does most. */
export type Activity = 'idle' | 'compute' | 'network' | 'disk' | 'interrupt' | 'time-critical'

/**
 * Where a domain runs: beside the CPUs that serve interrupts of network devices, of disks, or of both; on one last-level
 * cache; on whole cores; or anywhere.
 */
export type AffinityRule = (typeof AFFINITY_RULES)[number]
export const AFFINITY_RULES = [
  'network-interrupts',
  'disk-interrupts',
  'interrupts',
  'cache',
  'cores',
  'anywhere',
] as const

export interface SchedulingPolicy {
  readonly class: 'other' | 'batch' | 'idle' | 'fifo' | 'round-robin'
  /** Real-time priority 1..99 for fifo and round-robin, else 0. */
  readonly priority: number
  /** Time slice of class `other`, or null for the kernel's own. */
  readonly sliceMs: number | null
}

/** An objective. The need of a domain in a class is the largest over its goals of that class and those above. */
export interface Goal {
  readonly id: GoalId
  readonly scope: { readonly domain: DomainName } | { readonly group: string } | { readonly all: true }
  /** Which application inside the domain; goals of one application share their need, those of several add up. */
  readonly application: string
  /** 1 is first; already compressed, so classes are 1..P without gaps. */
  readonly priority: number
  readonly aim: Aim
  readonly conditions: readonly Condition[]
  /** The most that may be asked for on its account, in the resource's unit; absent where there is no bound. */
  readonly upTo: Readonly<Record<ResourceKey, number>>
}

export type Aim =
  /** Use at or below `target` (0..1) of the entitlement. */
  | { readonly kind: 'utilization'; readonly resource: ResourceKey; readonly target: number }
  /** A metric at or below, or at or above, a target in the metric's own unit. */
  | {
      readonly kind: 'performance'
      readonly metric: string
      readonly direction: 'below' | 'above'
      readonly target: number
    }
  /** At least `target` units of work per second. */
  | { readonly kind: 'throughput'; readonly metric: string; readonly target: number }
  /** The amounts themselves, per resource in its unit. */
  | { readonly kind: 'fixed'; readonly amounts: Readonly<Record<ResourceKey, number>> }

export type Condition =
  | { readonly kind: 'window'; readonly window: string }
  | { readonly kind: 'running'; readonly domain: DomainName }
  | { readonly kind: 'event'; readonly event: string }

export interface MetricPolicy {
  readonly name: string
  readonly unit: string
  readonly intervalMs: number
  /** A reading older than this is stale: the estimate holds, then goes by what the domain uses. */
  readonly staleMs: number
  readonly source: MetricSourcePolicy
}

/** Where the readings of a metric come from. `timeoutMs` is how long an answer is waited for. */
export type MetricSourcePolicy =
  /** The increase per second, or per second of CPU time, of what is counted for the domain itself (see `counters`). */
  | { readonly kind: 'counter'; readonly counter: string; readonly perCpuSecond: boolean }
  /** Pushed to the metrics socket, or the control socket; bound to `domain`, or by the peer's credentials to whichever domain it runs in. */
  | { readonly kind: 'push'; readonly domain: DomainName | null }
  /** A number in a JSON file, at a dotted path; without a key the number that is all the file has. */
  | { readonly kind: 'file'; readonly path: string; readonly key: string | null }
  /** A FIFO of which every line is a number. */
  | { readonly kind: 'fifo'; readonly path: string }
  /** What a program prints, which is a number. */
  | { readonly kind: 'command'; readonly command: CommandPolicy; readonly timeoutMs: number }
  /** How long a URL takes to answer, in ms: a quantile over the probes of a window. Failed ones count as the timeout. */
  | ({
      readonly kind: 'http'
      readonly url: string
      /** The status that a good answer has. */
      readonly status: number
      readonly timeoutMs: number
    } & QuantilePolicy)
  /** A query that Prometheus evaluates; with a label to tell domains by, a reading for each. */
  | {
      readonly kind: 'prometheus'
      readonly url: string
      readonly query: string
      readonly domainLabel: string | null
      readonly timeoutMs: number
    }
  /** A sample of a text exposition: those of this name with these labels. */
  | {
      readonly kind: 'scrape'
      readonly url: string
      readonly sample: string
      readonly labels: Readonly<Record<string, string>>
      readonly take: ScrapedPolicy
      readonly timeoutMs: number
    }
  /** What arrives in a bucket at a UDP port of this host. */
  | { readonly kind: 'statsd'; readonly port: number; readonly bucket: string; readonly take: StatsdPolicy }

/** A quantile (0..1) over the samples of a window; fewer samples than the least give no reading. */
export interface QuantilePolicy {
  readonly quantile: number
  readonly windowMs: number
  readonly samplesLeast: number
}

/** What is made of samples: the value itself, the rate of a counter, or a quantile (0..1) of a histogram's increase. */
export type ScrapedPolicy =
  | { readonly kind: 'value' }
  | { readonly kind: 'rate' }
  | { readonly kind: 'quantile'; readonly quantile: number; readonly samplesLeast: number }

export type StatsdPolicy =
  | { readonly kind: 'gauge' }
  | { readonly kind: 'counter' }
  | ({ readonly kind: 'timer' } & QuantilePolicy)

/** A window is open in every minute that one of its cron patterns matches, in its time zone. */
export interface WindowPolicy {
  readonly name: string
  readonly patterns: readonly string[]
  readonly zone: string
}

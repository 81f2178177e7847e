import { decide } from './decide.ts'
import type { Change, Decision } from './model/decision.ts'
import type { DomainName, GoalId, Identity, NodeId, ResourceKey } from './model/ids.ts'
import { type Knowledge, NO_KNOWLEDGE } from './model/knowledge.ts'
import type { Cpu, DomainObservation, MetricReading, Observation, Settings } from './model/observation.ts'
import type { Aim, DomainPolicy, Goal, HostPolicy, MetricPolicy, Policy, Share } from './model/policy.ts'
import { CPU, knownResource, type Resource } from './model/resource.ts'

/** A hand-made host for tests of the decision: domains under one root, whose settings follow the plan at once. */

export const share = (its: Partial<Share> = {}): Share => ({
  reservation: null,
  own: null,
  lend: true,
  borrow: true,
  limit: null,
  weight: null,
  ...its,
})

export function domain(name: string, its: Partial<DomainPolicy> = {}): DomainPolicy {
  return {
    name,
    driver: 'fixture',
    match: { kind: 'name' },
    parent: null,
    groups: [],
    mode: null,
    role: 'managed',
    controls: [CPU],
    enforcement: 'guarantee',
    shares: {},
    placement: { pin: null, near: [], apart: [] },
    metadata: null,
    pauseBelow: null,
    vcpus: null,
    drift: null,
    scheduling: null,
    byActivity: null,
    affinity: null,
    ...its,
  }
}

export function goal(name: string, priority: number, aim: Aim, its: Partial<Goal> = {}): Goal {
  const id = `${name}-${aim.kind}-${priority}` as GoalId
  return { id, scope: { domain: name as DomainName }, application: '', priority, aim, conditions: [], upTo: {}, ...its }
}

export const metric = (name: string): MetricPolicy => ({
  name,
  unit: 'ms',
  intervalMs: 1000,
  staleMs: 5000,
  source: { kind: 'push', domain: null },
})

export function policy(
  domains: readonly DomainPolicy[],
  goals: readonly Goal[],
  host: Partial<HostPolicy> = {},
  resources: readonly Resource[] = [knownResource('cpu') as Resource],
): Policy {
  const metrics = goals.flatMap(({ aim }) => ('metric' in aim ? [metric(aim.metric)] : []))
  return {
    apiVersion: 'reeve/v1',
    host: {
      intervalMs: 1000,
      mode: 'manage',
      fairness: 'max-min',
      surplus: 'hold',
      remainder: 'share',
      headroom: {},
      minimum: { [CPU]: 10 },
      thresholds: {},
      cooldownMs: 10_000,
      maximumStep: {},
      minimumChange: {},
      libvirt: [],
      quiet: [],
      drift: 'yield',
      without: [],
      ...host,
    },
    resources,
    domains,
    goals,
    metrics,
    windows: [],
  }
}

export interface Tenant {
  /** Millicores used until the coming turn. */
  use: number
  /** Milliseconds waited for in a second of that time. */
  waitMs?: number
  memory?: number
  /** Further levels. */
  levels?: Readonly<Record<string, number>>
  most?: Readonly<Record<string, number>>
  /** Counters that are not read every second. */
  slow?: Readonly<Record<string, number>>
  /** Counters that were read at a time of their own. */
  told?: DomainObservation['told']
  identity?: string
  settings?: Settings
  gone?: boolean
  /** Runs on another host. */
  isOutside?: true
}

/** One host, turn by turn, which are seconds where not stated. `step` observes, decides, and carries the plan out. */
export class World {
  policy: Policy
  tenants: Record<string, Tenant>
  capacity = 2000
  memory = 1024 * 1024 * 1024
  cpus: readonly Cpu[] = [0, 1, 2, 3].map((id) => ({ id, core: id, socket: 0, node: 0, cache: 0 }))
  readings: Record<string, number> = {}
  /** How old they are, in milliseconds; new where not stated. */
  ages: Record<string, number> = {}
  unmanagedUse = 0
  unmanagedWeight = 0
  paused = false
  openWindows: string[] = []
  events: string[] = []
  reclaimed: string[] = []
  knowledge: Knowledge = NO_KNOWLEDGE
  seconds = 0
  /** From one turn to the next. */
  turnSeconds = 1
  /** Knobs that fail when written; the rest of the plan is then not tried. */
  broken = new Set<string>()
  /** Changes that fail are made all the same, once the next turn has found that they were not. */
  late = false
  /** Reeve dies before it is told what became of a plan: it was carried out, or nothing of it was; null while it lives. */
  dies: 'after' | 'before' | null = null
  readonly weights: Record<string, number> = {}
  readonly settings: Record<string, Record<string, number | string | null>> = {}
  private readonly used: Record<string, number> = {}
  private readonly waited: Record<string, number> = {}
  private hostUsed = 0
  private outcomes: Observation['outcomes'] = []
  private coming: Change[] = []

  constructor(its: Policy, tenants: Record<string, Tenant>) {
    this.policy = its
    this.tenants = tenants
  }

  /** Lets the given number of turns pass, and returns the last decision. */
  run(turns: number): Decision {
    let decision = this.step()
    for (let turn = 1; turn < turns; turn++) decision = this.step()
    return decision
  }

  step(): Decision {
    this.seconds += this.turnSeconds
    this.live()
    const { decision, knowledge } = decide(this.policy, this.observe(), this.knowledge)
    this.knowledge = knowledge
    for (const change of this.coming.splice(0)) this.set(change)
    let hasFailed = false
    this.outcomes = decision.plan.map((change) => {
      if (this.dies !== null) {
        if (this.dies === 'after') this.set(change)
        return { status: 'unknown', node: change.node, knob: change.knob } as const
      }
      if (hasFailed) return { status: 'not-tried', node: change.node, knob: change.knob } as const
      if (this.broken.has(`${change.node} ${change.knob}`)) {
        hasFailed = true
        if (this.late) this.coming.push(change)
        return { status: 'failed', node: change.node, knob: change.knob, code: 'EIO', message: 'planted' } as const
      }
      this.set(change)
      return { status: 'applied', node: change.node, knob: change.knob, to: change.to } as const
    })
    return decision
  }

  private set({ node, knob, to }: Change): void {
    if (knob === 'cpu.weight') this.weights[node] = to as number
    else this.settings[node] = { ...this.settings[node], [knob]: to }
  }

  private live(): void {
    this.hostUsed += this.unmanagedUse * this.turnSeconds
    for (const [name, tenant] of Object.entries(this.tenants)) {
      if (tenant.gone === true) continue
      this.used[name] = (this.used[name] ?? 0) + tenant.use * this.turnSeconds
      this.waited[name] = (this.waited[name] ?? 0) + (tenant.waitMs ?? 0) * this.turnSeconds
      if (tenant.isOutside !== true) this.hostUsed += tenant.use * this.turnSeconds
    }
  }

  private observe(): Observation {
    const takenAtMs = this.seconds * 1000
    const here = Object.entries(this.tenants).filter(([, tenant]) => tenant.gone !== true)
    const node = (name: string) => `/${name}` as NodeId
    const weightRange = { least: 2, most: 262_144 }
    const memory = here.reduce((sum, [, tenant]) => sum + (tenant.memory ?? 0), 0)
    return {
      host: 'fixture',
      at: { bootId: 'boot', monotonicMs: takenAtMs, utcMs: takenAtMs, zones: {}, openWindows: this.openWindows },
      capacity: {
        [CPU]: { total: this.capacity, used: this.hostUsed },
        ['memory' as ResourceKey]: { total: this.memory, used: memory },
      },
      topology: { cpus: this.cpus },
      domains: here.map(([name, tenant]) => ({
        name: name as DomainName,
        identity: (tenant.identity ?? name) as Identity,
        driver: 'fixture',
        policyIndex: this.policy.domains.findIndex((its) => its.name === name),
        state: this.settings[`/${name}`]?.['freeze'] === 1 ? 'paused' : 'running',
        node: node(name),
        takenAtMs,
        counters: { cpu: this.used[name] ?? 0, 'cpu.waitMs': this.waited[name] ?? 0, ...tenant.slow },
        levels: tenant.memory === undefined ? {} : { memory: tenant.memory, ...tenant.levels },
        ...(tenant.told && { told: tenant.told }),
        ...(tenant.most && { most: tenant.most }),
        ...(tenant.isOutside && { isOutside: true }),
        settings: { 'cpu.weight': this.weights[`/${name}`] ?? 1024, ...tenant.settings, ...this.settings[`/${name}`] },
      })),
      nodes: [
        {
          id: '/' as NodeId,
          parent: null,
          driver: 'fixture',
          weight: 1024,
          weightRange,
          unmanagedWeight: this.unmanagedWeight,
        },
        ...here.map(([name]) => ({
          id: node(name),
          parent: '/' as NodeId,
          driver: 'fixture',
          weight: this.weights[`/${name}`] ?? 1024,
          weightRange,
          unmanagedWeight: 0,
        })),
      ],
      metrics: Object.entries(this.readings).map(([name, value]): MetricReading => {
        return { metric: name, domain: null, takenAtMs: takenAtMs - (this.ages[name] ?? 0), value }
      }),
      events: this.events,
      reclaimed: this.reclaimed as DomainName[],
      paused: this.paused,
      outcomes: this.outcomes,
    }
  }
}

/** What a decision enforces of a resource for a domain. */
export function allocated(decision: Decision, name: string, resource: ResourceKey = CPU): number {
  const row = decision.resources.find((its) => its.resource === resource)?.rows.find((its) => its.domain === name)
  if (row === undefined) throw new Error(`no ${resource} row for ${name}`)
  return row.allocation
}

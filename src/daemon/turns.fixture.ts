import type { Decision } from '#core/model/decision.ts'
import type { DomainName, GoalId, Identity, NodeId, ResourceKey } from '#core/model/ids.ts'
import type { Knowledge } from '#core/model/knowledge.ts'
import { NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import type { Observation } from '#core/model/observation.ts'
import { CPU, MEMORY } from '#core/model/resource.ts'
import type { TurnRecord } from '#ports.ts'

/** Turns of any size that look like real ones, for tests and for measuring the journal. Same arguments, same turns. */
export interface TurnsOptions {
  readonly domains: number
  /** How many of the domains use CPU; counters of the others stand still. */
  readonly busy?: number
  /** How many allocations change in each turn. */
  readonly changing?: number
  readonly policyHash?: string
}

const POLICY_HASH = 'a'.repeat(64)

export function turnRecord(turn: number, options: TurnsOptions, knowledge: Knowledge | null = null): TurnRecord {
  const { policyHash = POLICY_HASH } = options
  return {
    turn,
    policyHash,
    decider: '0.1.0',
    observation: observationOf(turn, options),
    knowledge,
    decision: decisionOf(turn, options),
  }
}

export function knowledgeOf(turn: number, options: TurnsOptions): Knowledge {
  const domains: Record<string, Knowledge['domains'][DomainName]> = {}
  for (let i = 0; i < options.domains; i++) {
    const resource = { use: 10.5 * i, allocation: 100, ladder: { sign: 1, samples: [1, 2, 3], sinceMs: [1, 2, 3] } }
    domains[nameOf(i)] = {
      identity: identityOf(i),
      turns: turn,
      seenAtMs: turn * 1000,
      slow: {},
      levels: {},
      counters: countersOf(i, turn, options),
      resources: { [CPU]: { ...resource, moved: null } as never, [MEMORY]: { ...resource, moved: null } as never },
      goals: { [goalOf(i)]: { factor: 1.5, peak: i } } as never,
      promises: {},
    }
  }
  return { ...NO_KNOWLEDGE, turn, bootId: 'boot', domains }
}

/** Names are made once and shared by all turns, as drivers and the policy do. */
const named = <Name extends string>(prefix: string) => {
  const names: Name[] = []
  return (i: number): Name => {
    names[i] ??= `${prefix}${i}` as Name
    return names[i] as Name
  }
}
const nameOf = named<DomainName>('domain-')
const nodeOf = named<NodeId>('/fixture/domain-')
const identityOf = named<Identity>('boot:')
const goalOf = named<GoalId>('goal-')
const moves = (i: number, turn: number, { changing = 0 }: TurnsOptions) => i % 10 === turn % 10 && i < changing * 10

function countersOf(i: number, turn: number, { domains, busy = domains }: TurnsOptions): Record<string, number> {
  const moved = i < busy ? turn : 0
  return {
    cpu: 1000.123456 * moved + i,
    'cpu.waitMs': 3.25 * moved,
    'cpu.throttledMs': 0,
    'memory.refaults': 0,
    'memory.oomKills': 0,
    'io.read:8:0': 4096 * i,
    'io.write:8:0': 8192 * i,
    'net.rxPackets': 0,
    'net.txPackets': 0,
  }
}

function observationOf(turn: number, options: TurnsOptions): Observation {
  const atMs = turn * 1000 + 0.251
  const range = { least: 2, most: 262144 }
  const ids = Array.from({ length: options.domains }, (_, i) => i)
  return {
    host: 'fixture',
    at: { bootId: 'boot', monotonicMs: atMs, utcMs: 1_760_000_000_000 + turn * 1000, zones: {}, openWindows: [] },
    capacity: { [CPU]: { total: 2000, used: 1900.5 * turn }, [MEMORY]: { total: 2 ** 34, used: 2 ** 30 } },
    topology: { cpus: [0, 1].map((id) => ({ id, core: id, socket: 0, node: 0, cache: 0 })) },
    domains: ids.map((i) => ({
      name: nameOf(i),
      identity: identityOf(i),
      driver: 'cgroup',
      policyIndex: 0,
      state: 'running',
      node: nodeOf(i),
      takenAtMs: atMs + i / 128,
      counters: countersOf(i, turn, options),
      levels: { memory: 2 ** 20 * i, 'memory.total': 2 ** 21 * i, threads: 3 },
      settings: { 'cpu.weight': 100 + (moves(i, turn - 1, options) ? 1 : 0), 'cpu.quota': null, 'memory.limit': null },
    })),
    nodes: ids.map((i) => ({
      id: nodeOf(i),
      parent: '/fixture' as NodeId,
      driver: 'cgroup',
      weight: 100,
      weightRange: range,
      unmanagedWeight: 0,
    })),
    metrics: [{ metric: 'latency', domain: nameOf(0), takenAtMs: atMs - 10.5, value: 100 + (turn % 7) / 3 }],
    reclaimed: [],
    events: [],
    paused: false,
    outcomes: [],
  }
}

function decisionOf(turn: number, options: TurnsOptions): Decision {
  const ids = Array.from({ length: options.domains }, (_, i) => i)
  const amount = (i: number) => 2000 / options.domains + (moves(i, turn, options) ? 10 : 0)
  const moving = ids.filter((i) => moves(i, turn, options))
  const trigger = { kind: 'threshold', resource: CPU, domain: nameOf(0), difference: 0.25, samples: 1 } as const
  const rows = (resource: ResourceKey) =>
    ids.map((i) => ({
      domain: nameOf(i),
      parent: null,
      role: 'managed' as const,
      requests: [amount(i), amount(i) * 1.5],
      use: i < (options.busy ?? options.domains) && resource === CPU ? amount(i) * (0.9 + (turn % 5) / 100) : 0,
      inForce: 100,
      entitlement: amount(i),
      allocation: amount(i),
      because: { bound: 'request' as const, priority: 1, request: amount(i) },
      settled: null,
      gains: [],
    }))
  return {
    decider: '0.1.0',
    drift: [],
    turn,
    goals: ids.map((i) => ({
      goal: goalOf(i),
      domain: nameOf(i),
      priority: 1,
      status: { kind: 'met', measured: amount(i), target: 0.9, index: 0.9 },
      need: { [CPU]: amount(i) },
      cut: {},
      because: { kind: 'utilization', resource: CPU, wanted: amount(i), target: 0.9, heldBack: false },
      forecasts: [],
      promised: null,
      graded: null,
      record: null,
      short: null,
      wouldMeet: [],
    })),
    resources: [CPU, MEMORY].map((resource) => ({
      resource,
      capacity: { total: 2000, headroom: 100, unmanaged: 0, fixed: 0, available: 1900, shrunk: false },
      classes: [{ priority: 1, satisfied: true }],
      rows: rows(resource),
      unallocated: 0,
    })),
    plan: moving.map((i) => ({
      driver: 'cgroup',
      node: nodeOf(i),
      domain: nameOf(i),
      identity: identityOf(i),
      knob: 'cpu.weight',
      resource: CPU,
      from: 100,
      to: 101,
      direction: 'grow',
      because: { kind: 'allocation', resource: CPU, from: 100, to: 110, trigger },
    })),
    verdict: { kind: 'changes', count: moving.length, triggers: [trigger] },
    advice: null,
    violations: [],
  }
}

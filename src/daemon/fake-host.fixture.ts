import { join } from 'node:path'
import type { Change, Outcome } from '#core/model/decision.ts'
import type { DomainName, Identity, NodeId } from '#core/model/ids.ts'
import type { Knob, Setting } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { CPU, MEMORY } from '#core/model/resource.ts'
import type { Clock, Driver, DriverObservation } from '#ports.ts'
import { createClock } from './clock.ts'
import { SILENT } from './log.ts'
import { type Daemon, type DaemonOptions, startDaemon } from './main.ts'

const MIB = 1024 * 1024

/** A host of a few domains in memory, for tests of the loop around the decision: it obeys, and it can be told to fail. */
export class FakeHost implements Driver {
  readonly kind = 'cgroup'
  readonly capabilities = [{ name: 'cpu.weight', available: true as const, detail: 'in memory' }]
  readonly settings = new Map<NodeId, Record<string, Setting>>()
  readonly identities = new Map<NodeId, string>()
  /** Every change in the order in which it was made. */
  readonly applied: Change[] = []
  /** Called before a change is made; what it returns or throws stands for what the kernel says. */
  beforeApply: (change: Change, signal: AbortSignal) => Promise<Outcome | undefined> | undefined = () => undefined
  beforeObserve: () => void = () => {}
  /** Nodes whose settings cannot be read one by one. */
  readonly unreadable = new Set<NodeId>()
  readonly #clock: Clock
  #policy: Policy | null = null
  readonly #startedMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedMs = clock.now([]).monotonicMs
  }

  /** Millicores that each domain uses; of memory each has 50 MiB in use. */
  readonly use: Record<string, number> = {}

  async prepare(policy: Policy) {
    this.#policy = policy
    for (const { name } of policy.domains) {
      const node = nodeOf(name)
      if (!this.settings.has(node)) this.settings.set(node, { 'cpu.weight': 100, 'cpu.quota': null })
      if (!this.identities.has(node)) this.identities.set(node, `1@${name}`)
    }
    return policy.domains.map(({ name }) => ({ domain: name, status: 'running' as const }))
  }

  async observe(): Promise<DriverObservation> {
    this.beforeObserve()
    const takenAtMs = this.#clock.now([]).monotonicMs
    const seconds = (takenAtMs - this.#startedMs) / 1000
    const present = (this.#policy?.domains ?? []).map(({ name }, policyIndex) => ({
      name,
      policyIndex,
      node: nodeOf(name),
    }))
    const here = present.filter(({ node }) => this.identities.has(node))
    const used = here.reduce((sum, { name }) => sum + (this.use[name] ?? 500), 0)
    return {
      capacity: {
        [CPU]: { total: 2000, used: used * seconds },
        [MEMORY]: { total: 1024 * MIB, used: here.length * 50 * MIB },
      },
      topology: { cpus: [0, 1].map((id) => ({ id, core: id, socket: 0, node: 0, cache: 0 })) },
      domains: here.map(({ name, policyIndex, node }) => ({
        name: name as DomainName,
        identity: this.identities.get(node) as Identity,
        driver: this.kind,
        policyIndex,
        state: 'running' as const,
        node,
        takenAtMs,
        counters: { cpu: (this.use[name] ?? 500) * seconds },
        levels: { [MEMORY]: 50 * MIB },
        settings: { ...this.settings.get(node) },
      })),
      nodes: [
        { ...placeOf('/reeve-fake' as NodeId), driver: this.kind, weight: 100 },
        ...here.map(({ node }) => {
          const weight = this.settings.get(node)?.['cpu.weight'] as number
          return { ...placeOf(node), parent: '/reeve-fake' as NodeId, driver: this.kind, weight }
        }),
      ],
    }
  }

  async read(node: NodeId, knob: Knob) {
    if (this.unreadable.has(node)) throw new Error(`${knob} is nobody's business`)
    const identity = this.identities.get(node)
    const value = this.settings.get(node)?.[knob]
    return identity === undefined || value === undefined ? null : { identity, value }
  }

  identityOf(node: NodeId): string | null {
    if (this.unreadable.has(node)) throw new Error('who is there is nobody’s business')
    return this.identities.get(node) ?? null
  }

  async apply(change: Change, signal: AbortSignal): Promise<Outcome> {
    const { node, knob, to } = change
    const said = await this.beforeApply(change, signal)
    if (said !== undefined) return said
    const settings = this.settings.get(node)
    if (settings === undefined || !this.identities.has(node)) return { status: 'vanished', node, knob }
    settings[knob] = to
    this.applied.push(change)
    return { status: 'applied', node, knob, to }
  }

  async close() {}
}

const placeOf = (id: NodeId) => ({ id, parent: null, weightRange: { least: 1, most: 10_000 }, unmanagedWeight: 0 })
export const nodeOf = (name: string) => `/reeve-fake/${name}` as NodeId

/** Two domains whose fixed goals differ, so that the first turns have something to change. */
export const TWO_DOMAINS = `
apiVersion: reeve/v1
host: { interval: 20ms, mode: manage, cooldown: 0s }
metrics:
  latency: { source: push, unit: ms, domain: shop }
  backlog: { source: push, unit: items }
domains:
  shop: {}
  batch: {}
goals:
  - { domain: shop, kind: fixed, amounts: { cpu: 1200m }, priority: 1 }
  - { domain: batch, kind: fixed, amounts: { cpu: 300m }, priority: 2 }
  - { domain: batch, kind: fixed, amounts: { cpu: 400m }, priority: 3, onEvent: sale }
`

export interface Running {
  readonly daemon: Daemon
  readonly host: FakeHost
  readonly dir: string
}

/** Starts a daemon over a fake host; it is stopped when the test ends. */
export async function startFake(
  t: { after(work: () => unknown): void },
  options: Partial<DaemonOptions> & { readonly dir: string; readonly host?: FakeHost },
): Promise<Running> {
  const { dir, host = new FakeHost(createClock()), ...rest } = options
  const daemon = await startDaemon({
    policyText: TWO_DOMAINS,
    stateDir: join(dir, 'state'),
    runDir: join(dir, 'run'),
    drivers: [host],
    clock: createClock(),
    log: SILENT,
    ...rest,
  })
  t.after(() => daemon.stop())
  return { daemon, host, dir }
}

/** Resolves with the first turn for which `isIt` holds; fails the test rather than waiting for ever. */
export function turnWhere(
  daemon: Daemon,
  isIt: (turn: Parameters<Parameters<Daemon['onTurn']>[0]>[0]) => boolean,
): Promise<Parameters<Parameters<Daemon['onTurn']>[0]>[0]> {
  const { promise, resolve, reject } = Promise.withResolvers<Parameters<Parameters<Daemon['onTurn']>[0]>[0]>()
  const timer = setTimeout(() => reject(new Error('no such turn within 5 s')), 5000)
  const off = daemon.onTurn((turn) => {
    if (isIt(turn)) resolve(turn)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    off()
  })
}

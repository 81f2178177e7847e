import type { Change, Outcome } from '#core/model/decision.ts'
import type { DomainName, Identity, NodeId } from '#core/model/ids.ts'
import type { DomainObservation, Knob, SchedulingNode } from '#core/model/observation.ts'
import type { DomainPolicy, Policy } from '#core/model/policy.ts'
import { CPU, MEMORY } from '#core/model/resource.ts'
import { globMatches, isGlob } from '#lib/glob.ts'
import type { Driver, DriverObservation, Prepared } from '#ports.ts'
import { type SimulatedDomain, WEIGHT_RANGE } from './domain.ts'
import { isDuring } from './fault.ts'
import { faultOf, KNOBS } from './knobs.ts'
import type { NoisyCounters } from './noisy-counters.ts'
import type { World } from './world.ts'

/** Domains of the simulated host, all of them directly under one root. */

const KIND = 'simulator'
const ROOT = '/' as NodeId
const ROOT_WEIGHT = 1024

export function createSimulatedDriver(world: World, counters: NoisyCounters): Driver {
  return new SimulatedDriver(world, counters)
}

/** Where a simulated domain stands in the policy. */
interface Placed {
  readonly domain: SimulatedDomain
  readonly policyIndex: number
}

class SimulatedDriver implements Driver {
  readonly kind = KIND
  readonly capabilities: Driver['capabilities']
  readonly #world: World
  readonly #counters: NoisyCounters
  #placed: readonly Placed[] = []

  constructor(world: World, counters: NoisyCounters) {
    this.#world = world
    this.#counters = counters
    this.capabilities = KNOBS.map((name) => ({ name, available: true, detail: 'simulated' }))
  }

  async prepare(policy: Policy): Promise<readonly Prepared[]> {
    const { domains } = this.#world
    this.#placed = [...entriesOf(policy, [...domains.keys()])].map(([name, policyIndex]) => {
      return { domain: domains.get(name) as SimulatedDomain, policyIndex }
    })
    return policy.domains.flatMap((its, policyIndex): Prepared[] => {
      if (its.driver !== KIND || its.match.kind === 'parent') return []
      if (its.match.kind !== 'name') {
        const message = `the simulator knows domains by name only, not by ${its.match.kind}`
        return [{ domain: its.name, status: 'failed', message }]
      }
      const matched = this.#placed.filter((one) => one.policyIndex === policyIndex)
      if (matched.length === 0) return [{ domain: its.name, status: 'absent' }]
      return matched.map(({ domain }) => ({ domain: domain.name, status: domain.isPresent ? 'running' : 'absent' }))
    })
  }

  async observe(): Promise<DriverObservation> {
    const world = this.#world
    const here = this.#placed.filter(({ domain }) => domain.isPresent)
    const observed: DriverObservation = {
      capacity: {
        [CPU]: {
          total: world.online.length * 1000,
          used: this.#counters.read(CPU, '', 'the host', world.usedMs),
        },
        [MEMORY]: { total: world.memory, used: sum(world.present.map((domain) => domain.memory)) },
      },
      topology: { cpus: world.topology() },
      domains: here.map((one) => look(one, world.nowMs, this.#counters)),
      nodes: this.#nodes(here),
    }
    world.looked()
    return observed
  }

  async read(node: NodeId, knob: Knob) {
    const domain = this.#at(node)
    const value = domain?.settings[knob]
    return domain === undefined || value === undefined ? null : { identity: domain.identity, value }
  }

  identityOf(node: NodeId): string | null {
    return this.#at(node)?.identity ?? null
  }

  async apply(change: Change, signal: AbortSignal): Promise<Outcome> {
    const { node, knob, identity, to } = change
    const domain = this.#at(node)
    if (domain === undefined || (identity !== null && identity !== domain.identity)) {
      return { status: 'vanished', node, knob }
    }
    const fault = signal.aborted
      ? { code: 'ETIMEDOUT', why: 'the time for it was up' }
      : (this.#planted(domain, knob) ?? faultOf(knob, to, this.#world.cpus))
    if (fault !== null) {
      const message = `setting ${knob} of ${node} to ${to ?? 'no limit'}: ${fault.why}`
      return { status: 'failed', node, knob, code: fault.code, message }
    }
    this.#world.set(domain, knob, to)
    return { status: 'applied', node, knob, to }
  }

  async close(): Promise<void> {}

  #at(node: NodeId): SimulatedDomain | undefined {
    const domain = node.startsWith(ROOT) ? this.#world.domains.get(node.slice(ROOT.length)) : undefined
    return domain?.isPresent === true ? domain : undefined
  }

  #planted({ name }: SimulatedDomain, knob: Knob): { readonly code: string; readonly why: string } | null {
    for (const fault of this.#world.faults) {
      if (fault.kind !== 'write-fails' || fault.domain !== name || fault.knob !== knob) continue
      if (isDuring(fault, this.#world.nowMs)) return { code: fault.code, why: 'a planted fault' }
    }
    return null
  }

  /** Domains that the policy does not name are there too: their weights count as those of nobody. */
  #nodes(here: readonly Placed[]): SchedulingNode[] {
    const placed = new Set(here.map(({ domain }) => domain))
    const others = this.#world.present.filter((domain) => !placed.has(domain))
    const common = { driver: KIND, weightRange: WEIGHT_RANGE }
    return [
      { ...common, id: ROOT, parent: null, weight: ROOT_WEIGHT, unmanagedWeight: sum(others.map(weightOf)) },
      ...here.map(({ domain }) => {
        return { ...common, id: nodeOf(domain), parent: ROOT, weight: weightOf(domain), unmanagedWeight: 0 }
      }),
    ]
  }
}

/**
 * Index of the policy's entry that stands for each simulated domain: a name for its domain, a pattern for those that no
 * name stands for and no pattern before it matched.
 */
export function entriesOf({ domains }: Policy, simulated: readonly string[]): Map<string, number> {
  const isMine = (its: DomainPolicy) => its.driver === KIND && its.match.kind === 'name'
  const exact = new Set(domains.filter((its) => isMine(its) && !isGlob(its.name)).map((its) => its.name))
  const entries = new Map<string, number>()
  for (const [policyIndex, its] of domains.entries()) {
    if (!isMine(its)) continue
    const matched = isGlob(its.name)
      ? simulated.filter((name) => globMatches(its.name, name) && !exact.has(name))
      : simulated.filter((name) => name === its.name)
    for (const name of matched.toSorted()) if (!entries.has(name)) entries.set(name, policyIndex)
  }
  return entries
}

function look({ domain, policyIndex }: Placed, takenAtMs: number, noisy: NoisyCounters): DomainObservation {
  const { usedMs, waitMs, throttledMs, oomKills, refaults, memoryPressureMs, disk, packets } =
    domain.countedAt(takenAtMs)
  const read = (counter: string, exact: number) => noisy.read(counter, domain.name, domain.identity, exact)
  return {
    name: domain.name as DomainName,
    identity: domain.identity as Identity,
    driver: KIND,
    policyIndex,
    state: domain.isFrozen ? 'paused' : 'running',
    node: nodeOf(domain),
    takenAtMs,
    // A CPU millisecond is a millicore-second: 1000 millicores for a thousandth of a second.
    counters: {
      [CPU]: read(CPU, usedMs),
      'cpu.waitMs': read('cpu.waitMs', waitMs),
      'cpu.throttledMs': read('cpu.throttledMs', throttledMs),
      'memory.oomKills': oomKills,
      'memory.refaults': refaults,
      'memory.pressureMs': memoryPressureMs,
      ...(disk !== null && { 'io.read': disk.readBytes, 'io.pressureMs': disk.pressureMs }),
      ...(packets !== null && { 'net.rxPackets': packets.rx, 'net.txPackets': packets.tx }),
    },
    levels: {
      [MEMORY]: domain.memory,
      // A limit below what it wants to hold kills it, so none of that is cache.
      'memory.own': domain.memory,
      'memory.total': domain.memory,
      threads: domain.threads,
    },
    settings: { ...domain.settings },
  }
}

const nodeOf = (domain: SimulatedDomain): NodeId => `${ROOT}${domain.name}` as NodeId
const weightOf = (domain: SimulatedDomain): number => domain.settings['cpu.weight'] as number
const sum = (values: readonly number[]): number => values.reduce((total: number, value: number) => total + value, 0)

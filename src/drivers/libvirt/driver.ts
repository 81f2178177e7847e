import { readFileSync } from 'node:fs'
import type { Change, Outcome } from '#core/model/decision.ts'
import type { Identity, NodeId } from '#core/model/ids.ts'
import type { DomainObservation, Knob, Setting, Settings } from '#core/model/observation.ts'
import type { DomainPolicy, Policy } from '#core/model/policy.ts'
import { CPU, MEMORY } from '#core/model/resource.ts'
import { parseCpuList } from '#drivers/cgroup/cpu-list.ts'
import type { CgroupDriver } from '#drivers/cgroup/driver.ts'
import { identityOf } from '#drivers/cgroup/identity.ts'
import type { Placed } from '#drivers/cgroup/match.ts'
import { monotonicMs } from '#drivers/cgroup/monotonic.ts'
import type { Watched } from '#drivers/cgroup/watched.ts'
import { globMatches, isGlob } from '#lib/glob.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Capability, Driver, DriverObservation, Prepared } from '#ports.ts'
import { type Link, linkTo } from './link.ts'
import {
  LIBVIRT_KNOBS,
  type LibvirtKnob,
  MACHINE_STATS,
  type Machine,
  machineOf,
  readPins,
  setKnob,
} from './machine.ts'
import { groupsOfMachines } from './processes.ts'

/**
 * Domains that are virtual machines of libvirt. On its own host a machine is a control group, too: what it uses is read
 * there, without libvirt, and its place in the hierarchy is the cgroup driver's to show; what is set goes through
 * libvirt, which would otherwise set it back.
 */
export interface LibvirtOptions {
  readonly groups: CgroupDriver
  /** Connections until a policy names others. */
  readonly uris: readonly string[]
}

export function createLibvirtDriver({ groups, uris }: LibvirtOptions): Driver {
  return new Machines(groups, uris)
}

const NO_MEMORY_LIMIT: Capability = {
  name: 'memory.limit',
  available: false,
  reason: 'a machine that reaches a hard limit is killed',
  remedy: 'none is needed: its memory is limited by what it was given',
}

class Machines implements Driver {
  readonly kind = 'libvirt'
  readonly #groups: CgroupDriver
  #links: readonly Link[]
  #domains: readonly { readonly policy: DomainPolicy; readonly index: number }[] = []
  /** Every running machine, whether the policy names it or not, by its group. */
  #running: ReadonlyMap<string, Machine> = new Map()
  /** Those that the policy names, by group, with its descriptors open. */
  readonly #managed = new Map<string, Watched>()
  readonly #cpus = highestCpu() + 1
  readonly #listeners = new Set<() => void>()
  readonly #hear = (): void => {
    for (const listener of this.#listeners) listener()
  }

  constructor(groups: CgroupDriver, uris: readonly string[]) {
    this.#groups = groups
    this.#links = uris.map((uri) => linkTo(uri, this.#hear))
  }

  get capabilities(): readonly Capability[] {
    if (this.#domains.length === 0) return []
    const links = this.#links.map(
      ({ uri, problem }): Capability =>
        problem === null
          ? { name: uri, available: true, detail: `${this.#runningOn(uri)} machines run` }
          : { name: uri, available: false, reason: problem, remedy: 'see whether libvirtd runs and may be used' },
    )
    return [...links, NO_MEMORY_LIMIT]
  }

  async prepare(policy: Policy): Promise<readonly Prepared[]> {
    await this.#follow(policy.host.libvirt)
    for (const path of [...this.#managed.keys()]) this.#forget(path)
    this.#domains = policy.domains.flatMap((one, index) => (one.driver === this.kind ? [{ policy: one, index }] : []))
    if (this.#domains.length === 0) return []
    await this.#look()
    const [broken] = this.#links.filter(({ problem }) => problem !== null)
    return this.#domains
      .filter(({ policy: { name, match } }) => !isGlob(name) && match.kind !== 'parent')
      .map(({ policy: { name } }): Prepared => {
        if (this.#namesManaged().has(name)) return { domain: name, status: 'running' }
        if (broken === undefined) return { domain: name, status: 'absent' }
        return { domain: name, status: 'failed', message: `looking for it on ${broken.uri}: ${broken.problem}` }
      })
  }

  async observe(slow: boolean): Promise<DriverObservation> {
    if (slow && this.#domains.length > 0) await this.#look()
    const domains: DomainObservation[] = []
    const paths: string[] = []
    for (const [path, watched] of this.#managed) {
      const seen = watched.observe(slow, monotonicMs())
      const machine = this.#running.get(path)
      if (seen === null || machine === undefined) {
        this.#forget(path)
        continue
      }
      domains.push(this.#seen(seen, machine, slow))
      if (watched.placed.policy.role !== 'ignored') paths.push(path)
    }
    this.#groups.include(paths)
    return { capacity: {}, topology: { cpus: [] }, domains, nodes: [] }
  }

  /** What its control group tells, with what only libvirt knows. */
  #seen(group: DomainObservation, machine: Machine, slow: boolean): DomainObservation {
    const { isPaused, cpus, vcpus, memory, devices } = machine
    const settings: Settings = {
      ...group.settings,
      'cpu.set': cpus,
      freeze: isPaused ? 1 : 0,
      'memory.balloon': memory.actual,
    }
    const counters = slow ? { ...group.counters, ...devices.counters } : group.counters
    const levels = slow
      ? {
          ...group.levels,
          memory: memory.workingSet,
          'memory.held': memory.actual,
          'memory.total': memory.resident,
        }
      : group.levels
    const most = { [CPU]: vcpus * 1000, [MEMORY]: memory.most }
    return { ...group, state: isPaused ? 'paused' : 'running', counters, levels, settings, most }
  }

  async read(node: NodeId, knob: Knob): Promise<{ identity: Identity; value: Setting } | null> {
    if (!this.#running.has(node)) await this.#look()
    const machine = this.#running.get(node)
    const identity = identityOf(this.#groups.layout, node)
    if (identity === null) return null
    if (machine === undefined) {
      // Not gone: what is remembered of it must not be forgotten because libvirt is down, or asked elsewhere.
      const asked = this.#links.map(({ uri, problem }) => `${uri} (${problem ?? 'does not know it'})`).join(', ')
      throw new Error(`reading ${knob} of ${node}: it runs, but libvirt does not tell of it; asked were ${asked}`)
    }
    if (knob === 'freeze') return { identity, value: machine.isPaused ? 1 : 0 }
    if (knob === 'cpu.set') return { identity, value: machine.cpus }
    if (knob === 'memory.balloon') return { identity, value: machine.memory.actual }
    const found = await this.#groups.read(node, knob)
    return found === null ? null : { identity, value: found.value }
  }

  async apply(change: Change, signal: AbortSignal): Promise<Outcome> {
    const { node, knob, to, identity } = change
    const machine = this.#running.get(node)
    const found = identityOf(this.#groups.layout, node)
    if (machine === undefined || found === null || (identity !== null && identity !== found)) {
      return { status: 'vanished', node, knob }
    }
    if (knob === 'sched') return this.#groups.apply(change, signal)
    try {
      signal.throwIfAborted()
      if (!LIBVIRT_KNOBS.includes(knob as LibvirtKnob)) throw new Error('libvirt has no such knob')
      await inTime(setKnob(machine, knob as LibvirtKnob, to, this.#cpus), signal)
      return { status: 'applied', node, knob, to: await this.#confirm(machine, knob as LibvirtKnob, to) }
    } catch (error) {
      if (identityOf(this.#groups.layout, node) === null) return { status: 'vanished', node, knob }
      const code = signal.aborted ? 'ETIMEDOUT' : ((error as NodeJS.ErrnoException).code ?? 'ELIBVIRT')
      const why = signal.aborted ? 'the time for it was up' : reasonOf(error)
      const message = `setting ${knob} of ${machine.name} to ${to ?? 'no limit'} on ${machine.link.uri}: ${why}`
      return { status: 'failed', node, knob, code: `${code}`, message }
    }
  }

  onEvent(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    for (const path of [...this.#managed.keys()]) this.#forget(path)
    for (const link of this.#links) await link.close()
  }

  /** What is in force after a change. @throws where it is not what was asked for. */
  async #confirm(machine: Machine, knob: LibvirtKnob, to: Setting): Promise<Setting> {
    const { path, link, uuid, vcpus } = machine
    this.#managed.get(path)?.changed(knob)
    this.#groups.changed(path, knob)
    // The guest follows when it likes, or never.
    if (knob === 'memory.balloon') return to
    if (knob === 'freeze') {
      const isPaused = await link.use((connection) => connection.isPaused(uuid))
      this.#learn({ ...machine, isPaused })
      return isPaused ? 1 : 0
    }
    if (knob === 'cpu.set') {
      const cpus = await link.use((connection) => readPins(connection, uuid, vcpus, this.#cpus))
      this.#learn({ ...machine, cpus })
      return cpus
    }
    const inForce = (await this.#groups.read(path as NodeId, knob))?.value ?? to
    if (isAbout(inForce, to)) return inForce
    throw Object.assign(new Error(`it was accepted, but ${inForce ?? 'no limit'} is in force`), { code: 'EREADBACK' })
  }

  #learn(machine: Machine): void {
    this.#running = new Map(this.#running).set(machine.path, machine)
  }

  async #follow(uris: readonly string[]): Promise<void> {
    const kept = this.#links.filter(({ uri }) => uris.includes(uri))
    for (const link of this.#links) if (!kept.includes(link)) await link.close()
    this.#links = uris.map((uri) => kept.find((link) => link.uri === uri) ?? linkTo(uri, this.#hear))
  }

  /** Asks every connection what runs. Machines of one that does not answer are taken to run on. */
  async #look(): Promise<void> {
    const lists = await Promise.all(this.#links.map((link) => this.#list(link)))
    const running = new Map(lists.flat().map((machine) => [machine.path, machine]))
    this.#running = running
    for (const path of this.#managed.keys()) if (!running.has(path)) this.#forget(path)
    // In the policy's order, in which they are reported.
    const found = [...running.values()].flatMap((machine) => this.#placed(machine))
    for (const placed of found.sort(inPolicyOrder)) this.#manage(placed)
  }

  async #list(link: Link): Promise<readonly Machine[]> {
    try {
      return await link.use(async (connection) => {
        const stats = await connection.stats(MACHINE_STATS)
        const paths = groupsOfMachines(this.#groups.layout, new Set(stats.map(({ uuid }) => uuid)))
        const machines: Machine[] = []
        for (const one of stats) {
          const path = paths.get(one.uuid)
          if (path === undefined) continue
          // One that ended while it was asked about is not there.
          const machine = await machineOf(connection, link, path, one, this.#cpus).catch(() => null)
          if (machine !== null) machines.push(machine)
        }
        return machines
      })
    } catch {
      // The link keeps the reason, which the capabilities show. What was counted then is not told again as if read now.
      const known = [...this.#running.values()].filter((machine) => machine.link === link)
      return known.map((machine) => ({ ...machine, devices: { ...machine.devices, counters: {} } }))
    }
  }

  /** Where the policy names the machine: by UUID, by name, or by the first pattern where nothing else does. */
  #placed(machine: Machine): Placed[] {
    const found = this.#domains.find(({ policy }) => names(policy, machine)) ?? this.#byPattern(machine)
    if (found === undefined) return []
    const { policy, index } = found
    return [{ name: isGlob(policy.name) ? machine.name : policy.name, policy, policyIndex: index, path: machine.path }]
  }

  #manage(placed: Placed): void {
    const { path } = placed
    const known = this.#managed.get(path)
    // Taken out and put in again, it keeps its place among the others.
    this.#managed.delete(path)
    const watched = known ?? this.#groups.watch(placed)
    if (watched !== null) this.#managed.set(path, watched)
  }

  #byPattern(machine: Machine) {
    return this.#domains.find(({ policy: { name } }) => isGlob(name) && globMatches(name, machine.name))
  }

  #namesManaged(): Set<string> {
    return new Set([...this.#managed.values()].map(({ placed }) => placed.name))
  }

  #runningOn(uri: string): number {
    return [...this.#running.values()].filter(({ link }) => link.uri === uri).length
  }

  #forget(path: string): void {
    this.#managed.get(path)?.close()
    this.#managed.delete(path)
  }
}

/** Quotas are rounded to microseconds of a period. */
function isAbout(inForce: Setting, to: Setting): boolean {
  if (typeof inForce !== 'number' || typeof to !== 'number') return inForce === to
  return Math.abs(inForce - to) <= Math.max(1, to * 0.01)
}

function inPolicyOrder(one: Placed, other: Placed): number {
  return one.policyIndex - other.policyIndex || (one.name < other.name ? -1 : 1)
}

function names({ name, match }: DomainPolicy, machine: Machine): boolean {
  return match.kind === 'uuid' ? match.uuid === machine.uuid : name === machine.name
}

/** Resolves with the work or rejects when its time is up; a call that libvirt was given cannot be taken back. */
function inTime<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  work.catch(() => {})
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}

function highestCpu(): number {
  return Math.max(...parseCpuList(readFileSync('/sys/devices/system/cpu/possible', 'latin1')))
}

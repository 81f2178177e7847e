import type { Change, Outcome } from '#core/model/decision.ts'
import type { DomainName, Identity, NodeId } from '#core/model/ids.ts'
import type { DomainObservation, Knob, Setting } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { MEMORY } from '#core/model/resource.ts'
import type { CgroupDriver } from '#drivers/cgroup/driver.ts'
import { identityOf } from '#drivers/cgroup/identity.ts'
import type { Placed } from '#drivers/cgroup/match.ts'
import { monotonicMs } from '#drivers/cgroup/monotonic.ts'
import type { Watched } from '#drivers/cgroup/watched.ts'
import { coalesced } from '#lib/coalesced.ts'
import { isGlob } from '#lib/glob.ts'
import { inTime } from '#lib/in-time.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Capability, Driver, DriverObservation, Prepared, Words } from '#ports.ts'
import { lookFailed, NO_MEMORY_LIMIT, notHeard } from './capabilities.ts'
import { confirmed } from './confirmed.ts'
import { Connections } from './connections.ts'
import { CONTAINER_KNOBS, type ContainerKnob, setContainerKnob } from './container.ts'
import { DirtyRates } from './dirty-rate.ts'
import type { Guest } from './inventory.ts'
import { type Learned, withLearned } from './learned.ts'
import { DeviceLimits, isDeviceLimit } from './limits.ts'
import { LIBVIRT_KNOBS, type LibvirtKnob, readPinText, setKnob } from './machine.ts'
import { type Entry, inPolicyOrder, type Matched, matchOf } from './match.ts'
import { OutsideDomains } from './outside.ts'
import { possibleCpus } from './possible-cpus.ts'
import { OF_LIBVIRT } from './processes.ts'
import { Questions } from './questions.ts'
import { seenWith } from './seen.ts'
import { vcpuCount } from './vcpu-count.ts'
import { readVcpuScheduling, setVcpuScheduling, vcpuGroups } from './vcpu-groups.ts'
import { HeardWords, isIgnored } from './words.ts'

/**
 * Domains that are virtual machines and containers of libvirt. On its own host each is a control group, too: what it
 * uses is read there, without libvirt, and its place in the hierarchy is the cgroup driver's to show; what is set goes
 * through libvirt, which would otherwise set it back. Those that run elsewhere are observed only.
 */
export interface LibvirtOptions {
  readonly groups: CgroupDriver
  /** Connections until a policy names others. */
  readonly uris: readonly string[]
}

export function createLibvirtDriver({ groups, uris }: LibvirtOptions): Driver {
  return new Machines(groups, uris)
}

/** What is read in the group of a guest, and not asked of libvirt. */
const CARRIES = { machine: 'cpu', container: 'all' } as const

class Machines implements Driver {
  readonly kind = 'libvirt'
  readonly #groups: CgroupDriver
  readonly #connections: Connections
  #domains: readonly Entry[] = []
  /** Every running guest of this host, whether the policy names it or not, by its group. */
  #running: ReadonlyMap<string, Guest> = new Map()
  readonly #outside = new OutsideDomains()
  /** Those that the policy names, by group, with its descriptors open. */
  readonly #managed = new Map<string, Watched>()
  readonly #limits: DeviceLimits
  readonly #dirtyRates = new DirtyRates()
  readonly #cpus = possibleCpus()
  readonly #vcpuCount
  readonly #words = new HeardWords()
  readonly #listeners = new Set<() => void>()
  readonly #lookInTurn = coalesced(() =>
    this.#look().catch((error: unknown) => {
      this.#problem = reasonOf(error)
    }),
  )
  /** Why the last look came to nothing, though libvirt answered. */
  #problem: string | null = null
  /** What was learned of guests since the look under way began, by their groups. */
  #learned = new Map<string, Learned>()
  readonly #questions = new Questions()
  readonly #hear = (): void => {
    this.#questions.hear()
    for (const listener of this.#listeners) listener()
  }

  constructor(groups: CgroupDriver, uris: readonly string[]) {
    this.#groups = groups
    this.#vcpuCount = vcpuCount(groups.layout, this.#cpus)
    this.#limits = new DeviceLimits(groups.layout)
    this.#connections = new Connections(groups.layout, this.#cpus, uris, this.#hear)
  }

  get capabilities(): readonly Capability[] {
    if (this.#domains.length === 0) return []
    const { capabilities: links } = this.#connections
    const hasMachines = [...this.#running.values()].some(({ kind }) => kind === 'machine')
    const failed = this.#problem === null ? [] : [lookFailed(this.#problem)]
    const unheard = [...this.#managed]
      .filter(([path, { placed }]) => this.#words.isDue(path, placed.policy))
      .map(([, { placed }]) => notHeard(placed.name))
    return [...links, ...failed, ...unheard, ...(hasMachines ? [NO_MEMORY_LIMIT] : [])]
  }

  async prepare(policy: Policy): Promise<readonly Prepared[]> {
    await this.#connections.follow(policy.host.libvirt)
    await this.#vcpuCount.follow(policy.host.libvirt)
    for (const path of [...this.#managed.keys()]) this.#forget(path)
    this.#domains = policy.domains.flatMap((one, index) => (one.driver === this.kind ? [{ policy: one, index }] : []))
    if (this.#domains.length === 0) {
      this.#outside.follow([])
      return []
    }
    this.#questions.hear()
    await this.#lookInTurn()
    return this.#domains.flatMap((entry) => this.#prepared(entry, policy.host.mode))
  }

  async look(): Promise<void> {
    if (this.#domains.length > 0) await this.#lookInTurn()
  }

  async observe(slow: boolean): Promise<DriverObservation> {
    // After a look there is nothing newer, and more of it than one call for all can tell.
    if (!slow) await this.#outside.renew()
    const domains: DomainObservation[] = []
    const paths: string[] = []
    const words = new Map<DomainName, Words>()
    for (const [path, watched] of this.#managed) {
      const seen = watched.observe(slow, monotonicMs())
      const machine = this.#running.get(path)
      if (seen === null || machine === undefined) {
        this.#forget(path)
        continue
      }
      // One that may want to be left alone is, until it has been heard.
      if (this.#words.isDue(path, watched.placed.policy)) continue
      const controlsMemory = watched.placed.policy.controls.includes(MEMORY)
      const told = this.#limits.seen(path, seenWith(machine, seen, slow, controlsMemory))
      domains.push(this.#vcpuCount.seen(path, told))
      const said = this.#words.of(path)
      if (said !== null) words.set(seen.name, said)
      if (!isIgnored(watched.placed.policy, said)) paths.push(path)
    }
    this.#groups.include(paths)
    domains.push(...this.#outside.observe(slow))
    return { capacity: {}, topology: { cpus: [] }, domains, nodes: [], words }
  }

  async read(node: NodeId, knob: Knob): Promise<{ identity: Identity; value: Setting } | null> {
    const identity = identityOf(this.#groups.layout, node)
    if (identity === null || !OF_LIBVIRT.test(node)) return null
    if (!this.#running.has(node)) await this.#lookInTurn()
    const machine = this.#running.get(node)
    if (machine === undefined) {
      // Not gone: what is remembered of it must not be forgotten because libvirt is down, or asked elsewhere.
      const asked = this.#connections.links
        .map(({ uri, problem }) => `${uri} (${problem ?? 'does not know it'})`)
        .join(', ')
      throw new Error(`reading ${knob} of ${node}: it runs, but libvirt does not tell of it; asked were ${asked}`)
    }
    const value = await this.#asked(machine, knob)
    return value === undefined ? null : { identity, value }
  }

  identityOf(node: NodeId): Identity | null {
    return identityOf(this.#groups.layout, node)
  }

  /** What libvirt keeps is asked for anew, as the last look may be some time ago. */
  async #asked(guest: Guest, knob: Knob): Promise<Setting | undefined> {
    const { uuid, link } = guest
    if (knob === 'freeze') return (await link.use((connection) => connection.isPaused(uuid))) ? 1 : 0
    if (guest.kind === 'machine') {
      if (knob === 'cpu.set') return link.use((connection) => readPinText(connection, uuid, guest.vcpus, this.#cpus))
      if (knob === 'memory.balloon')
        return guest.hasBalloon ? link.use((connection) => connection.memory(uuid)) : undefined
    }
    return this.#inForce(guest, knob)
  }

  /** undefined where it has no such knob. */
  async #inForce(guest: Guest, knob: Knob): Promise<Setting | undefined> {
    if (guest.kind === 'machine') {
      if (knob === 'sched') return readVcpuScheduling(this.#groups.layout, guest.path) ?? undefined
      if (knob === 'cpu.count') return (await this.#vcpuCount.read(guest)) ?? undefined
      if (isDeviceLimit(knob)) return this.#limits.read(guest, knob)
    }
    return (await this.#groups.read(guest.path as NodeId, knob))?.value
  }

  async apply(change: Change, signal: AbortSignal): Promise<Outcome> {
    const { node, knob, to, identity } = change
    const machine = this.#running.get(node)
    if (this.#outside.has(node)) {
      const message = `setting ${knob} of ${node}: it is in no control group of this host, and only observed`
      return { status: 'failed', node, knob, code: 'EOUTSIDE', message }
    }
    const found = identityOf(this.#groups.layout, node)
    if (machine === undefined || found === null || (identity !== null && identity !== found)) {
      return { status: 'vanished', node, knob }
    }
    if (isOfGroup(machine, knob)) {
      const outcome = await this.#groups.apply(change, signal)
      this.#managed.get(node)?.changed(knob)
      return outcome
    }
    try {
      signal.throwIfAborted()
      await inTime(this.#set(machine, knob, to, signal), signal)
      return { status: 'applied', node, knob, to: await this.#confirm(machine, knob, to) }
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
    this.#domains = []
    this.#outside.follow([])
    for (const path of [...this.#managed.keys()]) this.#forget(path)
    await this.#connections.close()
    await this.#vcpuCount.close()
  }

  async #set(guest: Guest, knob: Knob, to: Setting, signal: AbortSignal): Promise<void> {
    if (guest.kind === 'container') return setContainerKnob(guest, knob as ContainerKnob, to)
    if (knob === 'sched') return void setVcpuScheduling(this.#groups.layout, guest.path, to)
    if (knob === 'cpu.count') return this.#learn(guest, { vcpus: await this.#vcpuCount.set(guest, to, signal) })
    if (isDeviceLimit(knob)) return this.#limits.set(guest, knob, to)
    if (!LIBVIRT_KNOBS.includes(knob as LibvirtKnob)) throw new Error('libvirt has no such knob')
    return setKnob(guest, knob as LibvirtKnob, to, this.#cpus)
  }

  /** What is in force after a change. @throws where it is not what was asked for. */
  async #confirm(guest: Guest, knob: Knob, to: Setting): Promise<Setting> {
    const { path } = guest
    this.#managed.get(path)?.changed(knob)
    this.#groups.changed(path, knob)
    // To a balloon the guest follows when it likes, or never; vCPUs are counted after it has been asked.
    if (knob === 'memory.balloon' || knob === 'cpu.count') return to
    if (guest.kind === 'machine' && isDeviceLimit(knob)) return this.#limits.confirm(guest, knob, to)
    const inForce = (await this.#asked(guest, knob)) ?? to
    if (knob === 'freeze') this.#learn(guest, { isPaused: inForce === 1 })
    else if (knob === 'cpu.set') this.#learn(guest, { cpus: `${inForce}` })
    else if (knob !== 'sched') return confirmed(inForce, to)
    return inForce
  }

  /** libvirt keeps the scheduling class of nothing: it is set on the vCPU threads of a machine, all of a container. */
  #scheduled({ path, carries }: Placed): (() => readonly string[]) | undefined {
    return carries === 'all' ? undefined : () => vcpuGroups(this.#groups.layout, path)
  }

  /** Of what runs in the group now, which a look may have found anew since the change began. */
  #learn({ path, id }: Guest, learned: Learned): void {
    const now = this.#running.get(path)
    if (now === undefined || now.id !== id) return
    this.#learned.set(path, { ...this.#learned.get(path), ...learned })
    this.#running = new Map(this.#running).set(path, withLearned(now, learned))
  }

  /** Asks first, while turns go on, and then takes all that was found for what is so at once. */
  async #look(): Promise<void> {
    const domains = this.#domains
    this.#learned = new Map()
    const found = await this.#connections.look([...this.#running.values()], this.#questions.next(domains))
    const names = new Set<string>()
    const isFirst = ({ name }: Matched): boolean => !names.has(name) && names.add(name).has(name)
    const guests = found.guests.flatMap((guest) => {
      const matched = matchOf(domains, guest)
      return matched === null ? [] : [{ guest, ...matched, path: guest.path, carries: CARRIES[guest.kind] }]
    })
    const managed = guests.filter(isFirst).sort(inPolicyOrder)
    const outside = found.outside.flatMap((domain) => {
      const its = matchOf(domains, domain)
      return its === null ? [] : [{ ...its, domain }]
    })
    await this.#limits.renew(managed)
    await this.#words.listen(managed)
    // Another policy has another look.
    if (this.#domains !== domains) return
    // What was learned meanwhile, after a change, is newer than what was found, perhaps before it.
    this.#running = new Map(
      found.guests.map((guest) => [guest.path, withLearned(guest, this.#learned.get(guest.path))]),
    )
    this.#problem = null
    const paths = new Set(managed.map(({ path }) => path))
    for (const path of this.#managed.keys()) if (!paths.has(path)) this.#forget(path)
    for (const { guest: _, ...placed } of managed) this.#manage(placed)
    this.#outside.follow(outside.filter(isFirst).sort(inPolicyOrder))
    const machines = managed.flatMap(({ guest, policy }) => (guest.kind === 'machine' ? [{ guest, policy }] : []))
    // Machines whose vCPUs follow what they are given: no others are asked how many they use.
    this.#vcpuCount.refresh(machines.filter(({ policy }) => policy.vcpus !== null).map(({ guest }) => guest))
    this.#dirtyRates.measure(
      machines.map(({ guest }) => guest),
      monotonicMs(),
    )
  }

  #prepared({ policy, index }: Entry, hostMode: Policy['host']['mode']): Prepared[] {
    const { name, match, role } = policy
    const mode = role === 'managed' ? (policy.mode ?? hostMode) : 'observe'
    const outside = mode === 'observe' ? null : this.#outside.wordOn(index)
    if (outside !== null) return [{ domain: name, status: 'outside', message: outside }]
    if (isGlob(name) || match.kind === 'parent') return []
    if (this.#isSeen(index)) return [{ domain: name, status: 'running' }]
    const broken = this.#connections.links.find(({ problem }) => problem !== null)
    if (broken === undefined) return [{ domain: name, status: 'absent' }]
    return [{ domain: name, status: 'failed', message: `looking for it on ${broken.uri}: ${broken.problem}` }]
  }

  #isSeen(index: number): boolean {
    return (
      this.#outside.wordOn(index) !== null ||
      [...this.#managed.values()].some(({ placed }) => placed.policyIndex === index)
    )
  }

  #manage(placed: Placed): void {
    const { path } = placed
    const known = this.#managed.get(path)
    // Taken out and put in again, it keeps its place among the others.
    this.#managed.delete(path)
    const watched = known ?? this.#groups.watch(placed, this.#scheduled(placed))
    if (watched !== null) this.#managed.set(path, watched)
  }

  #forget(path: string): void {
    this.#managed.get(path)?.close()
    this.#managed.delete(path)
  }
}

/** For a container libvirt lacks most calls, and its group has the files. */
function isOfGroup(guest: Guest, knob: Knob): boolean {
  return guest.kind === 'container' && !CONTAINER_KNOBS.includes(knob as ContainerKnob)
}

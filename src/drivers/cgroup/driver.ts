import type { NodeId } from '#core/model/ids.ts'
import type { DomainObservation, Knob } from '#core/model/observation.ts'
import type { CommandPolicy, Policy } from '#core/model/policy.ts'
import { coalesced } from '#lib/coalesced.ts'
import { inTime } from '#lib/in-time.ts'
import type { Driver, DriverObservation, Prepared } from '#ports.ts'
import { openScheduling } from '#processes/sched-attributes.ts'
import { applyChange, readSetting } from './apply.ts'
import { capabilitiesOf } from './capabilities.ts'
import { watchHost } from './capacity.ts'
import { type Started, startCommand } from './command.ts'
import { cpusetFollower } from './cpuset-follow.ts'
import { isPopulated, makeGroup, removeGroup } from './groups.ts'
import { identityOf } from './identity.ts'
import { findLayout, type Layout, parentPath } from './layout.ts'
import { isUsableName, madeByReeve, type Placed, place } from './match.ts'
import { monotonicMs } from './monotonic.ts'
import { nodesOf } from './nodes.ts'
import { openPacketCounter, type PacketCounter, removePacketTable } from './packets.ts'
import { keepsTimeSlices, readScheduling } from './scheduling.ts'
import { findSystemd, type Systemd } from './systemd.ts'
import { type PacketsSeen, type Watched, watch } from './watched.ts'

/** Domains that are control groups: commands that Reeve starts, units, containers, any group that exists. */

export interface CgroupOptions {
  /** Name of the group under which groups made by Reeve live. */
  readonly root?: string
  /** Directory in which the output of commands is kept, one file a domain. */
  readonly outputDir: string
}

export interface CgroupDriver extends Driver {
  /** Which version was found, and where groups are made: for reports. */
  readonly layout: Layout
  /**
   * Looks at a group that another driver manages as at one of its own; null where there is none. Its scheduling class
   * is that of the threads in the groups `scheduled`.
   */
  watch(placed: Placed, scheduled?: () => readonly string[]): Watched | null
  /** Groups of other drivers' domains, which from now on are shown in the hierarchy like its own. */
  include(paths: readonly string[]): void
  /** After another driver has changed a knob that one of those groups carries. */
  changed(path: string, knob: Knob): void
  /** Ends every process under the root by membership and removes its groups. Commands do not outlive it. */
  stopCommands(): Promise<void>
}

const DEFAULT_ROOT = 'reeve'
/** A turn waits no longer than this for packets to be counted. */
const COUNTING_MS = 200

/** Throws where this host has no control groups at all. */
export async function createCgroupDriver(options: CgroupOptions): Promise<CgroupDriver> {
  const layout = findLayout(options.root ?? DEFAULT_ROOT)
  if (layout === null) throw new Error('no control groups are mounted: mount cgroup2 at /sys/fs/cgroup')
  const systemd = await findSystemd(layout)
  const scheduling = await openScheduling().then(
    () => ({ timeSlices: keepsTimeSlices() }),
    (error: Error) => ({ problem: error.message }),
  )
  const packets = await openPacketCounter(layout)
  const capabilities = [...capabilitiesOf(layout, systemd, scheduling), packets.capability]
  return new Groups(layout, systemd, packets, options.outputDir, capabilities)
}

/**
 * Removes everything that an earlier run left under a root name, one that died by kill -9 included: its processes by
 * membership in the groups, never by name. Returns how many processes it ended.
 */
export async function sweep(root: string): Promise<number> {
  const layout = findLayout(root)
  if (layout === null) return 0
  await removePacketTable(layout)
  return removeGroup(layout, layout.rootPath)
}

class Groups implements CgroupDriver {
  readonly kind = 'cgroup'
  readonly capabilities: Driver['capabilities']
  readonly layout: Layout
  readonly #systemd: Systemd | null
  readonly #packets: PacketCounter
  readonly #outputDir: string
  readonly #cpusets
  readonly #host
  readonly #nodes
  #placed: readonly Placed[] = []
  #included: readonly string[] = []
  readonly #count = coalesced(() => this.#packets.renew([...this.#watched.keys()]))
  #counting = Promise.resolve()
  /** A metric of the policy is made of packets, so they are read every turn. */
  #followsPackets = false
  /** Somebody is to run near the devices' interrupts, or away from them. */
  #countsInterrupts = false
  readonly #watched = new Map<string, Watched>()

  constructor(
    layout: Layout,
    systemd: Systemd | null,
    packets: PacketCounter,
    outputDir: string,
    capabilities: Driver['capabilities'],
  ) {
    this.layout = layout
    this.capabilities = capabilities
    this.#systemd = systemd
    this.#packets = packets
    this.#outputDir = outputDir
    this.#cpusets = cpusetFollower(layout)
    this.#host = watchHost(layout)
    this.#nodes = nodesOf(layout, {
      cpus: () => this.#host.cpuCount,
      weight: (path) => this.#watched.get(path)?.weight(),
    })
  }

  async prepare(policy: Policy): Promise<readonly Prepared[]> {
    this.#forgetAll()
    this.#followsPackets = policy.metrics.some(
      ({ source }) => source.kind === 'counter' && source.counter.startsWith('net.'),
    )
    this.#countsInterrupts = policy.domains.some(({ affinity }) => affinity !== null)
    const units = await this.#unitPaths(policy)
    this.#placed = place(policy, this.layout, (unit) => units.get(unit) ?? null)
    const made = new Set(madeByReeve(this.#placed, this.layout))
    const prepared: Prepared[] = []
    for (const one of this.#placed) prepared.push(await this.#prepareOne(one, made.has(one)))
    // A pattern may match what was made just now.
    this.#placed = place(policy, this.layout, (unit) => units.get(unit) ?? null)
    this.#cpusets.follow([...made].map((one) => one.path))
    await this.#counted()
    return prepared
  }

  look(): Promise<void> {
    this.#counting = this.#count()
    return this.#counting
  }

  /** What takes longer is there for the next turn, with the time at which it was counted. */
  #counted(): Promise<PacketsSeen> {
    return inTime(this.look(), AbortSignal.timeout(COUNTING_MS)).then(
      () => 'now',
      () => 'as-last-counted',
    )
  }

  async observe(slow: boolean): Promise<DriverObservation> {
    for (const path of this.#cpusets.turn()) this.#watched.get(path)?.changed('cpu.set')
    const packets = this.#followsPackets ? await this.#counted() : slow ? 'as-last-counted' : 'none'
    const domains: DomainObservation[] = []
    const paths = [...this.#included]
    for (const placed of this.#placed) {
      const watched = this.#find(placed, slow)
      const seen = watched?.observe(slow, monotonicMs(), packets)
      if (seen === null) this.#forget(placed.path)
      if (seen === null || seen === undefined) continue
      domains.push(seen)
      if (seen.state !== 'ended' && placed.policy.role !== 'ignored') paths.push(placed.path)
    }
    const above = commonPlace(paths) ?? parentPath(this.layout.rootPath)
    const { capacity, topology } = this.#host.observe(above, this.#countsInterrupts)
    return { capacity, topology, domains, nodes: this.#nodes.observe(paths, slow) }
  }

  async read(node: NodeId, knob: Knob) {
    const identity = identityOf(this.layout, node)
    if (identity === null) return null
    const value = knob === 'sched' ? readScheduling(this.layout, [node]) : readSetting(this.layout, node, knob)
    return value === undefined || (knob === 'sched' && value === null) ? null : { identity, value }
  }

  identityOf(node: NodeId) {
    return identityOf(this.layout, node)
  }

  async apply(...[change, signal]: Parameters<Driver['apply']>) {
    const outcome = await applyChange(this.layout, this.#systemd, change, signal)
    this.#watched.get(change.node)?.changed(change.knob)
    this.changed(change.node, change.knob)
    if (change.knob === 'cpu.set' && outcome.status === 'applied') this.#cpusets.given(change.node, change.to)
    return outcome
  }

  watch(placed: Placed, scheduled?: () => readonly string[]): Watched | null {
    return watch(this.layout, placed, null, scheduled)
  }

  include(paths: readonly string[]): void {
    this.#included = paths
  }

  changed(path: string, knob: Knob): void {
    if (knob === 'cpu.weight') this.#nodes.changed(path)
  }

  async stopCommands(): Promise<void> {
    this.#forgetAll()
    await removeGroup(this.layout, this.layout.rootPath)
  }

  async close(): Promise<void> {
    this.#forgetAll()
    this.#host.close()
    this.#cpusets.close()
    await this.#counting
    await this.#packets.close()
  }

  /** A domain that is not there is looked for again on slow turns only. */
  #find(placed: Placed, slow: boolean): Watched | undefined {
    const known = this.#watched.get(placed.path)
    if (known !== undefined || !slow) return known
    const found = watch(this.layout, placed, this.#packets)
    if (found !== null) this.#watched.set(placed.path, found)
    return found ?? undefined
  }

  async #prepareOne(placed: Placed, makes: boolean): Promise<Prepared> {
    const { name, path, policy } = placed
    try {
      if (makes && !isUsableName(name)) throw new Error('its name cannot be the name of a group')
      const existed = identityOf(this.layout, path) !== null
      if (makes) makeGroup(this.layout, path)
      const watched = watch(this.layout, placed, this.#packets)
      if (watched === null) return { domain: name, status: 'absent' }
      this.#watched.set(path, watched)
      if (policy.match.kind !== 'command') return { domain: name, status: 'running' }
      // A group that is there but empty is that of a command that ended: it is not started again.
      if (existed) return { domain: name, status: isPopulated(this.layout, path) ? 'running' : 'absent' }
      return { domain: name, status: 'started', ...(await this.#start(placed, policy.match.command)) }
    } catch (error) {
      return { domain: name, status: 'failed', message: `preparing ${name} (${path}): ${(error as Error).message}` }
    }
  }

  /** A command that could not be started leaves no group, so that the next reload may try again. */
  async #start({ name, path }: Placed, command: CommandPolicy): Promise<Started> {
    try {
      return await startCommand(this.layout, path, name, command, this.#outputDir)
    } catch (error) {
      this.#forget(path)
      await removeGroup(this.layout, path)
      throw error
    }
  }

  async #unitPaths(policy: Policy): Promise<Map<string, string | null>> {
    const paths = new Map<string, string | null>()
    for (const { match } of policy.domains) {
      if (match.kind !== 'unit') continue
      paths.set(match.unit, (await this.#systemd?.path(match.unit).catch(() => null)) ?? null)
    }
    return paths
  }

  #forget(path: string): void {
    this.#watched.get(path)?.close()
    this.#watched.delete(path)
  }

  #forgetAll(): void {
    for (const path of [...this.#watched.keys()]) this.#forget(path)
  }
}

/** The deepest place that holds all the groups without being one of them; null where there are none. */
function commonPlace(paths: readonly string[]): string | null {
  let common: string | null = null
  for (const path of paths) {
    common ??= parentPath(path)
    while (!path.startsWith(`${common}/`)) common = parentPath(common)
  }
  return common
}

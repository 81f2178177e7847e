import type { Cpu } from '#core/model/observation.ts'
import { cpuList } from '#core/place.ts'
import { parseCpuList } from '#drivers/cgroup/cpu-list.ts'
import { type DomainOptions, QUOTA_PERIOD_MS, SimulatedDomain, WEIGHT_RANGE } from './domain.ts'
import { type Fault, firstCpus } from './fault.ts'
import { type Competition, competitions, divide } from './water-filling.ts'
import { WINDOW_MS } from './windows.ts'

export interface WorldOptions {
  readonly cpus: number
  readonly seed: number
  readonly domains: readonly DomainOptions[]
  /** CPU that is used by whoever nobody manages, before all others; 0 where not stated. */
  readonly unmanagedMilli?: number
  readonly faults?: readonly Fault[]
  /** Seconds of which a domain's figures are kept, the last ones; all where not stated, which days would fill memory with. */
  readonly windowsMost?: number
}

/** Time goes by in steps of this length, which divides the quota's period and a window. */
export const STEP_MS = 5
/** Something that happens to the world at a time, or when it is next looked at after that time. */
interface Event {
  readonly atMs: number
  readonly afterLook: boolean
  readonly happen: () => void
}

/** The system's own work comes before everybody's. */
const UNMANAGED_WEIGHT = WEIGHT_RANGE.most * 1000

/**
 * The simulated host. Time is cut at fixed steps, wherever it is asked to stop, so what happens does not depend on how
 * often it is looked at. Whoever changes a setting between two steps changes what happens in the next.
 */
export class World {
  readonly domains: ReadonlyMap<string, SimulatedDomain>
  readonly cpus: number
  online: readonly number[]
  /** CPU milliseconds used by everybody so far. */
  usedMs = 0
  readonly faults: Fault[] = []
  readonly #all: readonly SimulatedDomain[]
  readonly #unmanagedMilli: number
  #steps = 0
  #timeMs = 0
  #coming: Event[] = []
  #competitions: readonly Competition[] | null = null
  // The one who nobody manages comes last in each.
  readonly #weights: Float64Array
  readonly #wanted: Float64Array
  readonly #granted: Float64Array
  readonly #listeners: (() => void)[] = []

  constructor(options: WorldOptions) {
    const { cpus, seed, domains, unmanagedMilli = 0, faults = [], windowsMost = Number.POSITIVE_INFINITY } = options
    this.cpus = cpus
    this.online = firstCpus(cpus)
    this.domains = new Map(
      domains.map((its) => [its.name, new SimulatedDomain(its, seed, cpuList(this.online), windowsMost)]),
    )
    this.#all = [...this.domains.values()]
    this.#unmanagedMilli = unmanagedMilli
    this.#weights = new Float64Array(this.#all.length + 1)
    this.#wanted = new Float64Array(this.#all.length + 1)
    this.#granted = new Float64Array(this.#all.length + 1)
    for (const fault of faults) this.plant(fault)
  }

  /** Simulated time in milliseconds. */
  get nowMs(): number {
    return this.#timeMs
  }

  /** The end of the last whole step: what all counters stand for. */
  get steppedMs(): number {
    return this.#steps * STEP_MS
  }

  get present(): readonly SimulatedDomain[] {
    return this.#all.filter((domain) => domain.isPresent)
  }

  topology(): readonly Cpu[] {
    return this.online.map((id) => ({ id, core: id, socket: 0, node: 0 }))
  }

  /** Calls back at the end of each window. */
  onWindow(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Adds to what goes wrong. Faults that only make something fail while they last are looked up where it fails. */
  plant(fault: Fault): void {
    this.faults.push(fault)
    const { kind, atMs } = fault
    if (kind === 'cpus') {
      const online = fault.online.filter((cpu) => cpu < this.cpus)
      if (online.length === 0) throw new RangeError('a host keeps at least one CPU')
      const happen = () => {
        this.online = online
      }
      this.#coming.push({ atMs, afterLook: false, happen })
    }
    if (kind === 'vanish') {
      const happen = () => this.#vanish(fault.domain, fault.backAtMs)
      this.#coming.push({ atMs, afterLook: fault.afterLook === true, happen })
    }
  }

  advanceTo(timeMs: number): void {
    this.#timeMs = Math.max(this.#timeMs, timeMs)
    while (this.steppedMs + STEP_MS <= this.#timeMs) this.#step()
  }

  /** Settings or CPUs are others than before. */
  rearrange(): void {
    this.#competitions = null
  }

  /** Somebody has just looked at the domains: those go that were only waiting for it. */
  looked(): void {
    this.#happen(({ afterLook, atMs }) => afterLook && atMs <= this.#timeMs)
  }

  #step(): void {
    const fromMs = this.steppedMs
    const toMs = fromMs + STEP_MS
    if (this.#coming.length > 0) this.#happen(({ afterLook, atMs }) => !afterLook && atMs <= fromMs)
    if (fromMs % QUOTA_PERIOD_MS === 0) for (const domain of this.#all) domain.refillQuota()
    this.#share(fromMs, toMs)
    this.#steps++
    if (toMs % WINDOW_MS !== 0) return
    for (const domain of this.#all) domain.closeWindow(toMs)
    for (const listener of this.#listeners) listener()
  }

  /**
   * Divides the step among all, lets those run who answer requests, and divides anew what they left: whether a request
   * ends early or waits for the next is known only then, and a batch job takes whatever there is.
   */
  #share(fromMs: number, toMs: number): void {
    const all = this.#all
    const wanted = this.#wanted
    const among = this.#competitions ?? this.#arrange()
    for (const [index, domain] of all.entries()) wanted[index] = domain.wanted(fromMs, toMs)
    wanted[all.length] = Math.min((this.#unmanagedMilli * STEP_MS) / 1000, this.online.length * STEP_MS)
    divide(among, STEP_MS, this.#weights, wanted, this.#granted)
    for (const [index, domain] of all.entries()) {
      if (!domain.isBatch) wanted[index] = domain.run(fromMs, toMs, this.#granted[index] as number)
    }
    divide(among, STEP_MS, this.#weights, wanted, this.#granted)
    for (const [index, domain] of all.entries()) {
      if (domain.isBatch) domain.run(fromMs, toMs, this.#granted[index] as number)
      this.usedMs += this.#granted[index] as number
    }
    this.usedMs += this.#granted[all.length] as number
  }

  #arrange(): readonly Competition[] {
    for (const [index, domain] of this.#all.entries()) {
      const allowed = parseCpuList(`${domain.settings['cpu.set'] ?? ''}`).filter((cpu) => this.online.includes(cpu))
      // As version 2 does it: a set of which no CPU is left stands for all.
      domain.cpus = allowed.length > 0 ? allowed : this.online
      this.#weights[index] = domain.settings['cpu.weight'] as number
    }
    this.#weights[this.#all.length] = UNMANAGED_WEIGHT
    this.#competitions = competitions([...this.#all.map(({ cpus }) => cpus), this.online])
    return this.#competitions
  }

  #happen(isDue: (event: Event) => boolean): void {
    const due = this.#coming.filter(isDue)
    if (due.length === 0) return
    this.#coming = this.#coming.filter((event) => !due.includes(event))
    for (const { happen } of due) happen()
    this.rearrange()
  }

  #vanish(name: string, backAtMs: number | undefined): void {
    const domain = this.domains.get(name)
    domain?.vanish()
    if (domain === undefined || backAtMs === undefined) return
    this.#coming.push({ atMs: backAtMs, afterLook: false, happen: () => domain.appear(this.steppedMs) })
  }
}

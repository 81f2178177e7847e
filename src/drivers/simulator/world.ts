import type { Cpu, Knob, Setting } from '#core/model/observation.ts'
import { cpuList } from '#core/place.ts'
import { parseCpuList } from '#lib/cpu-list.ts'
import { Agenda } from './agenda.ts'
import { type DomainOptions, QUOTA_PERIOD_MS, SimulatedDomain, WEIGHT_RANGE } from './domain.ts'
import { type Fault, firstCpus } from './fault.ts'
import { cpusOf, type Hardware, plainHardware } from './hardware.ts'
import type { LoadChange } from './load.ts'
import { Speeds } from './speed.ts'
import { type Contest, competitions, divide, isOfAll } from './water-filling.ts'
import { WINDOW_MS } from './windows.ts'

export interface WorldOptions {
  readonly cpus: number
  /** How they are built; where not stated they are alike, and nobody is slower for what others do beside him. */
  readonly hardware?: Hardware
  readonly seed: number
  readonly domains: readonly DomainOptions[]
  /** Bytes that the host has; 4 GiB where not stated. */
  readonly memory?: number
  /** CPU that is used by whoever nobody manages, before all others; 0 where not stated. */
  readonly unmanagedMilli?: number
  readonly faults?: readonly Fault[]
  /** Seconds of which a domain's figures are kept, the last ones; all where not stated, which days would fill memory with. */
  readonly windowsMost?: number
}

/** Something that happens to the world at a time, or when it is next looked at after that time. */
interface Event {
  readonly atMs: number
  readonly afterLook: boolean
  readonly happen: () => void
}

/** The system's own work comes before everybody's. */
const UNMANAGED_WEIGHT = WEIGHT_RANGE.most * 1000
const DEFAULT_MEMORY = 4 * 1024 ** 3
const NEVER = Number.POSITIVE_INFINITY

/**
 * The simulated host. CPU time flows: between two events everybody runs on as many CPUs as weights and sets give him,
 * and only an event (a request comes or is done, a quota is spent, a setting is changed) changes that. So time costs
 * nothing by itself, and what happens does not depend on how often it is looked at.
 */
export class World {
  readonly domains: ReadonlyMap<string, SimulatedDomain>
  readonly cpus: number
  /** Bytes. */
  readonly memory: number
  online: readonly number[]
  readonly faults: Fault[] = []
  readonly #all: readonly SimulatedDomain[]
  readonly #unmanagedMilli: number
  readonly #cpus: readonly Cpu[]
  /** null of a host of which no more is known than how many CPUs it has. */
  readonly #speeds: Speeds | null
  #timeMs = 0
  #windowEndsMs = WINDOW_MS
  /** When quotas are refilled next; never while nobody has one. */
  #refillMs = NEVER
  #coming: Event[] = []
  /** The first of what is coming that does not wait for a look. */
  #comingMs = NEVER
  #contest: Contest | null = null
  /** Somebody has to be given other CPUs than before. */
  #isStale = true
  /** CPUs of which all may use all, in whole ones, and nobody lacks any; NaN where it is not that simple. */
  #plenty = Number.NaN
  /** CPUs that all domains want now. */
  #wantedInAll = 0
  // The one who nobody manages comes last in each.
  readonly #weights: Float64Array
  readonly #wanted: Float64Array
  readonly #granted: Float64Array
  /** CPUs that each runs on now. */
  readonly #rates: Float64Array
  /** When each domain does something next. */
  readonly #next: Agenda
  #usedByUnmanagedMs = 0
  #unmanagedAtMs = 0
  readonly #listeners: (() => void)[] = []

  constructor(options: WorldOptions) {
    const { cpus, hardware = plainHardware(cpus), seed, domains, unmanagedMilli = 0 } = options
    const { faults = [], windowsMost = NEVER } = options
    this.cpus = cpus
    this.#cpus = cpusOf(hardware)
    if (this.#cpus.length !== cpus) throw new RangeError(`${cpus} CPUs, and hardware with ${this.#cpus.length}`)
    this.memory = options.memory ?? DEFAULT_MEMORY
    this.online = firstCpus(cpus)
    this.domains = new Map(
      domains.map((its) => [its.name, new SimulatedDomain(its, seed, cpuList(this.online), windowsMost)]),
    )
    this.#all = [...this.domains.values()]
    this.#unmanagedMilli = unmanagedMilli
    this.#speeds = options.hardware === undefined ? null : new Speeds(hardware, this.#all.length + 1)
    this.#weights = new Float64Array(this.#all.length + 1)
    this.#wanted = new Float64Array(this.#all.length + 1)
    this.#granted = new Float64Array(this.#all.length + 1)
    this.#rates = new Float64Array(this.#all.length + 1)
    this.#next = new Agenda(this.#all.length)
    for (const fault of faults) this.plant(fault)
  }

  /** Simulated time in milliseconds. */
  get nowMs(): number {
    return this.#timeMs
  }

  /** CPU milliseconds used by everybody so far. */
  get usedMs(): number {
    const unmanagedMs = this.#usedByUnmanagedMs + this.#unmanagedRate * (this.#timeMs - this.#unmanagedAtMs)
    return this.#all.reduce((sum, domain) => sum + domain.usedInAllAt(this.#timeMs), unmanagedMs)
  }

  get present(): readonly SimulatedDomain[] {
    return this.#all.filter((domain) => domain.isPresent)
  }

  topology(): readonly Cpu[] {
    return this.online.map((id) => this.#cpus[id] as Cpu)
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
      this.#expect({ atMs, afterLook: false, happen })
    }
    if (kind === 'vanish') {
      const happen = () => this.#vanish(fault.domain, fault.backAtMs)
      this.#expect({ atMs, afterLook: fault.afterLook === true, happen })
    }
  }

  advanceTo(timeMs: number): void {
    while (this.#advance(timeMs));
    this.#timeMs = Math.max(this.#timeMs, timeMs)
  }

  /** Changes what is set for a domain, from now on. */
  set(domain: SimulatedDomain, knob: Knob, to: Setting): void {
    domain.set(knob, to, this.#timeMs)
    if (knob === 'cpu.set') this.#contest = null
    this.#isStale = true
    this.#expectRefill()
  }

  /** Changes what a domain has to do, from now on. */
  load(domain: SimulatedDomain, change: LoadChange): void {
    domain.change(change, this.#timeMs)
    this.#isStale = true
  }

  /** Changes how much memory a domain works with, from now on. */
  hold(domain: SimulatedDomain, bytes: number): void {
    domain.hold(bytes, this.#timeMs)
    this.#isStale = true
  }

  /** Somebody has just looked at the domains: those go that were only waiting for it. */
  looked(): void {
    if (this.#coming.length > 0) this.#happen(({ afterLook, atMs }) => afterLook && atMs <= this.#timeMs)
  }

  /**
   * Does what is due next if it is due by then. Requests and windows end at a time, faults and new quotas begin at one:
   * so whoever stops at that time sees the former and not the latter.
   */
  #advance(timeMs: number): boolean {
    if (this.#isStale) this.#refresh()
    const domainMs = this.#next.firstMs
    const endsMs = Math.min(domainMs, this.#windowEndsMs)
    const beginsMs = Math.min(this.#comingMs, this.#refillMs)
    if (beginsMs < endsMs && beginsMs < timeMs) {
      this.#timeMs = Math.max(this.#timeMs, beginsMs)
      this.#begin(beginsMs)
      return true
    }
    if (endsMs > timeMs) return false
    this.#timeMs = Math.max(this.#timeMs, endsMs)
    if (domainMs <= this.#windowEndsMs) this.#act(this.#next.first)
    else this.#closeWindows()
    return true
  }

  #act(index: number): void {
    const domain = this.#all[index] as SimulatedDomain
    domain.happen(this.#timeMs)
    const { wanted } = domain
    const more = wanted - (this.#wanted[index] as number)
    this.#wanted[index] = wanted
    this.#wantedInAll += more
    // Usually there is enough for all, and nobody else has to be asked.
    if (more === 0) this.#run(index, this.#rates[index] as number)
    else if (this.#wantedInAll <= this.#plenty) this.#run(index, wanted)
    else this.#share(index)
    if (more !== 0) this.#pace()
  }

  /** A domain runs on so many CPUs from now on. */
  #run(index: number, cpus: number): void {
    const domain = this.#all[index] as SimulatedDomain
    domain.settle(this.#timeMs)
    domain.runOn(cpus, this.#speeds?.of[index] ?? 1)
    this.#rates[index] = cpus
    this.#next.set(index, domain.nextMs)
  }

  /** Who has others beside him than before goes on faster or slower. */
  #pace(): void {
    const speeds = this.#speeds
    if (speeds === null) return
    speeds.update(this.#rates)
    for (let index = 0; index < this.#all.length; index++) {
      if (this.#all[index]?.speed !== speeds.of[index]) this.#run(index, this.#rates[index] as number)
    }
  }

  #closeWindows(): void {
    const endedMs = this.#windowEndsMs
    this.#windowEndsMs += WINDOW_MS
    for (const domain of this.#all) if (domain.closeWindow(endedMs)) this.#isStale = true
    for (const listener of this.#listeners) listener()
  }

  #begin(beginsMs: number): void {
    if (this.#refillMs <= beginsMs) {
      let hasQuota = false
      for (const domain of this.#all) {
        domain.refillQuota(this.#timeMs)
        hasQuota ||= domain.hasQuota
      }
      this.#refillMs = hasQuota ? this.#refillMs + QUOTA_PERIOD_MS : NEVER
      this.#isStale = true
    }
    if (this.#comingMs <= beginsMs) this.#happen(({ afterLook, atMs }) => !afterLook && atMs <= beginsMs)
  }

  /** Everybody anew, after something was changed from outside. */
  #refresh(): void {
    this.#isStale = false
    this.#contest ??= this.#arrange()
    this.#makeRoom()
    for (const [index, domain] of this.#all.entries()) {
      this.#weights[index] = domain.settings['cpu.weight'] as number
      this.#wanted[index] = domain.wanted
    }
    this.#wanted[this.#all.length] = Math.min(this.#unmanagedMilli / 1000, this.online.length)
    this.#share(-1)
    for (let index = 0; index < this.#all.length; index++) this.#run(index, this.#granted[index] as number)
    this.#pace()
  }

  /** Where all together would hold more than the host has, the kernel takes from everybody alike. */
  #makeRoom(): void {
    const wanted = this.#all.reduce((sum, domain) => sum + domain.wantedMemory, 0)
    const room = Math.min(1, this.memory / Math.max(wanted, 1))
    for (const domain of this.#all) domain.give(room, this.#timeMs)
  }

  /** Divides the CPUs anew. Whoever gets what he had goes on undisturbed, but for the one who has just done something. */
  #share(acting: number): void {
    divide(this.#contest as Contest, 1, this.#weights, this.#wanted, this.#granted)
    const unmanaged = this.#all.length
    if (this.#granted[unmanaged] !== this.#rates[unmanaged]) {
      this.#usedByUnmanagedMs += this.#unmanagedRate * (this.#timeMs - this.#unmanagedAtMs)
      this.#unmanagedAtMs = this.#timeMs
      this.#rates[unmanaged] = this.#granted[unmanaged] as number
    }
    const granted = this.#granted
    const rates = this.#rates
    this.#wantedInAll = 0
    for (let index = 0; index < this.#all.length; index++) {
      this.#wantedInAll += this.#wanted[index] as number
      if (granted[index] !== rates[index] || index === acting) this.#run(index, granted[index] as number)
    }
    const room = this.online.length - this.#unmanagedRate
    this.#plenty = isOfAll(this.#contest as Contest) && this.#wantedInAll <= room ? room : Number.NaN
  }

  get #unmanagedRate(): number {
    return this.#rates[this.#all.length] as number
  }

  #expectRefill(): void {
    if (this.#refillMs !== NEVER || !this.#all.some((domain) => domain.hasQuota)) return
    this.#refillMs = Math.ceil(this.#timeMs / QUOTA_PERIOD_MS) * QUOTA_PERIOD_MS
  }

  #arrange(): Contest {
    for (const [index, domain] of this.#all.entries()) {
      const allowed = parseCpuList(`${domain.settings['cpu.set'] ?? ''}`).filter((cpu) => this.online.includes(cpu))
      // As version 2 does it: a set of which no CPU is left stands for all.
      domain.cpus = allowed.length > 0 ? allowed : this.online
      // Where it was to run before it did anything counts for nothing.
      if (domain.usedAt(this.#timeMs) === 0) this.#speeds?.forget(index)
    }
    this.#weights[this.#all.length] = UNMANAGED_WEIGHT
    const sets = [...this.#all.map(({ cpus }) => cpus), this.online]
    this.#speeds?.arrange(sets)
    return competitions(sets)
  }

  #expect(event: Event): void {
    this.#coming.push(event)
    this.#findComing()
  }

  #findComing(): void {
    this.#comingMs = this.#coming.reduce(
      (first, { afterLook, atMs }) => (afterLook ? first : Math.min(first, atMs)),
      NEVER,
    )
  }

  #happen(isDue: (event: Event) => boolean): void {
    const due = this.#coming.filter(isDue)
    if (due.length === 0) return
    this.#coming = this.#coming.filter((event) => !due.includes(event))
    for (const { happen } of due) happen()
    this.#findComing()
    this.#contest = null
    this.#isStale = true
  }

  #vanish(name: string, backAtMs: number | undefined): void {
    const domain = this.domains.get(name)
    domain?.vanish(this.#timeMs)
    if (domain === undefined || backAtMs === undefined) return
    this.#expect({ atMs: backAtMs, afterLook: false, happen: () => domain.appear(this.#timeMs) })
  }
}

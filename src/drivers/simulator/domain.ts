import type { Knob, Setting } from '#core/model/observation.ts'
import { createPrng } from '#lib/prng.ts'
import { changed, type Load, type LoadChange } from './load.ts'
import { type Ran, Requests } from './requests.ts'
import { Windows } from './windows.ts'

/** How a domain of the simulated host begins. */
export interface DomainOptions {
  readonly name: string
  readonly load: Load
  /** Weight found on it, in the range of cgroup v1; 1024 where not stated. */
  readonly weight?: number
  /** Bytes that it wants to hold; 64 MiB where not stated. */
  readonly memory?: number
}

export const WEIGHT_RANGE = { least: 2, most: 262_144 } as const
const DEFAULT_WEIGHT = 1024
const DEFAULT_MEMORY = 64 * 1024 * 1024
/** A quota is refilled this often, as in the kernel: a domain that spent it early waits for the rest of the period. */
export const QUOTA_PERIOD_MS = 100
const SPENT_MS = 1e-6
const NOTHING_COUNTED = { usedMs: 0, waitMs: 0, throttledMs: 0, oomKills: 0 }

export type Settings = Partial<Record<Knob, Setting>>

/** One domain: what it has to do, what is set for it, and what the kernel would have counted. */
export class SimulatedDomain {
  readonly name: string
  readonly windows: Windows
  /** 0 while it is not there; else a new one each time it comes, and its identity with the name. */
  generation = 1
  isPresent = true
  settings: Settings
  /** Cumulative: CPU milliseconds (which are millicore-seconds), and milliseconds summed over threads. */
  counters = { ...NOTHING_COUNTED }
  /** CPUs that it may use now, kept by the world. */
  cpus: readonly number[] = []
  readonly #options: DomainOptions
  readonly #seed: number
  readonly #online: string
  #load: Load
  #requests: Requests | null = null
  #quotaLeftMs = Number.POSITIVE_INFINITY
  #batchMs = 0

  constructor(options: DomainOptions, seed: number, online: string, windowsMost: number) {
    this.name = options.name
    this.windows = new Windows(windowsMost)
    this.#options = options
    this.#seed = seed
    this.#online = online
    this.#load = changed(options.load, {})
    this.settings = this.#firstSettings()
    this.#take(0)
  }

  get identity(): string {
    return `${this.name}@${this.generation}`
  }

  get isBatch(): boolean {
    return this.#load.kind === 'batch'
  }

  get isFrozen(): boolean {
    return this.settings.freeze === 1
  }

  /** Threads that would run if they could. */
  get threads(): number {
    return this.#load.kind === 'batch' ? this.#load.threads : this.#load.parallelism
  }

  /** Bytes that it holds: what it wants, as far as its limits let it. */
  get memory(): number {
    return Math.min(this.#wantedMemory, limitOf(this.settings['memory.limit']), limitOf(this.settings['memory.soft']))
  }

  /** Answers given so far by a domain that answers requests; CPU milliseconds spent by a batch domain. */
  get work(): number {
    return this.isBatch ? this.#batchMs : this.windows.answeredInAll
  }

  change(change: LoadChange, nowMs: number): void {
    this.#load = changed(this.#load, change)
    this.#take(nowMs)
  }

  vanish(): void {
    this.isPresent = false
    this.#requests = null
  }

  /** Another one of the same name: nothing of the one before is left. */
  appear(nowMs: number): void {
    if (this.isPresent) return
    this.isPresent = true
    this.generation++
    this.settings = this.#firstSettings()
    this.counters = { ...NOTHING_COUNTED }
    this.#take(nowMs)
  }

  refillQuota(): void {
    const quota = this.settings['cpu.quota']
    this.#quotaLeftMs = typeof quota === 'number' ? (quota * QUOTA_PERIOD_MS) / 1000 : Number.POSITIVE_INFINITY
  }

  /** CPU time that it could use in a step, as far as its settings let it. */
  wanted(fromMs: number, toMs: number): number {
    if (!this.isPresent || this.isFrozen) return 0
    const load = this.#load
    const wantedMs =
      load.kind === 'batch'
        ? Math.min(load.threads, this.cpus.length) * (toMs - fromMs)
        : (this.#requests?.wanted(fromMs, toMs, this.cpus.length) ?? 0)
    return Math.min(wantedMs, this.#quotaLeftMs)
  }

  /** Uses so much CPU time in a step and counts what came of it; returns what it used. */
  run(fromMs: number, toMs: number, givenMs: number): number {
    if (!this.isPresent) return 0
    const load = this.#load
    const ran: Ran =
      load.kind === 'batch'
        ? { usedMs: givenMs, runnableMs: load.threads * (toMs - fromMs) }
        : (this.#requests as Requests).run(fromMs, toMs, givenMs, this.cpus.length)
    // Who is frozen does not wait for a CPU.
    if (this.isFrozen) return 0
    if (load.kind === 'batch') this.#batchMs += ran.usedMs
    this.#quotaLeftMs -= ran.usedMs
    this.counters.usedMs += ran.usedMs
    const idleMs = Math.max(0, ran.runnableMs - ran.usedMs)
    if (this.#quotaLeftMs <= SPENT_MS) this.counters.throttledMs += idleMs
    else this.counters.waitMs += idleMs
    return ran.usedMs
  }

  closeWindow(nowMs: number): void {
    // Who asks for more than the hard limit is ended, starts again, and asks again.
    if (this.isPresent && this.#wantedMemory > limitOf(this.settings['memory.limit'])) this.counters.oomKills++
    if (!this.isBatch) this.windows.close(nowMs, this.#requests?.oldestWaitMs(nowMs) ?? null)
  }

  get #wantedMemory(): number {
    return this.#options.memory ?? DEFAULT_MEMORY
  }

  #firstSettings(): Settings {
    return {
      'cpu.weight': this.#options.weight ?? DEFAULT_WEIGHT,
      'cpu.quota': null,
      'cpu.set': this.#online,
      'memory.limit': null,
      'memory.soft': null,
      freeze: 0,
      sched: 'other:0:0',
    }
  }

  #take(nowMs: number): void {
    const load = this.#load
    if (load.kind === 'batch') this.#requests = null
    else if (this.#requests !== null) this.#requests.become(load, nowMs)
    else {
      // A name of its own for each stream, so that the first requests of a domain that came back are others.
      const stream = (concern: string) => createPrng(this.#seed, `${concern} of ${this.identity}`)
      const chances = { arrivals: stream('arrivals'), demands: stream('demands'), thinking: stream('thinking') }
      this.#requests = new Requests(load, nowMs, chances, this.windows)
    }
  }
}

function limitOf(setting: Setting | undefined): number {
  return typeof setting === 'number' ? setting : Number.POSITIVE_INFINITY
}

import type { Knob, Setting } from '#core/model/observation.ts'
import { createPrng } from '#lib/prng.ts'
import type { Counters } from './counters.ts'
import { Disk } from './disk.ts'
import { changed, type Load, type LoadChange } from './load.ts'
import { Memory } from './memory.ts'
import { Requests } from './requests.ts'
import { Windows } from './windows.ts'

/** How a domain of the simulated host begins. */
export interface DomainOptions {
  readonly name: string
  readonly load: Load
  /** Weight found on it, in the range of cgroup v1; 1024 where not stated. */
  readonly weight?: number
  /** CPUs that it is found to be held to, as the kernel lists them; all where not stated. */
  readonly cpus?: string
  /** Bytes of its working set, all of which it wants to hold; 64 MiB where not stated. */
  readonly memory?: number
}

export const WEIGHT_RANGE = { least: 2, most: 262_144 } as const
const DEFAULT_WEIGHT = 1024
const DEFAULT_MEMORY = 64 * 1024 * 1024
/** A quota is refilled this often, as in the kernel: a domain that spent it early waits for the rest of the period. */
export const QUOTA_PERIOD_MS = 100
/** A microsecond: less could be used up in a time that is too short to be told from none. */
const SPENT_MS = 1e-3

export type Settings = Partial<Record<Knob, Setting>>

/**
 * One domain: what it has to do, what is set for it, and what the kernel would have counted. It runs on so many CPUs
 * until it is told otherwise, so nothing is computed between two events: looking at it changes nothing.
 */
export class SimulatedDomain {
  readonly name: string
  readonly windows: Windows
  /** 0 while it is not there; else a new one each time it comes, and its identity with the name. */
  generation = 1
  isPresent = true
  /** Changed by nobody but the world, which has everything counted until then. */
  settings: Settings
  /** CPUs that it may use now, kept by the world. */
  cpus: readonly number[] = []
  readonly #options: DomainOptions
  readonly #seed: number
  readonly #online: string
  #load: Load
  #memory: Memory
  #requests: Requests | null = null
  #quotaLeftMs = Number.POSITIVE_INFINITY
  #batchMs = 0
  /** CPUs that it runs on now, which may be a fraction. */
  #rate = 0
  /** Work that it does in a millisecond of CPU time, in that of a domain which nobody disturbs. */
  #speed = 1
  /** What is counted stands for this time. */
  #atMs = 0
  #usedMs = 0
  #waitMs = 0
  #throttledMs = 0
  #oomKills = 0
  #disk = new Disk()
  /** CPU milliseconds used by those of the same name before this one. */
  #usedBeforeMs = 0
  /** Requests of those of the same name before this one. */
  #before = { arrived: 0, answered: 0 }

  constructor(options: DomainOptions, seed: number, online: string, windowsMost: number) {
    this.name = options.name
    this.windows = new Windows(windowsMost)
    this.#options = options
    this.#seed = seed
    this.#online = online
    this.#load = changed(options.load, {})
    this.#memory = new Memory(options.memory ?? DEFAULT_MEMORY)
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

  /** Bytes that it would hold if the host had room: its working set, as far as its limits let it. */
  get wantedMemory(): number {
    return this.isPresent ? this.#memory.wanted : 0
  }

  /** Bytes that it holds. */
  get memory(): number {
    return this.#memory.held
  }

  /** CPUs that it could use now, as far as its settings let it. */
  get wanted(): number {
    if (!this.isPresent || this.isFrozen || this.#isThrottled) return 0
    return Math.min(this.#runnable, this.cpus.length)
  }

  get speed(): number {
    return this.#speed
  }

  /** When it does something next if it goes on as it does; whatever happens before is none of its doing. */
  get nextMs(): number {
    if (!this.isPresent) return Number.POSITIVE_INFINITY
    const nextMs = this.#requests === null ? Number.POSITIVE_INFINITY : this.#requests.nextMs
    if (this.#rate === 0 || this.#quotaLeftMs === Number.POSITIVE_INFINITY) return nextMs
    return Math.min(nextMs, this.#atMs + this.#quotaLeftMs / this.#rate)
  }

  /** Whether it has a quota, or is still held to what it had. */
  get hasQuota(): boolean {
    return typeof this.settings['cpu.quota'] === 'number' || this.#quotaLeftMs !== Number.POSITIVE_INFINITY
  }

  /** What the kernel would have counted by now. */
  countedAt(nowMs: number): Counters {
    const lengthMs = nowMs - this.#atMs
    const idleMs = this.#idle * lengthMs
    const usedMs = this.#rate * lengthMs
    return {
      usedMs: this.#usedMs + usedMs,
      waitMs: this.#waitMs + (this.#isThrottled ? 0 : idleMs),
      throttledMs: this.#throttledMs + (this.#isThrottled ? idleMs : 0),
      oomKills: this.#oomKills,
      refaults: Math.floor(this.#memory.refaults + this.#memory.refaultsPerMs * usedMs * this.#speed),
      memoryPressureMs: this.#memory.pressureMs + this.#stalled * lengthMs,
      disk: this.#diskAt(usedMs * this.#speed, lengthMs),
      packets: this.#packets,
    }
  }

  #diskAt(workMs: number, lengthMs: number): Counters['disk'] {
    const { bytesPerMs, readBytes, pressureMs } = this.#disk
    if (bytesPerMs === 0) return null
    const readNow = Math.floor(readBytes + bytesPerMs * workMs)
    return { readBytes: readNow, pressureMs: pressureMs + this.#stalledForDisk * lengthMs }
  }

  get #packets(): Counters['packets'] {
    const load = this.#load
    if (load.kind === 'batch') return null
    const { arrivedInAll, answeredInAll } = this.windows
    const { packets = 1 } = load
    return {
      rx: packets * (arrivedInAll - this.#before.arrived),
      tx: packets * (answeredInAll - this.#before.answered),
    }
  }

  /** CPU milliseconds used until now. */
  usedAt(nowMs: number): number {
    return this.#usedMs + this.#rate * (nowMs - this.#atMs)
  }

  /** CPU milliseconds used until now by all of this name. */
  usedInAllAt(nowMs: number): number {
    return this.#usedBeforeMs + this.#usedMs + this.#rate * (nowMs - this.#atMs)
  }

  /** Answers given by now by a domain that answers requests; CPU milliseconds of a batch domain, at full speed. */
  workAt(nowMs: number): number {
    return this.isBatch ? this.#batchMs + this.#rate * (nowMs - this.#atMs) * this.#speed : this.windows.answeredInAll
  }

  /** Counts until now. To be called before anything is changed. */
  settle(nowMs: number): void {
    const lengthMs = nowMs - this.#atMs
    if (lengthMs <= 0) return
    const usedMs = this.#rate * lengthMs
    const workMs = usedMs * this.#speed
    if (this.#isThrottled) this.#throttledMs += this.#idle * lengthMs
    else this.#waitMs += this.#idle * lengthMs
    this.#usedMs += usedMs
    this.#memory.refaults += this.#memory.refaultsPerMs * workMs
    this.#memory.pressureMs += this.#stalled * lengthMs
    this.#disk.readBytes += this.#disk.bytesPerMs * workMs
    this.#disk.pressureMs += this.#stalledForDisk * lengthMs
    this.#quotaLeftMs -= usedMs
    if (this.isBatch) this.#batchMs += workMs
    this.#requests?.work(nowMs)
    this.#atMs = nowMs
  }

  /** It runs on so many CPUs at this speed from now on; what was before is settled. */
  runOn(cpus: number, speed: number): void {
    this.#rate = cpus
    this.#speed = speed
    const requests = this.#requests
    requests?.pace(requests.serving === 0 ? 0 : (cpus / requests.serving) * speed)
  }

  /** Does what is due now. Its pace is to be set anew after that. */
  happen(nowMs: number): void {
    this.settle(nowMs)
    this.#requests?.happen(nowMs)
  }

  change(change: LoadChange, nowMs: number): void {
    this.settle(nowMs)
    this.#load = changed(this.#load, change)
    if (this.isPresent) this.#take(nowMs)
  }

  /** Its working set has so many bytes from now on. */
  hold(bytes: number, nowMs: number): void {
    this.settle(nowMs)
    this.#memory.become({ workingSet: bytes })
  }

  /** Part of its working set for which the host has room; what was before is settled. */
  give(room: number, nowMs: number): void {
    if (room === this.#memory.room) return
    this.settle(nowMs)
    this.#memory.become({ room })
  }

  set(knob: Knob, to: Setting, nowMs: number): void {
    this.settle(nowMs)
    this.settings[knob] = to
    if (knob === 'io.read.limit') this.#disk.become({ limit: limitOf(to) })
    if (knob.startsWith('memory.')) this.#memory.become({ limit: this.#memoryLimit })
  }

  vanish(nowMs: number): void {
    this.settle(nowMs)
    this.isPresent = false
    this.#requests = null
    this.#rate = 0
  }

  /** Another one of the same name: nothing of the one before is left. */
  appear(nowMs: number): void {
    if (this.isPresent) return
    this.settle(nowMs)
    this.isPresent = true
    this.generation++
    this.settings = this.#firstSettings()
    this.#quotaLeftMs = Number.POSITIVE_INFINITY
    this.#usedBeforeMs += this.#usedMs
    this.#before = { arrived: this.windows.arrivedInAll, answered: this.windows.answeredInAll }
    this.#disk = new Disk()
    this.#usedMs = this.#waitMs = this.#throttledMs = this.#oomKills = 0
    this.#memory = new Memory(this.#memory.workingSet)
    this.#take(nowMs)
  }

  refillQuota(nowMs: number): void {
    this.settle(nowMs)
    const quota = this.settings['cpu.quota']
    this.#quotaLeftMs = typeof quota === 'number' ? (quota * QUOTA_PERIOD_MS) / 1000 : Number.POSITIVE_INFINITY
  }

  /** Returns whether it was killed for want of memory, which changes what it does next. */
  closeWindow(nowMs: number): boolean {
    // Who asks for more than the hard limit is killed, starts again, and asks again; what it worked on is lost.
    const isKilled = this.isPresent && this.#memory.workingSet > limitOf(this.settings['memory.limit'])
    if (isKilled) {
      this.settle(nowMs)
      this.#oomKills++
      this.#requests?.lose(nowMs)
    }
    if (!this.isBatch) this.windows.close(nowMs, this.#requests?.oldestWaitMs(nowMs) ?? null)
    return isKilled
  }

  get #memoryLimit(): number {
    return Math.min(limitOf(this.settings['memory.limit']), limitOf(this.settings['memory.soft']))
  }

  /** Part of the time in which at least one of its threads waits for a page. */
  get #stalled(): number {
    return this.isPresent && !this.isFrozen ? this.#memory.stalled(this.#active) : 0
  }

  get #isThrottled(): boolean {
    return this.#quotaLeftMs <= SPENT_MS
  }

  /** Threads that are ready to run and do not. Who is frozen does not wait for a CPU. */
  get #idle(): number {
    return this.isPresent && !this.isFrozen ? Math.max(0, this.#runnable - this.#rate) : 0
  }

  /** Threads that run or are ready to, in the mean. */
  get #runnable(): number {
    return Math.min(this.#active * this.#memory.running, this.#disk.fed)
  }

  /** Part of the time in which at least one of its threads waits for the disk. */
  get #stalledForDisk(): number {
    const { isPresent, isFrozen } = this
    return isPresent && !isFrozen ? this.#disk.stalled(this.#active, this.#active * this.#memory.running) : 0
  }

  /** Threads that have something to do. */
  get #active(): number {
    return this.#load.kind === 'batch' ? this.#load.threads : (this.#requests?.serving ?? 0)
  }

  #firstSettings(): Settings {
    return {
      'cpu.weight': this.#options.weight ?? DEFAULT_WEIGHT,
      'cpu.quota': null,
      'cpu.set': this.#options.cpus ?? this.#online,
      'memory.limit': null,
      'memory.soft': null,
      'io.read.limit': null,
      freeze: 0,
      sched: 'other:0:0',
    }
  }

  #take(nowMs: number): void {
    const load = this.#load
    this.#disk.become({ bytesPerMs: load.kind === 'batch' ? 0 : (load.diskBytes ?? 0) / load.demandMs })
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

import { readFileSync } from 'node:fs'
import { availableParallelism, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type BedGuest, type BedHost, startHost } from '#bed/host.ts'
import { createClock } from '#daemon/clock.ts'
import { type CgroupDriver, createCgroupDriver, sweep } from '#drivers/cgroup/driver.ts'
import { WEIGHT_RANGE } from '#drivers/cgroup/knobs.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import type { Clock, Driver } from '#ports.ts'
import { setByHand, standAboveOthers, stolenCpuSeconds } from './by-hand.ts'
import { Link } from './link-server.ts'
import { CPUS, MACHINES, SERVICES, type ServiceName } from './plan.ts'
import type { Cast } from './policy.ts'
import { DEMO_ROOT } from './real-stage.ts'
import type { Stage } from './stage.ts'
import type { Load, Window } from './workloads/link.ts'

const GENERATOR = fileURLToPath(new URL('workloads/generator.ts', import.meta.url))
/** One vCPU each: between machines of several, a kernel with groups in groups shares two CPUs unevenly for seconds. */
const NAMES = ['shop', 'api', 'batch'] as const
/** Pieces of the batch job that its machine has at any time, and what each takes. */
const UNDER_WAY = 3
const PIECE_MS = 50
/** Pieces of work by which the speed of a machine is measured, and for how long. */
const PIECE_UNITS = 1000
const MEASURING_MS = 3000
/** How often it is looked at what requests cost, and what the newest look counts. */
const GAUGE_EVERY_MS = 1000
const NEWEST = 0.3
/** Fewer in a second tell nothing, nor do those that were sent before their cost was changed. */
const GAUGED_REQUESTS = 5
const CHANGING_MS = 3000

/**
 * Virtual machines of a libvirtd of the demo's own, and the load generator in a control group. Everything ends with
 * this process, by whatever end.
 */
export async function createMachineStage(stateDir: string, seed: number): Promise<Stage> {
  await sweep(DEMO_ROOT)
  const groups = await createCgroupDriver({ root: DEMO_ROOT, outputDir: join(stateDir, 'output') })
  const link = new Link(join(stateDir, 'demo.sock'))
  await link.listen()
  const host = await startHost('demo').catch(async (error: unknown) => {
    await link.close()
    await groups.close()
    throw error
  })
  try {
    // Before there are machines, whose CPUs must lie within.
    if (availableParallelism() > CPUS) await setByHand(groups, host.cgroup, 'cpu.set', `0-${CPUS - 1}`)
    const guests = await Promise.all(NAMES.map((name) => host.start({ name })))
    return new MachineStage(host, guests, groups, link, castOf(stateDir, seed, host))
  } catch (error) {
    await host.stop()
    await link.close()
    await groups.close()
    throw error
  }
}

function castOf(stateDir: string, seed: number, host: BedHost): Cast {
  const monitorFile = join(stateDir, 'latency.json')
  return {
    driver: 'cgroup',
    libvirt: [host.uri],
    monitorFile,
    pushing: [],
    domains: {
      ...Object.fromEntries(NAMES.map((name) => [name, { driver: 'libvirt' }])),
      generator: {
        user: userInfo().username,
        directory: '/',
        environment: { REEVE_DEMO_SOCKET: join(stateDir, 'demo.sock') },
        command: [process.execPath, GENERATOR, monitorFile, String(seed)],
      },
    },
  }
}

class MachineStage implements Stage {
  readonly kind = 'libvirt'
  readonly plan = MACHINES
  readonly metrics = []
  readonly clock: Clock = createClock()
  readonly drivers: readonly Driver[]
  readonly cast: Cast
  readonly #host: BedHost
  readonly #guests: ReadonlyMap<string, BedGuest>
  readonly #machines: Driver
  readonly #groups: CgroupDriver
  readonly #link: Link
  /** Work that a machine does in a millisecond of CPU, with all that its requests cost besides. */
  readonly #unitsPerMs = new Map<ServiceName, number>()
  readonly #costs = new Map<ServiceName, { readonly cpuMs: number; readonly sinceMs: number }>()
  readonly #loads = new Map<ServiceName, Load>()
  #following = Promise.resolve()
  #isOver = false
  #piecesDone = 0

  constructor(host: BedHost, guests: readonly BedGuest[], groups: CgroupDriver, link: Link, cast: Cast) {
    this.#host = host
    this.#guests = new Map(guests.map((guest) => [guest.name, guest]))
    this.#groups = groups
    this.#machines = createLibvirtDriver({ groups, uris: [host.uri] })
    this.drivers = [this.#machines, groups]
    this.#link = link
    this.cast = cast
  }

  async ready(): Promise<void> {
    // All acts alike have precedence over the rest of the host, so that others disturb none more than another.
    const weight = WEIGHT_RANGE[this.#groups.layout.version].most / 4
    for (const place of [this.#host.cgroup, this.#groups.layout.rootPath])
      await setByHand(this.#groups, place, 'cpu.weight', weight)
    await this.#link.ready(['generator'], [])
    await standAboveOthers(this.#groups.layout, `${this.#groups.layout.rootPath}/generator`)
    const speed = await this.#measureSpeed()
    for (const service of SERVICES) this.#unitsPerMs.set(service, speed)
    const batch = this.#guests.get('batch') as BedGuest
    const units = Math.round(PIECE_MS * speed)
    for (let i = 0; i < UNDER_WAY; i++) {
      void keepBusy(batch, units, () => {
        this.#piecesDone++
        return true
      })
    }
    this.#following = this.#follow()
  }

  /**
   * Emulated work costs more CPU in one minute than in the next, and in one machine than in another, by half and more,
   * so a load in requests of so much work would be another load each time. Requests become as much of it as is worth
   * their CPU.
   */
  async #follow(): Promise<void> {
    let before = { used: new Map<string, number>(), atMs: 0 }
    while (!this.#isOver) {
      await sleep(GAUGE_EVERY_MS)
      const used = await this.#cpuMs().catch(() => new Map<string, number>())
      const now = { used, atMs: performance.now() }
      const monitor = readMonitor(this.cast.monitorFile)
      for (const service of SERVICES) this.#gauge(service, before, now, monitor[service]?.perSecond ?? 0)
      before = now
    }
  }

  #gauge(service: ServiceName, before: Reading, now: Reading, perSecond: number): void {
    const load = this.#loads.get(service)
    const cost = this.#costs.get(service)
    const spentMs = (now.used.get(service) ?? Number.NaN) - (before.used.get(service) ?? Number.NaN)
    const requests = (perSecond * (now.atMs - before.atMs)) / 1000
    if (load === undefined || cost === undefined || now.atMs - cost.sinceMs < CHANGING_MS) return
    if (!(spentMs > 0) || requests < GAUGED_REQUESTS) return
    const speed = this.#unitsPerMs.get(service) ?? 0
    this.#unitsPerMs.set(service, speed + NEWEST * ((this.#unitsOf(service) * requests) / spentMs - speed))
    this.setLoad(service, load)
  }

  /** While all machines work, as they will: two CPUs of one core are slower when both are busy. */
  async #measureSpeed(): Promise<number> {
    let isOver = false
    let pieces = 0
    const toils = [...this.#guests.values()].flatMap((guest) =>
      Array.from({ length: UNDER_WAY }, () =>
        keepBusy(guest, PIECE_UNITS, () => {
          if (guest.name === 'shop') pieces++
          return !isOver
        }),
      ),
    )
    // Until every worker is at it.
    await sleep(MEASURING_MS / 3)
    const [piecesBefore, cpuBefore] = [pieces, (await this.#cpuMs()).get('shop') ?? 0]
    await sleep(MEASURING_MS)
    const speed = ((pieces - piecesBefore) * PIECE_UNITS) / (((await this.#cpuMs()).get('shop') ?? 0) - cpuBefore)
    isOver = true
    await Promise.all(toils)
    // The generator opens their channels, which take one client at a time.
    for (const service of SERVICES) this.#guests.get(service)?.close()
    return speed
  }

  async #cpuMs(): Promise<Map<string, number>> {
    const { domains } = await this.#machines.observe(false)
    return new Map(domains.map(({ name, counters }) => [name, counters['cpu'] ?? 0]))
  }

  #unitsOf(service: ServiceName): number {
    return Math.round((this.#costs.get(service)?.cpuMs ?? 0) * (this.#unitsPerMs.get(service) ?? 0))
  }

  setCost(service: ServiceName, cpuMs: number): void {
    if (this.#costs.get(service)?.cpuMs !== cpuMs) this.#costs.set(service, { cpuMs, sinceMs: performance.now() })
  }

  setLoad(service: ServiceName, load: Load): void {
    this.#loads.set(service, load)
    const units = this.#unitsOf(service)
    const paths = this.#guests.get(service)?.workChannels ?? []
    const at = { kind: 'channels', paths, units } as const
    this.#link.order('generator', { type: 'load', service, at, load })
  }

  async setWeights(weights: Readonly<Record<string, number>>): Promise<void> {
    const { domains } = await this.#machines.observe(false)
    const nodes = new Map<string, string>(domains.map(({ name, node }) => [name, node]))
    for (const [name, to] of Object.entries(weights)) {
      const node = nodes.get(name)
      if (node !== undefined) await setByHand(this.#machines, node, 'cpu.weight', to)
      else await setByHand(this.#groups, `${this.#groups.layout.rootPath}/${name}`, 'cpu.weight', to)
    }
  }

  windows(service: ServiceName): readonly Window[] {
    return this.#link.windows.get(service) ?? []
  }

  batchWork(): number {
    return this.#piecesDone
  }

  stolenCpuSeconds(): number {
    return stolenCpuSeconds()
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#following
    await this.#machines.close()
    await this.#groups.stopCommands()
    await this.#groups.close()
    await this.#link.close()
    await this.#host.stop()
    await sweep(DEMO_ROOT)
  }
}

/** CPU that each machine has used, in milliseconds. */
interface Reading {
  readonly used: ReadonlyMap<string, number>
  readonly atMs: number
}

/** What the generator writes; nothing before it has begun to. */
function readMonitor(file: string | null): Partial<Record<ServiceName, { readonly perSecond: number }>> {
  try {
    return JSON.parse(readFileSync(file ?? '', 'utf8'))
  } catch {
    return {}
  }
}

/** Gives a machine one piece of work after another until `isToGoOn` says no, or the machine is gone. */
async function keepBusy(guest: BedGuest, units: number, isToGoOn: () => boolean): Promise<void> {
  try {
    do await guest.work(units)
    while (isToGoOn())
  } catch {
    // The demo is over, and its machines with it.
  }
}

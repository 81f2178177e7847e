import { readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { availableParallelism, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Change } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import { CPU } from '#core/model/resource.ts'
import { createClock } from '#daemon/clock.ts'
import { type CgroupDriver, createCgroupDriver, sweep } from '#drivers/cgroup/driver.ts'
import { WEIGHT_RANGE } from '#drivers/cgroup/knobs.ts'
import type { Clock } from '#ports.ts'
import { CPUS, HTTP_COST_MS, SERVICES, type ServiceName } from './plan.ts'
import type { Cast } from './policy.ts'
import type { Stage } from './stage.ts'
import { type Load, onMessages, type Report, send, type Window } from './workloads/link.ts'

export const DEMO_ROOT = 'reeve-demo'
const WORKLOADS = fileURLToPath(new URL('workloads/', import.meta.url))
const READY_MS = 20_000
/** Of a CPU's line in /proc/stat, its name counted. */
const STEAL_FIELD = 8
const TICKS_PER_SECOND = 100

/**
 * Real processes in control groups of their own. They hold a connection to this process and end when it is gone, by
 * whatever end; what a killed demo left behind (empty groups) the next one sweeps.
 */
export async function createRealStage(stateDir: string, seed: number): Promise<Stage> {
  await sweep(DEMO_ROOT)
  const driver = await createCgroupDriver({ root: DEMO_ROOT, outputDir: join(stateDir, 'output') })
  const link = new Link(join(stateDir, 'demo.sock'))
  await link.listen()
  return new RealStage(driver, link, castOf(stateDir, seed))
}

function castOf(stateDir: string, seed: number): Cast {
  const monitorFile = join(stateDir, 'latency.json')
  const environment = {
    REEVE_DEMO_SOCKET: join(stateDir, 'demo.sock'),
    REEVE_METRICS_SOCKET: join(stateDir, 'metrics.sock'),
  }
  const common = { user: userInfo().username, directory: '/', environment }
  const command = (script: string, ...args: string[]) => ({
    ...common,
    command: [process.execPath, join(WORKLOADS, `${script}.ts`), ...args],
  })
  return {
    driver: 'cgroup',
    monitorFile,
    domains: {
      shop: command('service', 'shop'),
      api: command('service', 'api', 'api-p95'),
      batch: command('batch'),
      generator: command('generator', monitorFile, String(seed)),
    },
  }
}

class RealStage implements Stage {
  readonly kind = 'cgroup'
  readonly metrics = []
  readonly clock: Clock = createClock()
  readonly driver: CgroupDriver
  readonly cast: Cast
  readonly #link: Link

  constructor(driver: CgroupDriver, link: Link, cast: Cast) {
    this.driver = driver
    this.#link = link
    this.cast = cast
  }

  async ready(): Promise<void> {
    if (availableParallelism() > CPUS) await this.#confine()
    // All acts alike have precedence over the rest of the host, so that others disturb none more than another.
    await this.#apply(this.driver.layout.rootPath, 'cpu.weight', WEIGHT_RANGE[this.driver.layout.version].most / 4)
    await this.#link.ready()
    await this.#apply(`${this.driver.layout.rootPath}/generator`, 'sched', 'other:0:0.1')
  }

  setCost(service: ServiceName, cpuMs: number): void {
    this.#link.order(service, { type: 'cost', cpuMs: cpuMs - HTTP_COST_MS })
  }

  setLoad(service: ServiceName, load: Load): void {
    const port = this.#link.ports.get(service)
    if (port !== undefined) this.#link.order('generator', { type: 'load', service, port, load })
  }

  async setWeights(weights: Readonly<Record<string, number>>): Promise<void> {
    for (const [name, to] of Object.entries(weights))
      await this.#apply(`${this.driver.layout.rootPath}/${name}`, 'cpu.weight', to)
  }

  windows(service: ServiceName): readonly Window[] {
    return this.#link.windows.get(service) ?? []
  }

  batchWork(): number {
    return this.#link.batchHashes
  }

  stolenCpuSeconds(): number {
    const lines = readFileSync('/proc/stat', 'latin1')
      .split('\n')
      .slice(1, CPUS + 1)
    return lines.reduce((sum, line) => sum + Number(line.split(' ')[STEAL_FIELD]), 0) / TICKS_PER_SECOND
  }

  async close(): Promise<void> {
    await this.driver.stopCommands()
    await this.driver.close()
    await this.#link.close()
    await sweep(DEMO_ROOT)
  }

  /** The demo plays on two CPUs wherever it runs; what it shows does not depend on the size of the host. */
  async #confine(): Promise<void> {
    await this.#apply(this.driver.layout.rootPath, 'cpu.set', `0-${CPUS - 1}`)
  }

  async #apply(node: string, knob: Change['knob'], to: number | string): Promise<void> {
    const change: Change = {
      driver: 'cgroup',
      node: node as NodeId,
      domain: null,
      identity: null,
      knob,
      resource: CPU,
      from: null,
      to,
      direction: 'neutral',
      because: { kind: 'scheduling' },
    }
    const outcome = await this.driver.apply(change, AbortSignal.timeout(2000))
    if (outcome.status === 'failed') throw new Error(outcome.message)
  }
}

/** The demo's end of the link to its processes. */
class Link {
  readonly ports = new Map<string, number>()
  readonly windows = new Map<string, Window[]>()
  batchHashes = 0
  readonly #path: string
  readonly #sockets = new Map<string, Socket>()
  readonly #server: Server
  #wake: () => void = () => {}

  constructor(path: string) {
    this.#path = path
    this.#server = createServer((socket) => this.#accept(socket))
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#path, resolve)
    })
  }

  /** Resolves when all four processes have said hello and both services accept requests. */
  async ready(): Promise<void> {
    const isReady = (): boolean => this.#sockets.size === 4 && SERVICES.every((service) => this.ports.has(service))
    const deadline = AbortSignal.timeout(READY_MS)
    while (!isReady()) {
      if (deadline.aborted) {
        const here = [...this.#sockets.keys()].join(', ')
        throw new Error(
          `only ${here === '' ? 'none' : here} of the demo's processes answered within ${READY_MS / 1000} s; their output is beside ${this.#path}`,
        )
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, 200)
      })
    }
  }

  order(name: string, order: Parameters<typeof send>[1]): void {
    const socket = this.#sockets.get(name)
    if (socket !== undefined) send(socket, order)
  }

  close(): Promise<void> {
    for (const socket of this.#sockets.values()) socket.destroy()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
    })
  }

  #accept(socket: Socket): void {
    let name = ''
    socket.on('error', () => {})
    onMessages<Report>(socket, (report) => {
      if (report.type === 'hello') {
        name = report.name
        this.#sockets.set(name, socket)
      } else this.#take(name, report)
      this.#wake()
    })
  }

  #take(name: string, report: Exclude<Report, { type: 'hello' }>): void {
    if (report.type === 'ready') this.ports.set(name, report.port)
    else if (report.type === 'work') this.batchHashes = report.hashes
    else this.windows.set(report.service, [...(this.windows.get(report.service) ?? []), report.window])
  }
}

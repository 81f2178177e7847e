import { availableParallelism, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Change } from '#core/model/decision.ts'
import { createClock } from '#daemon/clock.ts'
import { type CgroupDriver, createCgroupDriver, sweep } from '#drivers/cgroup/driver.ts'
import { WEIGHT_RANGE } from '#drivers/cgroup/knobs.ts'
import type { Clock } from '#ports.ts'
import { setByHand, standAboveOthers, stolenCpuSeconds } from './by-hand.ts'
import { Link } from './link-server.ts'
import { CPUS, HTTP_COST_MS, PROCESSES, SERVICES, type ServiceName } from './plan.ts'
import type { Cast } from './policy.ts'
import type { Stage } from './stage.ts'
import type { Load, Window } from './workloads/link.ts'

export const DEMO_ROOT = 'reeve-demo'
const WORKLOADS = fileURLToPath(new URL('workloads/', import.meta.url))

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
    pushing: ['api'],
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
  readonly plan = PROCESSES
  readonly metrics = []
  readonly clock: Clock = createClock()
  readonly drivers: readonly CgroupDriver[]
  readonly cast: Cast
  readonly #driver: CgroupDriver
  readonly #link: Link

  constructor(driver: CgroupDriver, link: Link, cast: Cast) {
    this.drivers = [driver]
    this.#driver = driver
    this.#link = link
    this.cast = cast
  }

  async ready(): Promise<void> {
    if (availableParallelism() > CPUS) await this.#confine()
    // All acts alike have precedence over the rest of the host, so that others disturb none more than another.
    await this.#apply(this.#driver.layout.rootPath, 'cpu.weight', WEIGHT_RANGE[this.#driver.layout.version].most / 4)
    await this.#link.ready(['shop', 'api', 'batch', 'generator'], SERVICES)
    await standAboveOthers(this.#driver.layout, `${this.#driver.layout.rootPath}/generator`)
  }

  setCost(service: ServiceName, cpuMs: number): void {
    this.#link.order(service, { type: 'cost', cpuMs: cpuMs - HTTP_COST_MS })
  }

  setLoad(service: ServiceName, load: Load): void {
    const port = this.#link.ports.get(service)
    if (port !== undefined) this.#link.order('generator', { type: 'load', service, at: { kind: 'http', port }, load })
  }

  async setWeights(weights: Readonly<Record<string, number>>): Promise<void> {
    for (const [name, to] of Object.entries(weights))
      await this.#apply(`${this.#driver.layout.rootPath}/${name}`, 'cpu.weight', to)
  }

  windows(service: ServiceName): readonly Window[] {
    return this.#link.windows.get(service) ?? []
  }

  batchWork(): number {
    return this.#link.work.get('batch') ?? 0
  }

  stolenCpuSeconds(): number {
    return stolenCpuSeconds()
  }

  async close(): Promise<void> {
    await this.#driver.stopCommands()
    await this.#driver.close()
    await this.#link.close()
    await sweep(DEMO_ROOT)
  }

  /** The demo plays on two CPUs wherever it runs; what it shows does not depend on the size of the host. */
  async #confine(): Promise<void> {
    await this.#apply(this.#driver.layout.rootPath, 'cpu.set', `0-${CPUS - 1}`)
  }

  #apply(node: string, knob: Change['knob'], to: number | string): Promise<void> {
    return setByHand(this.#driver, node, knob, to)
  }
}

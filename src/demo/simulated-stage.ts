import type { Change } from '#core/model/decision.ts'
import type { NodeId } from '#core/model/ids.ts'
import { CPU } from '#core/model/resource.ts'
import { watchWindows } from '#daemon/windows.ts'
import type { LoadChange, OpenLoad } from '#drivers/simulator/load.ts'
import { createSimulator, type Simulator } from '#drivers/simulator/simulator.ts'
import type { Driver } from '#ports.ts'
import { CPUS, PROCESSES, SERVICES, type ServiceName } from './plan.ts'
import type { Cast } from './policy.ts'
import type { Stage } from './stage.ts'
import type { Load, Window } from './workloads/link.ts'

/** Both services work with two threads each, as the real ones do. */
const THREADS = 2
/** Requests under way at once; the real clients have as many connections to a service. */
const UNDERWAY_MOST = 48
/** CPU that the generator spends on a request, about what the real one does. */
const ASKING_COST_MS = 0.4
/** What Reeve itself and the rest of a host use. */
const UNMANAGED_MILLI = 20

const CAST: Cast = {
  driver: 'simulator',
  domains: { shop: {}, api: {}, batch: {}, generator: {} },
  monitorFile: null,
  pushing: [],
}

/** The demo's cast on a host that is computed: the same acts and the same daemon, in a time that only jumps. */
export function createSimulatedStage(seed: number): Stage {
  const service = (name: ServiceName) => ({ name, load: answering(PROCESSES.services[name].costMs) })
  const simulator = createSimulator({
    seed,
    cpus: CPUS,
    unmanagedMilli: UNMANAGED_MILLI,
    calendar: watchWindows,
    domains: [
      ...SERVICES.map(service),
      { name: 'batch', load: { kind: 'batch', threads: CPUS } },
      { name: 'generator', load: answering(ASKING_COST_MS) },
    ],
    metrics: Object.fromEntries(
      SERVICES.flatMap((domain) => [
        [`${domain}-p95`, { domain, what: 'p95' as const }],
        [`${domain}-rate`, { domain, what: 'throughput' as const }],
      ]),
    ),
  })
  return new SimulatedStage(simulator)
}

/** Nobody asks yet. */
function answering(demandMs: number): OpenLoad {
  return { kind: 'open', arrivalsPerSecond: 0, demandMs, parallelism: THREADS, underwayMost: UNDERWAY_MOST }
}

class SimulatedStage implements Stage {
  readonly kind = 'simulator'
  readonly plan = PROCESSES
  readonly cast = CAST
  readonly drivers: readonly Driver[]
  readonly #driver: Driver
  readonly clock
  readonly metrics
  readonly #simulator: Simulator
  /** UTC at simulated time 0. */
  readonly #startUtcMs: number
  readonly #asked = new Map<ServiceName, number>()

  constructor(simulator: Simulator) {
    this.#simulator = simulator
    this.drivers = [simulator.driver]
    this.#driver = simulator.driver
    this.clock = simulator.clock
    this.metrics = [simulator.metrics]
    const { utcMs, monotonicMs } = simulator.clock.now([])
    this.#startUtcMs = utcMs - monotonicMs
  }

  async ready(): Promise<void> {}

  setCost(service: ServiceName, cpuMs: number): void {
    this.#simulator.set(service, { demandMs: cpuMs })
  }

  setLoad(service: ServiceName, load: Load): void {
    this.#simulator.set(service, loadChange(load))
    // Whoever asks has some work with it too; clients that press do so as often as they are answered.
    this.#asked.set(service, load.kind === 'open' ? load.perSecond : PROCESSES.services[service].perSecond)
    const arrivalsPerSecond = [...this.#asked.values()].reduce((sum, perSecond) => sum + perSecond, 0)
    this.#simulator.set('generator', { arrivalsPerSecond })
  }

  async setWeights(weights: Readonly<Record<string, number>>): Promise<void> {
    for (const [name, to] of Object.entries(weights)) {
      const outcome = await this.#driver.apply(weightChange(name, to), new AbortController().signal)
      if (outcome.status === 'failed') throw new Error(outcome.message)
    }
  }

  windows(service: ServiceName): readonly Window[] {
    return this.#simulator.windows(service).map(({ endedMs, p95Ms, throughput, offered }) => ({
      startMs: this.#startUtcMs + endedMs - 1000,
      offered,
      answered: throughput,
      throughput,
      // Nobody asked, so nobody waited.
      p95Ms: p95Ms ?? 0,
    }))
  }

  stolenCpuSeconds(): number {
    return 0
  }

  batchWork(): number {
    return this.#simulator.workOf('batch')
  }

  close(): Promise<void> {
    return this.#driver.close()
  }
}

function loadChange(load: Load): LoadChange {
  if (load.kind === 'pressing') return { kind: 'closed', clients: load.outstanding, thinkMs: 0 }
  return { kind: 'open', arrivalsPerSecond: load.kind === 'open' ? load.perSecond : 0 }
}

function weightChange(name: string, to: number): Change {
  return {
    driver: 'simulator',
    node: `/${name}` as NodeId,
    domain: null,
    identity: null,
    knob: 'cpu.weight',
    resource: CPU,
    from: null,
    to,
    direction: 'neutral',
    because: { kind: 'scheduling' },
  }
}

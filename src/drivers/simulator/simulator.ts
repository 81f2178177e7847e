import type { Clock, Driver, MetricSource } from '#ports.ts'
import { createSimulatedDriver } from './driver.ts'
import type { Fault } from './fault.ts'
import type { LoadChange } from './load.ts'
import { createSimulatedMetrics, type SimulatedMetrics } from './metrics.ts'
import { NoisyCounters } from './noisy-counters.ts'
import { type Calendar, createVirtualClock } from './virtual-clock.ts'
import type { WindowFigures } from './windows.ts'
import { World, type WorldOptions } from './world.ts'

export interface SimulatorOptions extends WorldOptions {
  /** Where the policy's metrics come from, by their names. */
  readonly metrics?: SimulatedMetrics
  /**
   * How far off a metric's reading may be, as a fraction of it, and what a CPU counter seems to grow by: 0.05 for up to
   * 5 % either way. 0 where not stated.
   */
  readonly noise?: number
  /** UTC at simulated time 0, in milliseconds; the first Monday of 2026, 08:00, where not stated. */
  readonly startUtcMs?: number
  /** Needed where a policy has time windows. */
  readonly calendar?: Calendar
}

/** A host that is computed: everything that the daemon needs of a host, and what a test wants to see and to change. */
export interface Simulator {
  readonly driver: Driver
  /** Stands still while anybody works and jumps to the next waking while all sleep. */
  readonly clock: Clock
  readonly metrics: MetricSource
  /** Lets time pass where no daemon does. */
  advance(ms: number): void
  /** Answers given so far by a domain that answers requests; CPU milliseconds of a batch domain, at full speed. */
  workOf(name: string): number
  /** CPU milliseconds used so far by all that had this name. */
  usedOf(name: string): number
  /** Time in milliseconds that a domain's threads have waited for a CPU since it came. */
  waitedOf(name: string): number
  isPresent(name: string): boolean
  /** CPUs that the host has now. */
  online(): number
  /** CPU milliseconds used so far by everybody, with whom nobody manages. */
  used(): number
  /** CPUs on which a domain runs. */
  cpusOf(name: string): readonly number[]
  /** Every whole second so far of a domain that answers requests, or the last ones: see `windowsMost`. */
  windows(name: string): readonly WindowFigures[]
  /** Calls back at the end of each simulated second, before anybody who wakes then. */
  onWindow(listener: () => void): void
  /** Changes a domain's load from now on; what is not mentioned stays. */
  set(name: string, change: LoadChange): void
  /** Changes the bytes of a domain's working set from now on. */
  hold(name: string, bytes: number): void
  /** All that was planned to go wrong. */
  readonly faults: readonly Fault[]
  plant(fault: Fault): void
}

const DEFAULT_START_UTC_MS = Date.UTC(2026, 0, 5, 8)

/** The same options give the same host, bit for bit, as long as it is told the same at the same simulated times. */
export function createSimulator(options: SimulatorOptions): Simulator {
  const { seed, metrics = {}, noise = 0 } = options
  const { startUtcMs = DEFAULT_START_UTC_MS, calendar = null } = options
  const world = new World(options)
  const domain = (name: string) => {
    const found = world.domains.get(name)
    if (found === undefined) throw new Error(`there is no simulated domain '${name}'`)
    return found
  }
  return {
    driver: createSimulatedDriver(world, new NoisyCounters(seed, noise)),
    clock: createVirtualClock(world, { bootId: `simulated-${seed}`, startUtcMs, calendar }),
    metrics: createSimulatedMetrics(world, metrics, seed, noise),
    advance: (ms) => world.advanceTo(world.nowMs + ms),
    workOf: (name) => domain(name).workAt(world.nowMs),
    usedOf: (name) => domain(name).usedInAllAt(world.nowMs),
    waitedOf: (name) => {
      const { waitMs, throttledMs } = domain(name).countedAt(world.nowMs)
      return waitMs + throttledMs
    },
    isPresent: (name) => domain(name).isPresent,
    online: () => world.online.length,
    used: () => world.usedMs,
    cpusOf: (name) => domain(name).cpus,
    windows: (name) => domain(name).windows.closed,
    onWindow: (listener) => world.onWindow(listener),
    set: (name, change) => world.load(domain(name), change),
    hold: (name, bytes) => world.hold(domain(name), bytes),
    faults: world.faults,
    plant: (fault) => world.plant(fault),
  }
}

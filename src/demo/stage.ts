import type { Clock, Driver, MetricSource } from '#ports.ts'
import type { Plan, ServiceName } from './plan.ts'
import type { Cast } from './policy.ts'
import type { Load, Window } from './workloads/link.ts'

/** Where the demo plays: real processes in control groups, machines, or the simulated host. The acts cannot tell. */
export interface Stage {
  readonly kind: 'cgroup' | 'libvirt' | 'simulator'
  readonly plan: Plan
  /** In the order in which they look. */
  readonly drivers: readonly Driver[]
  readonly clock: Clock
  readonly metrics: readonly MetricSource[]
  readonly cast: Cast
  /** Resolves when every process is up; called once the daemon has started them. */
  ready(): Promise<void>
  /** CPU that the work of one request takes from now on. */
  setCost(service: ServiceName, cpuMs: number): void
  setLoad(service: ServiceName, load: Load): void
  /** Weights by hand, for comparing: what an administrator would do without Reeve. */
  setWeights(weights: Readonly<Record<string, number>>): Promise<void>
  /** Every second that was measured so far, by the load generator alone. */
  windows(service: ServiceName): readonly Window[]
  /** Work that the batch job has done so far, in a unit of its own. */
  batchWork(): number
  /** CPU-seconds so far in which the demo's CPUs were not there, because a hypervisor ran somebody else on them. */
  stolenCpuSeconds(): number
  close(): Promise<void>
}

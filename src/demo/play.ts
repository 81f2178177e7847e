import type { DomainName } from '#core/model/ids.ts'
import type { Observation } from '#core/model/observation.ts'
import { CPU } from '#core/model/resource.ts'
import type { Daemon } from '#daemon/main.ts'
import type { Act } from './figures.ts'
import { SERVICES, type ServiceName } from './plan.ts'
import type { Stage } from './stage.ts'

/** Plays acts on a stage. Time is that of observations, so that a simulated host plays by the same code. */
export class Play {
  readonly #stage: Stage
  readonly #daemon: Daemon
  #last: Observation | null = null
  #waiting: { readonly untilMs: number; readonly resolve: () => void } | null = null
  readonly #unsubscribe: () => void

  constructor(stage: Stage, daemon: Daemon) {
    this.#stage = stage
    this.#daemon = daemon
    this.#unsubscribe = daemon.onTurn(({ observation }) => {
      this.#last = observation
      if (this.#waiting !== null && observation.at.monotonicMs >= this.#waiting.untilMs) this.#waiting.resolve()
    })
  }

  end(): void {
    this.#unsubscribe()
  }

  /** Lets so many seconds pass, by the clock of the stage. */
  async pass(seconds: number): Promise<Observation> {
    const now = this.#last?.at.monotonicMs ?? this.#stage.clock.now([]).monotonicMs
    await new Promise<void>((resolve) => {
      this.#waiting = { untilMs: now + seconds * 1000 - 50, resolve }
    })
    this.#waiting = null
    return this.#last as Observation
  }

  /** Puts another policy in force; one that is refused is a bug of the demo. */
  async policy(text: string): Promise<void> {
    const result = await this.#daemon.reload(text)
    if (!result.ok) throw new Error(`the demo's own policy was refused: ${JSON.stringify(result)}`)
  }

  /** The load of acts one and two. */
  steady(): void {
    for (const service of SERVICES) {
      const { costMs, perSecond } = this.#stage.plan.services[service]
      this.#stage.setCost(service, costMs)
      this.#stage.setLoad(service, { kind: 'open', perSecond })
    }
  }

  /** The load of act three, with one service dear and the other cheap. */
  crossed(dear: ServiceName): void {
    const { dearMs, cheapMs, outstanding } = this.#stage.plan.crossed
    for (const service of SERVICES) {
      this.#stage.setCost(service, service === dear ? dearMs : cheapMs)
      this.#stage.setLoad(service, { kind: 'pressing', outstanding })
    }
  }

  /** Plays one act and says what was used in it; `halfway` is called in the middle, where there is one. */
  async act(name: Act['name'], goals: Act['goals'], seconds: number, halfway?: () => void): Promise<Act> {
    const before = await this.pass(0.5)
    const workBefore = this.#stage.batchWork()
    const ownBefore = process.cpuUsage()
    const stolenBefore = this.#stage.stolenCpuSeconds()
    let crossedMs: number | null = null
    if (halfway === undefined) await this.pass(seconds)
    else {
      await this.pass(seconds / 2)
      halfway()
      crossedMs = (this.#last as Observation).at.utcMs
      await this.pass(seconds / 2)
    }
    const after = this.#last as Observation
    return {
      name,
      goals,
      crossedMs,
      beganMs: before.at.utcMs,
      endedMs: after.at.utcMs,
      usedCpuSeconds: usedBetween(before, after),
      ...hostBetween(before, after, process.cpuUsage(ownBefore)),
      stolenCpuSeconds: this.#stage.stolenCpuSeconds() - stolenBefore,
      batchWork: this.#stage.batchWork() - workBefore,
    }
  }
}

/** CPU-seconds that each domain used between two observations. */
function usedBetween(before: Observation, after: Observation): Record<DomainName, number> {
  const earlier = new Map(before.domains.map((domain) => [domain.name, domain.counters['cpu'] ?? 0]))
  return Object.fromEntries(
    after.domains.map((domain) => [
      domain.name,
      ((domain.counters['cpu'] ?? 0) - (earlier.get(domain.name) ?? 0)) / 1000,
    ]),
  )
}

/** CPU-seconds that the CPUs had, and those that whoever is neither the demo nor Reeve used of them. */
function hostBetween(
  before: Observation,
  after: Observation,
  own: NodeJS.CpuUsage,
): Pick<Act, 'capacityCpuSeconds' | 'othersCpuSeconds' | 'reeveCpuSeconds'> {
  const elapsed = (after.at.monotonicMs - before.at.monotonicMs) / 1000
  const all = ((after.capacity[CPU]?.used ?? 0) - (before.capacity[CPU]?.used ?? 0)) / 1000
  const demo = Object.values(usedBetween(before, after)).reduce((sum, used) => sum + used, 0)
  const reeve = (own.user + own.system) / 1_000_000
  return {
    capacityCpuSeconds: ((after.capacity[CPU]?.total ?? 0) / 1000) * elapsed,
    othersCpuSeconds: Math.max(0, all - demo - reeve),
    reeveCpuSeconds: reeve,
  }
}

import type { Aim, Goal, MetricPolicy, Policy } from '#core/model/policy.ts'
import { CPU } from '#core/model/resource.ts'
import type { TurnSummary } from '#daemon/control.ts'
import { watchWindows } from '#daemon/windows.ts'
import { entriesOf } from '#drivers/simulator/driver.ts'
import type { Simulator } from '#drivers/simulator/simulator.ts'
import { countedOf, factorOf } from './check.ts'
import { Curve, mean, median } from './curve.ts'
import type { ClassReport, DomainReport, GoalReport, RunReport, Series } from './report.ts'
import type { Scenario, ScenarioDomain } from './scenario.ts'

const MINUTE_MS = 60_000
/** Curves have at most so many points: more than a terminal is wide. */
const POINTS_MOST = 480
/** Who waits for less than this part of the time that it wants a CPU lacks none. */
const WAITS_LITTLE = 0.05
/** Of what arrived in a second, so much is answered in the same second by who keeps up. */
const MOSTLY = 0.9
/** An amount that is used up to a hundredth is used. */
const NEARLY = 0.99

/** One domain while it is watched; times are those of the second that has just ended. */
interface Watched {
  readonly its: ScenarioDomain
  readonly use: Curve
  readonly allocation: Curve
  usedMs: number
  waitedMs: number
  usedBeforeMs: number
  waitedBeforeMs: number
  /** What the last turn enforces, millicores; null where nobody has decided anything. */
  allocated: number | null
  changes: number
}

/** One goal for one domain of its scope. */
interface WatchedGoal {
  readonly goal: Goal
  readonly domain: Watched
  /** Whether the domain keeps up with what arrives, where that is what its metric counts; null else. */
  readonly keepsUp: (() => boolean | null) | null
  /** Reads the metric in the second that has just ended; null where it has none. */
  readonly read: (() => number | null) | null
  readonly unit: string
  readonly measured: Curve | null
  seconds: number
  heldSeconds: number
}

/**
 * Watches the simulated world, second by second, and counts what is there: not what the daemon was told, nor what it
 * makes of it. Of the daemon itself it is told what was enforced.
 */
export class Measurement {
  readonly #sim: Simulator
  readonly #scenario: Scenario
  #openWindows: readonly string[] = []
  readonly #windowsOpen: (utcMs: number) => { readonly openWindows: readonly string[] }
  readonly #domains: readonly Watched[]
  readonly #byName: ReadonlyMap<string, Watched>
  readonly #goals: readonly WatchedGoal[]
  readonly #secondsEach: number
  #seconds = 0
  #cpuSeconds = 0
  readonly #turns = { made: 0, changing: 0, failed: 0, violations: 0 }

  constructor(sim: Simulator, scenario: Scenario, policy: Policy) {
    this.#sim = sim
    this.#scenario = scenario
    this.#windowsOpen = watchWindows(policy.windows)
    this.#secondsEach = Math.ceil(scenario.host.durationMs / 1000 / POINTS_MOST)
    this.#domains = scenario.domains.map((its) => ({
      its,
      use: new Curve(this.#secondsEach, mean),
      allocation: new Curve(this.#secondsEach, mean),
      usedMs: 0,
      waitedMs: 0,
      usedBeforeMs: 0,
      waitedBeforeMs: 0,
      allocated: null,
      changes: 0,
    }))
    this.#byName = new Map(this.#domains.map((domain) => [domain.its.name, domain]))
    const goals = policy.goals.toSorted((one, other) => one.priority - other.priority)
    this.#goals = goals.flatMap((goal) =>
      this.#inScope(goal, policy).map((domain) => this.#watch(goal, domain, policy)),
    )
  }

  /** A second of the world has ended. */
  second(): void {
    this.#seconds++
    this.#cpuSeconds += this.#sim.online()
    for (const domain of this.#domains) this.#look(domain)
    const utcMs = this.#scenario.host.startUtcMs + (this.#seconds - 1) * 1000
    // Windows are open for whole minutes, and telling the local times beside them is dear.
    if (this.#seconds === 1 || utcMs % MINUTE_MS === 0) this.#openWindows = this.#windowsOpen(utcMs).openWindows
    for (const goal of this.#goals) {
      const value = this.#sim.isPresent(goal.domain.its.name) ? (goal.read?.() ?? null) : null
      goal.measured?.add(value)
      const held = this.#isInForce(goal) ? holds(goal, value) : null
      if (held === null) continue
      goal.seconds++
      if (held) goal.heldSeconds++
    }
  }

  /** A turn of the daemon has ended. */
  turn({ decision, outcomes }: TurnSummary): void {
    const turns = this.#turns
    turns.made++
    turns.violations += decision.violations.length
    let isChanging = false
    for (const [index, { status }] of outcomes.entries()) {
      if (status === 'failed') turns.failed++
      if (status !== 'applied') continue
      isChanging = true
      const domain = this.#byName.get(decision.plan[index]?.domain ?? '')
      if (domain !== undefined) domain.changes++
    }
    if (isChanging) turns.changing++
    const rows = decision.resources.find(({ resource }) => resource === CPU)?.rows ?? []
    for (const domain of this.#domains) domain.allocated = null
    for (const { domain: name, role, allocation } of rows) {
      const domain = this.#byName.get(name)
      if (domain !== undefined && role === 'managed') domain.allocated = allocation
    }
  }

  report(said: readonly string[]): RunReport {
    const sim = this.#sim
    const goals = this.#goals.map(({ goal, domain, unit, seconds, heldSeconds }): GoalReport => {
      const { id, priority, aim } = goal
      return { goal: id, domain: domain.its.name, priority, aim, unit, seconds, heldSeconds }
    })
    return {
      goals,
      classes: classesOf(goals),
      domains: this.#domains.map(({ its: { name, load }, changes }): DomainReport => {
        const isBatch = load.kind === 'batch'
        const work = sim.workOf(name) / (isBatch ? 1000 : 1)
        return { name, work, isBatch, cpuSeconds: sim.usedOf(name) / 1000, changes }
      }),
      cpu: { usedSeconds: sim.used() / 1000, capacitySeconds: this.#cpuSeconds },
      turns: { ...this.#turns, said },
      series: this.#series(),
    }
  }

  #series(): Series {
    return {
      points: Math.ceil(this.#seconds / this.#secondsEach),
      domains: this.#domains.map(({ its: { name }, use, allocation }) => {
        return { name, use: use.points(), allocation: allocation.points() }
      }),
      goals: this.#goals.flatMap(({ goal: { id, aim }, domain, measured }) =>
        measured === null || !('metric' in aim)
          ? []
          : [{ goal: id, domain: domain.its.name, target: aim.target, side: sideOf(aim), measured: measured.points() }],
      ),
    }
  }

  /** The domains that a goal is for, as the decider finds them. */
  #inScope({ scope }: Goal, policy: Policy): readonly Watched[] {
    const entries = entriesOf(
      policy,
      this.#domains.map(({ its }) => its.name),
    )
    const managed = this.#domains.flatMap((domain) => {
      const entry = policy.domains[entries.get(domain.its.name) ?? -1]
      return entry === undefined || entry.role === 'ignored' ? [] : [{ domain, entry }]
    })
    const found = managed.filter(({ domain, entry }) => {
      if ('domain' in scope) return domain.its.name === scope.domain
      return 'group' in scope ? entry.groups.includes(scope.group) : true
    })
    if (found.length > 0 || !('domain' in scope)) return found.map(({ domain }) => domain)
    // The name of a goal's domain may be the glob of an entry that many domains match.
    return managed.filter(({ entry }) => entry.name === scope.domain).map(({ domain }) => domain)
  }

  #watch(goal: Goal, domain: Watched, { metrics }: Policy): WatchedGoal {
    const { aim } = goal
    const metric = 'metric' in aim ? metrics.find(({ name }) => name === aim.metric) : undefined
    const read = metric === undefined ? null : this.#readerOf(metric, domain)
    const { name } = domain.its
    const keepsUp = metric !== undefined && countedOf(metric) === 'offered' ? () => this.#keepsUp(name) : null
    const counts = { keepsUp, seconds: 0, heldSeconds: 0 }
    const measured = read === null ? null : new Curve(this.#secondsEach, median)
    return { goal, domain, read, unit: metric?.unit ?? '', measured, ...counts }
  }

  #readerOf(metric: MetricPolicy, { its: { name, load, metrics } }: Watched): WatchedGoal['read'] {
    const isCounter = metric.source.kind === 'counter'
    const what = isCounter ? countedOf(metric) : (metrics[metric.name] ?? null)
    if (what === null) return null
    const packets = 'packets' in load ? (load.packets ?? 1) : 1
    const factor = what === 'offered' || isCounter ? packets : (factorOf(metric, what) ?? 1)
    return () => {
      const window = this.#sim.windows(name).at(-1)
      const value = what === 'p95' ? window?.p95Ms : window?.[what]
      return value === undefined || value === null ? null : value * factor
    }
  }

  #keepsUp(name: string): boolean | null {
    const window = this.#sim.windows(name).at(-1)
    return window === undefined || window.offered === 0 ? null : window.throughput >= MOSTLY * window.offered
  }

  #look(domain: Watched): void {
    const { name } = domain.its
    const usedMs = this.#sim.usedOf(name)
    const waitedMs = this.#sim.waitedOf(name)
    domain.usedMs = usedMs - domain.usedBeforeMs
    // Another of the same name counts from nothing.
    domain.waitedMs = waitedMs < domain.waitedBeforeMs ? waitedMs : waitedMs - domain.waitedBeforeMs
    domain.usedBeforeMs = usedMs
    domain.waitedBeforeMs = waitedMs
    // A CPU millisecond in a second is a millicore.
    domain.use.add(domain.usedMs)
    domain.allocation.add(domain.allocated)
  }

  #isInForce({ goal, domain }: WatchedGoal): boolean {
    if (!this.#sim.isPresent(domain.its.name)) return false
    return goal.conditions.every((its) => {
      if (its.kind === 'window') return this.#openWindows.includes(its.window)
      // No scenario has events.
      return its.kind === 'running' && this.#byName.has(its.domain) && this.#sim.isPresent(its.domain)
    })
  }
}

/** Whether the goal held in the second that has just ended; null where that cannot be told. */
function holds({ goal: { aim }, domain, keepsUp }: WatchedGoal, value: number | null): boolean | null {
  switch (aim.kind) {
    case 'performance':
      if (value === null) return null
      return aim.direction === 'below' ? value <= aim.target : value >= aim.target
    case 'throughput':
      if (keepsUp !== null) return keepsUp()
      return value === null ? null : value >= aim.target
    case 'utilization':
      return aim.resource === CPU && domain.allocated !== null ? domain.usedMs <= aim.target * domain.allocated : null
    case 'fixed': {
      const amount = aim.amounts[CPU]
      if (amount === undefined) return null
      const { usedMs, waitedMs } = domain
      return usedMs >= NEARLY * amount || waitedMs <= WAITS_LITTLE * (waitedMs + usedMs)
    }
  }
}

function sideOf(aim: Extract<Aim, { readonly metric: string }>): 'below' | 'above' {
  return aim.kind === 'performance' ? aim.direction : 'above'
}

function classesOf(goals: readonly GoalReport[]): ClassReport[] {
  const priorities = [...new Set(goals.map(({ priority }) => priority))]
  return priorities.map((priority) => {
    const all = goals.filter((goal) => goal.priority === priority)
    const sum = (key: 'seconds' | 'heldSeconds'): number => all.reduce((total, goal) => total + goal[key], 0)
    return { priority, seconds: sum('seconds'), heldSeconds: sum('heldSeconds') }
  })
}

import { controls, type DomainView, type View } from '#core/look.ts'
import type { ForecastDecision, GoalDecision } from '#core/model/decision.ts'
import type { EstimateReason } from '#core/model/estimate-reason.ts'
import type { DomainName, ResourceKey } from '#core/model/ids.ts'
import type { GoalMemory } from '#core/model/knowledge.ts'
import type { MetricReading } from '#core/model/observation.ts'
import type { Aim, Condition, Goal, MetricPolicy, Policy } from '#core/model/policy.ts'
import { CPU, type Resource } from '#core/model/resource.ts'
import { arrivals } from './arrivals.ts'
import { beyondCpu } from './bottleneck.ts'
import { countedMemory, countedReading, countsArrivals } from './counted.ts'
import type { Estimate, Sight } from './estimator.ts'
import { fixed } from './fixed.ts'
import { lately } from './lately.ts'
import { performance } from './performance.ts'
import { type Measured, metricSight, NO_METRIC, readingMemory } from './reading.ts'
import { throughput } from './throughput.ts'
import { utilization } from './utilization.ts'
import { byUse } from './without-reading.ts'

/** What one goal needs of one domain, and how it stands. */
export interface Need {
  readonly goal: Goal
  readonly domain: DomainName
  readonly status: GoalDecision['status']
  readonly need: Readonly<Record<ResourceKey, number>>
  /** Below this it is projected to be missed; absent where nobody can tell. */
  readonly least: Readonly<Record<ResourceKey, number>>
  /** What it would need where that is more than it may ask for. */
  readonly cut: Readonly<Record<ResourceKey, number>>
  readonly because: EstimateReason
  /** What forecasts say of it; empty where none has anything to say. */
  readonly forecasts: readonly ForecastDecision[]
  /** When what its status says was measured, on the monotonic clock, where an earlier turn has not told of that already. */
  readonly measuredAtMs: number | null
  readonly memory: GoalMemory
}

/** Estimates every goal on every domain it names; order follows the policy's goals, then the domains. */
export function estimate(view: View): Need[] {
  const metrics = new Map(view.policy.metrics.map((metric) => [metric.name, metric]))
  const readings = latestReadings(view.seen.metrics)
  const capacity: Record<ResourceKey, number> = {}
  for (const resource of view.policy.resources) {
    capacity[resource.key] =
      resource.capacity === 'observed' ? (view.seen.capacity[resource.key]?.total ?? 0) : resource.capacity
  }
  const needs: Need[] = []
  for (const goal of view.policy.goals) {
    const closed = goal.conditions.find((condition) => !holds(condition, view))
    for (const domain of inScope(goal, view)) {
      needs.push(
        closed === undefined
          ? estimateOne(view, goal, domain, capacity, metricOf(goal, domain, metrics, readings))
          : closedGoal(goal, domain, closed),
      )
    }
  }
  return needs
}

function estimateOne(
  { policy, seen }: View,
  goal: Goal,
  domain: DomainView,
  capacity: Sight['capacity'],
  measured: Measured | null,
): Need {
  const about = aboutOf(goal.aim, measured)
  const before = memoryOf(goal, domain, about)
  const nowMs = seen.at.monotonicMs
  // What arrives is counted turn by turn, so it stands beside what the domain could do of it in that turn.
  const isArriving = measured !== null && countsArrivals(measured.policy)
  const late = isArriving ? { ...domain, memory: {} } : lately(domain, before)
  const metric = measured === null ? NO_METRIC : metricSight(measured, before, domain.use[CPU], nowMs)
  const { use, smoothUse, heldBack, inForce } = late
  const { workingSet } = domain
  const { without } = policy.host
  const sight: Sight = { use, smoothUse, heldBack, workingSet, inForce, capacity, metric, without, nowMs }
  const ofAim = dispatch(goal.aim, measured, sight, before)
  const estimated = sound(measured === null ? ofAim : beyondCpu(othersOf(policy, domain), sight, before, ofAim), sight)
  const { because } = estimated
  const isCounted = measured?.reading !== undefined && measured.policy.source.kind === 'counter'
  const isNew = metric.kind === 'fresh' && !metric.isRepeated && estimated.measured !== null
  const newAtMs = isNew ? (measured?.reading?.takenAtMs ?? null) : null
  return {
    goal,
    domain: domain.name,
    ...bounded(estimated, goal.upTo),
    because,
    forecasts: [],
    measuredAtMs: measured === null ? nowMs : newAtMs,
    memory: {
      ...estimated.memory,
      ...late.memory,
      ...(measured === null ? {} : readingMemory(before, metric, newAtMs, domain.use[CPU], nowMs)),
      ...(isCounted ? countedMemory(measured.reading as MetricReading) : {}),
      about,
    },
    status: statusOf(goal.aim, domain, sight, estimated.measured),
  }
}

/** What a goal has learned says nothing of another aim, metric or resource that has its name after a reload. */
function memoryOf({ id }: Goal, domain: DomainView, about: string): GoalMemory {
  const memory = domain.known?.goals[id] ?? {}
  return memory['about'] === about ? memory : {}
}

/** Of which amounts and readings an estimator's memory is. Targets may change without it. */
function aboutOf(aim: Aim, measured: Measured | null): string {
  if (measured === null) return aim.kind === 'utilization' ? `${aim.kind} ${aim.resource}` : aim.kind
  const { name, unit, source } = measured.policy
  const counted = source.kind === 'counter' ? ` ${source.counter} ${source.perCpuSecond ? 'per CPU second' : ''}` : ''
  return `${aim.kind} ${name} ${unit}${counted}`
}

/**
 * What a goal that nobody can meet may take at most is not for its estimator to say. That it is missed with so little is
 * no reason to spare it either.
 */
function bounded({ need, least }: Estimate, upTo: Goal['upTo']): Pick<Need, 'need' | 'least' | 'cut'> {
  const keys = (Object.keys(need) as ResourceKey[]).filter(
    (key) => (need[key] ?? 0) > (upTo[key] ?? Number.POSITIVE_INFINITY),
  )
  if (keys.length === 0) return { need, least, cut: {} }
  const pick = (from: Goal['upTo']) => Object.fromEntries(keys.map((key) => [key, from[key] ?? 0]))
  const reached = Object.fromEntries(
    Object.entries(least).filter(([key, amount]) => amount <= (upTo[key as ResourceKey] ?? Number.POSITIVE_INFINITY)),
  )
  return { need: { ...need, ...pick(upTo) }, least: reached, cut: pick(need) }
}

/**
 * What is no amount reaches nobody else: such a goal is judged by use, and learns anew. No estimator is known to say so;
 * the checker would rather stop every plan of the host than divide by it.
 */
function sound(estimate: Estimate, sight: Sight): Estimate {
  const isAmount = (amount: number): boolean => amount >= 0 && Number.isFinite(amount)
  if (Object.values(estimate.need).every(isAmount) && Object.values(estimate.least).every(isAmount)) return estimate
  return { ...byUse(sight, {}, 'no-amount'), measured: estimate.measured }
}

/** What may be tried with a goal that more CPU does not help. */
function othersOf({ resources }: Policy, { policy }: DomainView): Resource[] {
  return resources.filter(({ key, unit }) => key !== CPU && unit !== 'count' && controls(policy, key))
}

function dispatch(aim: Aim, measured: Measured | null, sight: Sight, memory: GoalMemory): Estimate {
  switch (aim.kind) {
    case 'fixed':
      return fixed(aim, sight, memory)
    case 'utilization':
      return utilization(aim, sight, memory)
    case 'throughput':
      return measured !== null && countsArrivals(measured.policy)
        ? arrivals(aim, sight, memory)
        : throughput(aim, sight, memory)
    case 'performance':
      return performance(aim, sight, memory)
  }
}

function statusOf(aim: Aim, domain: DomainView, sight: Sight, measured: Estimate['measured']): GoalDecision['status'] {
  if (measured !== null) {
    const { value, target, index } = measured
    return { kind: index > 1 ? 'missed' : 'met', measured: value, target, index }
  }
  if (aim.kind === 'fixed') {
    // A fixed amount is met by what is in force; the scarcest of its resources tells. Of nothing there is always enough.
    const ratios = Object.entries(aim.amounts).map(([key, amount]) =>
      amount > 0 ? (domain.inForce[key as ResourceKey] ?? 0) / amount : 1,
    )
    const ratio = Math.min(...ratios)
    return { kind: ratio < 1 - 1e-9 ? 'missed' : 'met', measured: ratio, target: 1, index: ratio > 0 ? 1 / ratio : 1e9 }
  }
  if (domain.known === null) return { kind: 'unknown', reason: 'first-sight' }
  return { kind: 'unknown', reason: sight.metric.kind === 'lost' ? sight.metric.reason : 'stale' }
}

function closedGoal(goal: Goal, domain: DomainView, condition: Condition): Need {
  return {
    goal,
    domain: domain.name,
    status: { kind: 'closed', reason: describe(condition) },
    need: {},
    least: {},
    cut: {},
    because: { kind: 'closed' },
    forecasts: [],
    measuredAtMs: null,
    memory: domain.known?.goals[goal.id] ?? {},
  }
}

function describe(condition: Condition): string {
  switch (condition.kind) {
    case 'window':
      return `window ${condition.window} is shut`
    case 'running':
      return `${condition.domain} is not running`
    case 'event':
      return `event ${condition.event} is not on`
  }
}

function holds(condition: Condition, view: View): boolean {
  switch (condition.kind) {
    case 'window':
      return view.seen.at.openWindows.includes(condition.window)
    case 'running':
      return view.seen.domains.some((domain) => domain.name === condition.domain && domain.state === 'running')
    case 'event':
      return view.seen.events.includes(condition.event)
  }
}

function inScope(goal: Goal, view: View): readonly DomainView[] {
  const { scope } = goal
  if ('domain' in scope) {
    const one = view.byName.get(scope.domain)
    if (one !== undefined) return [one]
    // The name of a goal's domain may be the glob of a policy entry that many domains match.
    return view.domains.filter((domain) => domain.policy.name === scope.domain)
  }
  if ('group' in scope) return view.domains.filter((domain) => domain.policy.groups.includes(scope.group))
  return view.domains
}

type Readings = ReadonlyMap<string, MetricReading>

/** The newest reading of each metric and domain; two of one instant: the later in the list. */
function latestReadings(readings: readonly MetricReading[]): Readings {
  const latest = new Map<string, MetricReading>()
  for (const reading of readings) {
    const key = readingKey(reading.metric, reading.domain)
    const before = latest.get(key)
    if (before === undefined || reading.takenAtMs >= before.takenAtMs) latest.set(key, reading)
  }
  return latest
}

function readingKey(metric: string, domain: DomainName | null): string {
  return `${metric}\n${domain ?? ''}`
}

/** The domain's own reading goes before one that stands for the whole scope of the goal; null without a metric. */
function metricOf(
  { id, aim }: Goal,
  domain: DomainView,
  metrics: ReadonlyMap<string, MetricPolicy>,
  readings: Readings,
): Measured | null {
  const policy = 'metric' in aim ? metrics.get(aim.metric) : undefined
  if (policy === undefined) return null
  if (policy.source.kind === 'counter') {
    return { policy, reading: countedReading(policy, domain, domain.known?.goals[id] ?? {}) }
  }
  const { name } = policy
  return { policy, reading: readings.get(readingKey(name, domain.name)) ?? readings.get(readingKey(name, null)) }
}

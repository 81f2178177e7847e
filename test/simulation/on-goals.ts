import type { GoalDecision } from '#core/model/decision.ts'
import type { DomainName } from '#core/model/ids.ts'
import type { MetricReading, Observation } from '#core/model/observation.ts'
import type { Goal, MetricPolicy, Silenceable } from '#core/model/policy.ts'
import { family } from '#core/model/resource.ts'
import { type Decided, NEARLY } from './decided.ts'
import { entryOf } from './expected.ts'

/** What is made of goals: which readings they are judged by, and what is asked for on their account. */

interface Told {
  readonly its: GoalDecision
  readonly goal: Goal
  readonly metric: MetricPolicy | undefined
  /** null where it could not be told. */
  readonly measured: number | null
}

function goalsOf({ policy, record }: Decided): Told[] {
  return record.decision.goals.flatMap((its) => {
    const goal = policy.goals.find(({ id }) => id === its.goal)
    if (goal === undefined) return []
    const name = 'metric' in goal.aim ? goal.aim.metric : null
    const { status } = its
    const measured = status.kind === 'met' || status.kind === 'missed' ? status.measured : null
    return [{ its, goal, metric: policy.metrics.find((one) => one.name === name), measured }]
  })
}

/** Readings of a metric that a goal of the domain may be judged by, whatever their age. */
function readingsOf({ metrics }: Observation, { name }: MetricPolicy, domain: DomainName): MetricReading[] {
  return metrics.filter((reading) => {
    const isIts = reading.metric === name && (reading.domain ?? domain) === domain
    return isIts && Number.isFinite(reading.value) && reading.value >= 0
  })
}

/** "Whom Reeve trusts", "Time": a reading is of the domain and of the time that its source says, and its value is that. */
export function* takesReadingsAsTheyAre({ record, readings }: Decided): Generator<string> {
  for (const reading of record.observation.metrics) {
    const { metric, domain, takenAtMs, value } = reading
    const isTold = readings.some((told) => {
      return (
        told.metric === metric && told.domain === domain && told.takenAtMs === takenAtMs && Object.is(told.value, value)
      )
    })
    if (!isTold) yield `${metric} of ${domain} was never told to be ${value} at ${takenAtMs}`
  }
}

/** "From goals to a row": a goal whose metric is stale, lost or no number is not judged by it. */
export function* usesNoStaleReading(decided: Decided): Generator<string> {
  const { observation } = decided.record
  for (const { its, metric, measured } of goalsOf(decided)) {
    if (metric === undefined || measured === null) continue
    const ageMs = observation.at.monotonicMs - takenAtMs(observation, metric, its.domain)
    if (!(ageMs <= metric.staleMs)) {
      yield `goal ${its.goal} is ${its.status.kind} by a reading that is ${ageMs} ms old, of ${metric.staleMs}`
    }
  }
}

/** Of the newest reading; what is counted is as old as the look at its domain. */
function takenAtMs(observation: Observation, metric: MetricPolicy, domain: DomainName): number {
  if (metric.source.kind !== 'counter') {
    return Math.max(...readingsOf(observation, metric, domain).map((reading) => reading.takenAtMs))
  }
  const seen = observation.domains.find(({ name }) => name === domain)
  return seen?.counters[metric.source.counter] === undefined ? Number.NEGATIVE_INFINITY : seen.takenAtMs
}

/** "Whom Reeve trusts": a metric is bound to its domain; nobody is judged by the reading of another. */
export function* judgesByItsOwnReading(decided: Decided): Generator<string> {
  for (const { its, metric, measured } of goalsOf(decided)) {
    if (metric === undefined || metric.source.kind === 'counter' || measured === null) continue
    const values = readingsOf(decided.record.observation, metric, its.domain).map(({ value }) => value)
    if (!values.includes(measured)) {
      yield `goal ${its.goal} of ${its.domain} is judged by ${measured}, and ${metric.name} is ${values.join(', ')}`
    }
  }
}

/** Policy, `source: counter`: what is counted for the domain itself, for each second or each second of its CPU time. */
export function* countsWhatIsCounted(decided: Decided): Generator<string> {
  for (const { its, metric, measured } of goalsOf(decided)) {
    if (metric?.source.kind !== 'counter' || measured === null) continue
    const counted = growthOf(decided, its.domain, metric.source.counter)
    const used = growthOf(decided, its.domain, 'cpu')
    if (counted === null || used === null || (metric.source.perCpuSecond && used === 0)) continue
    // A CPU millisecond is counted as a millicore-second.
    const expected = metric.source.perCpuSecond ? (counted * 1000) / used : counted
    if (Math.abs(measured - expected) > NEARLY * (1 + expected)) {
      yield `goal ${its.goal} of ${its.domain}: ${measured} of ${metric.name} are measured where ${expected} were counted`
    }
  }
}

/** What a counter has grown by in a second, from one turn to the next; null where that cannot be told. */
function growthOf({ before, record }: Decided, domain: DomainName, counter: string): number | null {
  const then = before?.domains.find(({ name }) => name === domain)
  const now = record.observation.domains.find(({ name }) => name === domain)
  const [from, to] = [then?.counters[counter], now?.counters[counter]]
  if (then === undefined || now === undefined || from === undefined || to === undefined) return null
  const elapsedMs = now.takenAtMs - then.takenAtMs
  if (then.identity !== now.identity || elapsedMs <= 0) return null
  return ((to - from) * 1000) / elapsedMs
}

/** Policy, `upTo`: the most that may be asked for on a goal's account; who would need more is told so. */
export function* asksForNoMoreThanItMay(decided: Decided): Generator<string> {
  for (const { its, goal } of goalsOf(decided)) {
    for (const [key, amount] of Object.entries(its.need)) {
      const most = goal.upTo[key as keyof Goal['upTo']] ?? Number.POSITIVE_INFINITY
      if (amount > most) yield `goal ${its.goal} of ${its.domain} asks for ${amount} of ${key}, and may for ${most}`
    }
    for (const [key, amount] of Object.entries(its.cut)) {
      const most = goal.upTo[key as keyof Goal['upTo']] ?? Number.POSITIVE_INFINITY
      if (!(amount > most)) yield `goal ${its.goal} of ${its.domain} is said to need ${amount} of ${key}, of ${most}`
    }
  }
}

/** docs/forecasts.md, "Who has a say": only what was right before raises a need, and it never lowers one. */
export function* hearsOnlyWhoWasRight(decided: Decided): Generator<string> {
  for (const { its, goal } of goalsOf(decided)) {
    for (const { resource, raisedFrom, predicted, right, silent } of its.forecasts) {
      if (raisedFrom === null) continue
      const what = `goal ${its.goal} of ${its.domain}, ${resource}`
      if (right === 0 || silent !== null) yield `${what}: raised by a forecast that was never right, or has no say`
      const need = its.need[resource] ?? 0
      if (!(need > raisedFrom && need <= (predicted ?? 0)))
        yield `${what}: ${raisedFrom} became ${need} of ${predicted}`
      if (goal.aim.kind === 'fixed' || its.status.kind === 'closed') yield `${what}: there is nothing to be forecast`
    }
  }
}

/** Policy, `controls`: more of another resource is tried for a missed goal only where that is controlled. */
export function* triesOnlyWhatItControls(decided: Decided): Generator<string> {
  for (const { its } of goalsOf(decided)) {
    const { because, status, domain } = its
    if (because.kind !== 'not-this-resource' || because.tries === undefined) continue
    const { resource } = because.tries
    const controls = entryOf(decided.policy, domain)?.controls ?? []
    if (controls.includes(resource) || controls.includes(family(resource))) {
      if (status.kind !== 'missed') yield `goal ${its.goal} of ${domain} is ${status.kind} and tried with ${resource}`
    } else yield `${domain} is tried with ${resource}, which nobody controls`
  }
}

const HAS_A_SAY: Readonly<Record<Exclude<Silenceable, 'impact'>, (its: GoalDecision) => boolean>> = {
  forecast: ({ forecasts }) => forecasts.some(({ raisedFrom }) => raisedFrom !== null),
  model: ({ because }) => because.kind === 'queue',
  throughput: ({ because }) => because.kind === 'work-cost' || because.kind === 'arrivals',
  bottleneck: ({ because }) => because.kind === 'not-this-resource' && because.tries !== undefined,
}

/** Policy, `without`: what is silenced has no say. */
export function* hearsNobodySilenced(decided: Decided): Generator<string> {
  const { policy, record } = decided
  for (const silenced of policy.host.without) {
    if (silenced === 'impact') {
      const spared = record.decision.resources.flatMap(({ rows }) =>
        rows.filter(({ settled }) => settled?.kind === 'impact'),
      )
      for (const { domain } of spared) yield `${domain} is spared, and the policy silences impact`
      continue
    }
    for (const { its } of goalsOf(decided)) {
      if (HAS_A_SAY[silenced](its))
        yield `goal ${its.goal} of ${its.domain} is estimated by ${silenced}, which is silenced`
    }
  }
}

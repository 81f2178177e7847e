import type { Decide } from '#core/decide.ts'
import type { Change, Decision, GoalDecision } from '#core/model/decision.ts'
import type { Identity } from '#core/model/ids.ts'
import type { Knowledge } from '#core/model/knowledge.ts'
import type { DomainObservation, MetricReading, Observation, Setting } from '#core/model/observation.ts'
import type { DomainPolicy, HostPolicy, Policy, Share } from '#core/model/policy.ts'
import type { Bug } from './play.ts'

/** Ways to plant a bug: what Reeve is made to go by instead of what is so, or to say or do instead of what it decided. */

/** Decides by another policy than the one in force. */
export function byPolicy(change: (policy: Policy) => Policy): Bug {
  const changed = new WeakMap<Policy, Policy>()
  return {
    decide:
      (decide) =>
      (policy, ...rest) => {
        const its = changed.get(policy) ?? change(policy)
        changed.set(policy, its)
        return decide(its, ...rest)
      },
  }
}

export const byHost = (change: Partial<HostPolicy>): Bug =>
  byPolicy((policy) => ({ ...policy, host: { ...policy.host, ...change } }))

export const byDomains = (change: (domain: DomainPolicy) => Partial<DomainPolicy>): Bug =>
  byPolicy((policy) => ({ ...policy, domains: policy.domains.map((its) => ({ ...its, ...change(its) })) }))

export const byShares = (change: Partial<Share>): Bug =>
  byDomains(({ shares }) => ({
    shares: Object.fromEntries(Object.entries(shares).map(([key, share]) => [key, { ...share, ...change }])),
  }))

/** Decides by another observation than the one on record. */
export const byObservation = (change: (seen: Observation) => Observation): Bug => ({
  decide:
    (decide) =>
    (policy, seen, ...rest) =>
      decide(policy, change(seen), ...rest),
})

/** As if every forecast had always been right. */
export function trusted(forecast: Knowledge['forecast']): Knowledge['forecast'] {
  const each = <Its, Result>(all: Readonly<Record<string, Its>>, change: (its: Its) => Result) =>
    Object.fromEntries(Object.entries(all).map(([key, its]) => [key, change(its)]))
  const profiles = each(forecast.profiles, (ofDomain) =>
    each(ofDomain, (profile) => ({ ...profile, after: each(profile.after, (its) => ({ ...its, skill: 1 })) })),
  )
  return { ...forecast, profiles }
}

/** Changes what was decided. */
export const afterwards = (change: (decision: Decision, policy: Policy) => Decision): Bug => ({
  decide:
    (decide) =>
    (policy, ...rest) => {
      const { decision, knowledge } = decide(policy, ...rest)
      return { decision: change(decision, policy), knowledge }
    },
})

/** Says something else of goals. */
export const byGoals = (change: (goal: GoalDecision) => Partial<GoalDecision>): Bug =>
  afterwards((decision) => ({ ...decision, goals: decision.goals.map((goal) => ({ ...goal, ...change(goal) })) }))

/** Has other readings than the source told. */
export const byReadings = (change: (readings: readonly MetricReading[]) => readonly MetricReading[]): Bug => ({
  metrics: (metrics) => ({
    start: (metric) => metrics.start(metric),
    latest: () => change(metrics.latest()),
    close: () => metrics.close(),
  }),
})

/** Each reading is taken for one of whoever is told of after it. */
export const byOneOff = (readings: readonly MetricReading[]): readonly MetricReading[] =>
  readings.map((reading, index) => ({ ...reading, domain: readings[(index + 1) % readings.length]?.domain ?? null }))

/** Places by that rule where it should not. */
export const onCpus = (rule: string, change: (set: string) => string): Bug =>
  afterwards((decision) => ({
    ...decision,
    plan: decision.plan.map((its) => {
      const isIts = its.because.kind === 'placement' && its.because.rule === rule
      return isIts ? { ...its, to: change(`${its.to}`) } : its
    }),
  }))

export const placeOf = ({ node, knob }: Pick<Change, 'node' | 'knob'>) => `${node} ${knob}`

/** As if who has a name were always the same; what is planned goes to whoever has it. */
export function takesNamesForIdentities(decide: Decide): Decide {
  return (policy, seen, ...rest) => {
    const real = new Map(seen.domains.map(({ name, identity }) => [name, identity]))
    const domains = seen.domains.map((its) => ({ ...its, identity: its.name as string as Identity }))
    const { decision, knowledge } = decide(policy, { ...seen, domains }, ...rest)
    const plan = decision.plan.map((change) => {
      return { ...change, identity: change.domain === null ? null : (real.get(change.domain) ?? null) }
    })
    return { decision: { ...decision, plan }, knowledge }
  }
}

/** As if every plan had been carried out, and nobody else ever set anything. */
export function believesItsPlans(decide: Decide): Decide {
  const believed = new Map<string, Record<string, Setting>>()
  return (policy, seen, known: Knowledge, ...rest) => {
    const blind = (its: DomainObservation) => ({ ...its, settings: { ...its.settings, ...believed.get(its.identity) } })
    const weightOf = new Map(seen.domains.map(({ node, identity }) => [node, believed.get(identity)?.['cpu.weight']]))
    const nodes = seen.nodes.map((node) => ({ ...node, weight: Number(weightOf.get(node.id) ?? node.weight) }))
    const decided = decide(policy, { ...seen, nodes, domains: seen.domains.map(blind), outcomes: [] }, known, ...rest)
    for (const { identity, knob, to } of decided.decision.plan) {
      if (identity !== null) believed.set(identity, { ...believed.get(identity), [knob]: to })
    }
    return decided
  }
}

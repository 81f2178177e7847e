import type { Decide } from '#core/decide.ts'
import type { Change, Decision, GoalDecision } from '#core/model/decision.ts'
import type { Identity } from '#core/model/ids.ts'
import type { Knowledge } from '#core/model/knowledge.ts'
import type { DomainObservation, MetricReading, Observation, Setting } from '#core/model/observation.ts'
import type { DomainPolicy, HostPolicy, Policy, Share } from '#core/model/policy.ts'
import { MEMORY } from '#core/model/resource.ts'
import { Originals } from '#daemon/originals.ts'
import type { Bug } from './play.ts'

/** A fault planted in Reeve, and the property by which it has to be found. */
export interface PlantedBug extends Bug {
  readonly property: string
  /** The seed at which looking for it begins; 1 where not stated. */
  readonly from?: number
}

/** Decides by another policy than the one in force. */
function byPolicy(change: (policy: Policy) => Policy): Bug {
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

const byHost = (change: Partial<HostPolicy>): Bug =>
  byPolicy((policy) => ({ ...policy, host: { ...policy.host, ...change } }))

const byDomains = (change: (domain: DomainPolicy) => Partial<DomainPolicy>): Bug =>
  byPolicy((policy) => ({ ...policy, domains: policy.domains.map((its) => ({ ...its, ...change(its) })) }))

const byShares = (change: Partial<Share>): Bug =>
  byDomains(({ shares }) => ({
    shares: Object.fromEntries(Object.entries(shares).map(([key, share]) => [key, { ...share, ...change }])),
  }))

/** Decides by another observation than the one on record. */
const byObservation = (change: (seen: Observation) => Observation): Bug => ({
  decide:
    (decide) =>
    (policy, seen, ...rest) =>
      decide(policy, change(seen), ...rest),
})

/** As if every forecast had always been right. */
function trusted(forecast: Knowledge['forecast']): Knowledge['forecast'] {
  const each = <Its, Result>(all: Readonly<Record<string, Its>>, change: (its: Its) => Result) =>
    Object.fromEntries(Object.entries(all).map(([key, its]) => [key, change(its)]))
  const profiles = each(forecast.profiles, (ofDomain) =>
    each(ofDomain, (profile) => ({ ...profile, after: each(profile.after, (its) => ({ ...its, skill: 1 })) })),
  )
  return { ...forecast, profiles }
}

/** Changes what was decided. */
const afterwards = (change: (decision: Decision, policy: Policy) => Decision): Bug => ({
  decide:
    (decide) =>
    (policy, ...rest) => {
      const { decision, knowledge } = decide(policy, ...rest)
      return { decision: change(decision, policy), knowledge }
    },
})

/** Says something else of goals. */
const byGoals = (change: (goal: GoalDecision) => Partial<GoalDecision>): Bug =>
  afterwards((decision) => ({ ...decision, goals: decision.goals.map((goal) => ({ ...goal, ...change(goal) })) }))

/** Has other readings than the source told. */
const byReadings = (change: (readings: readonly MetricReading[]) => readonly MetricReading[]): Bug => ({
  metrics: (metrics) => ({
    start: (metric) => metrics.start(metric),
    latest: () => change(metrics.latest()),
    close: () => metrics.close(),
  }),
})

/** Each reading is taken for one of whoever is told of after it. */
const byOneOff = (readings: readonly MetricReading[]): readonly MetricReading[] =>
  readings.map((reading, index) => ({ ...reading, domain: readings[(index + 1) % readings.length]?.domain ?? null }))

/** Places by that rule where it should not. */
const onCpus = (rule: string, change: (set: string) => string): Bug =>
  afterwards((decision) => ({
    ...decision,
    plan: decision.plan.map((its) => {
      const isIts = its.because.kind === 'placement' && its.because.rule === rule
      return isIts ? { ...its, to: change(`${its.to}`) } : its
    }),
  }))

const placeOf = ({ node, knob }: Pick<Change, 'node' | 'knob'>) => `${node} ${knob}`

export const BUGS: Readonly<Record<string, PlantedBug>> = {
  growsBeforeItShrinks: {
    property: 'shrinksFirst',
    ...afterwards((decision) => ({ ...decision, plan: decision.plan.toReversed() })),
  },
  growsWithoutItsDonors: {
    property: 'neverOvercommits',
    from: 221,
    ...afterwards((decision) => ({
      ...decision,
      plan: decision.plan.filter(({ direction, from }) => direction !== 'shrink' || from === null),
    })),
  },
  handsOutOneGrainTooMuch: {
    property: 'conserves',
    ...afterwards((decision, policy) => ({
      ...decision,
      resources: decision.resources.map((its) => {
        const grain = policy.resources.find(({ key }) => key === its.resource)?.grain ?? 0
        const first = its.rows.findIndex(({ parent, role }) => parent === null && role === 'managed')
        const more = its.rows.map((row, i) => (i === first ? { ...row, allocation: row.allocation + grain } : row))
        return { ...its, rows: more }
      }),
    })),
  },
  takesPrioritiesTheWrongWay: {
    property: 'asksWhatGoalsNeed',
    ...byPolicy((policy) => {
      const last = Math.max(...policy.goals.map(({ priority }) => priority))
      return { ...policy, goals: policy.goals.map((goal) => ({ ...goal, priority: last + 1 - goal.priority })) }
    }),
  },
  ignoresLimits: { property: 'keepsStartsAndLimits', ...byShares({ limit: null }) },
  writesAboveLimits: { property: 'writesNoMoreThanTheLimit', ...byShares({ limit: null }) },
  grantsNoReservation: { property: 'arbitratesByTheRules', ...byShares({ reservation: null }) },
  lendsWhatIsNotToBeLent: { property: 'arbitratesByTheRules', from: 31, ...byShares({ lend: true }) },
  sharesByAnotherRule: {
    property: 'arbitratesByTheRules',
    from: 28,
    ...byPolicy((policy) => {
      const fairness = policy.host.fairness === 'max-min' ? 'satisfy-most' : 'max-min'
      return { ...policy, host: { ...policy.host, fairness } }
    }),
  },
  servesTheLastFirst: {
    property: 'neverInverts',
    ...afterwards((decision) => ({
      ...decision,
      resources: decision.resources.map((its) => {
        const due = its.rows.map(({ entitlement }) => entitlement).toReversed()
        return { ...its, rows: its.rows.map((row, index) => ({ ...row, entitlement: due[index] as number })) }
      }),
    })),
  },
  stopsItself: {
    property: 'needsNoCorrection',
    ...afterwards((decision) => {
      const violations = [{ rule: 'planted', subject: 'host', message: 'nothing is wrong' }]
      return decision.turn % 10 === 0 ? { ...decision, plan: [], violations } : decision
    }),
  },
  cannotBeDescribed: {
    property: 'describesItself',
    ...afterwards((decision) => ({ ...decision, violations: null as never })),
  },
  ignoresHeadroom: { property: 'dividesNoMoreThanThereIs', ...byHost({ headroom: {} }) },
  dividesWhatIsLost: {
    property: 'dividesNoMoreThanThereIs',
    decide: (decide) => {
      let most: Observation['capacity'] = {}
      return (policy, seen, ...rest) => {
        const cpu = 'cpu' as keyof typeof most
        if ((most[cpu]?.total ?? 0) < (seen.capacity[cpu]?.total ?? 0)) most = seen.capacity
        return decide(policy, { ...seen, capacity: most }, ...rest)
      }
    },
  },
  ignoresCooldown: { property: 'reversesNothingTooSoon', ...byHost({ cooldownMs: 0 }) },
  ignoresThePause: { property: 'plansNothingInQuiet', ...byObservation((seen) => ({ ...seen, paused: false })) },
  actsInQuietWindows: {
    property: 'standsStillInQuiet',
    from: 19,
    ...byObservation((seen) => ({ ...seen, at: { ...seen.at, openWindows: [] } })),
  },
  takesStaleReadingsForFresh: {
    property: 'usesNoStaleReading',
    from: 20,
    ...byObservation((seen) => ({
      ...seen,
      metrics: seen.metrics.map((reading) => ({ ...reading, takenAtMs: seen.at.monotonicMs })),
    })),
  },
  takesReadingsForThoseOfOthers: { property: 'takesReadingsAsTheyAre', ...byReadings(byOneOff) },
  takesReadingsForNew: {
    property: 'takesReadingsAsTheyAre',
    ...byReadings((readings) => readings.map((its) => ({ ...its, takenAtMs: its.takenAtMs + 5000 }))),
  },
  judgesByWhatOthersMeasure: {
    property: 'judgesByItsOwnReading',
    from: 12,
    ...byObservation(({ metrics, ...seen }) => {
      const values = metrics.map((_, index) => metrics.at(index - 1)?.value ?? 0)
      return { ...seen, metrics: metrics.map((its, index) => ({ ...its, value: values[index] ?? 0 })) }
    }),
  },
  countsTwice: {
    property: 'countsWhatIsCounted',
    ...byObservation((seen) => ({
      ...seen,
      domains: seen.domains.map((its) => {
        const doubled = Object.entries(its.counters).map(([name, count]) => [
          name,
          name.startsWith('net.') ? 2 * count : count,
        ])
        return { ...its, counters: Object.fromEntries(doubled) }
      }),
    })),
  },
  asksForMoreThanItMay: {
    property: 'asksForNoMoreThanItMay',
    ...byPolicy((policy) => ({ ...policy, goals: policy.goals.map((goal) => ({ ...goal, upTo: {} })) })),
  },
  hearsWhomThePolicySilences: { property: 'hearsNobodySilenced', from: 29, ...byHost({ without: [] }) },
  believesUnprovenForecasts: {
    property: 'hearsOnlyWhoWasRight',
    decide:
      (decide) =>
      (policy, seen, known, ...rest) =>
        decide(policy, seen, { ...known, forecast: trusted(known.forecast) }, ...rest),
  },
  triesWhatItDoesNotControl: {
    property: 'triesOnlyWhatItControls',
    from: 178,
    ...byDomains(({ controls }) => ({ controls: [...controls, MEMORY] })),
  },
  harmsItsDonors: { property: 'sparesWhomItWouldHarm', from: 68, ...byHost({ without: ['impact'] }) },
  promisesWhatItDoesNotGive: {
    property: 'promisesOnlyWhatItGrants',
    ...byGoals((its) => {
      const { status, because } = its
      const isJudged = status.kind === 'met' || status.kind === 'missed'
      return isJudged ? { promised: { by: because.kind, predicted: status.target } } : {}
    }),
  },
  keepsEveryPromise: {
    property: 'gradesWhatItPromised',
    ...byGoals(({ graded }) => ({ graded: graded === null ? null : { ...graded, isKept: true } })),
  },
  takesASuccessorForTheSame: { property: 'looksBeforeItTouches', decide: takesNamesForIdentities },
  believesWhatItPlanned: { property: 'noticesWhatOthersSet', decide: believesItsPlans },
  believesWhatIsNotThere: { property: 'believesWhatIsSeen', from: 80, decide: believesItsPlans },
  setsAgainWhatOthersSet: {
    property: 'yieldsToOthers',
    ...byPolicy((policy) => ({
      ...policy,
      host: { ...policy.host, drift: 'reassert' },
      domains: policy.domains.map((its) => ({ ...its, drift: null })),
    })),
  },
  managesWhatItOnlyObserves: {
    property: 'touchesOnlyWhatItManages',
    ...byPolicy((policy) => ({
      ...policy,
      host: { ...policy.host, mode: 'manage' },
      domains: policy.domains.map((its) => ({ ...its, mode: null })),
    })),
  },
  movesWhatIsFixed: { property: 'touchesOnlyWhatItManages', ...byDomains(() => ({ role: 'managed' })) },
  decidesByWhatIsNotOnRecord: {
    property: 'decidesTheSameAgain',
    decide: (decide) => {
      let turns = 0
      return (policy, seen, ...rest) => {
        const events = ++turns % 5 === 0 ? [] : ['sale']
        return decide(policy, { ...seen, events, metrics: turns % 7 === 0 ? [] : seen.metrics }, ...rest)
      }
    },
  },
  learnsWhatIsNotOnRecord: {
    property: 'decidesTheSameAgain',
    decide: (decide) => {
      let turns = 0
      return (...asked) => {
        const { decision, knowledge } = decide(...asked)
        // Nothing follows from it in any decision.
        const failures = { ...knowledge.failures, '/ turns': { count: ++turns, retryAtMs: 0 } }
        return { decision, knowledge: { ...knowledge, failures } }
      }
    },
  },
  countsItsTurnsFromTheStart: {
    property: 'countsTurns',
    decide:
      (decide) =>
      (policy, seen, known, ...rest) =>
        decide(policy, seen, { ...known, turn: 0 }, ...rest),
  },
  forgetsNothing: {
    property: 'knowsNoMoreThanThereIs',
    decide:
      (decide) =>
      (policy, seen, known, ...rest) => {
        const { decision, knowledge } = decide(policy, seen, known, ...rest)
        const failures = { ...knowledge.failures, [`/ turn ${decision.turn}`]: { count: 1, retryAtMs: 1e15 } }
        return { decision, knowledge: { ...knowledge, failures } }
      },
  },
  goesOnAfterAFailedStep: {
    property: 'stopsAtAFailedStep',
    from: 75,
    driver: (driver) => ({
      ...driver,
      apply: async (change, signal) => {
        const outcome = await driver.apply(change, signal)
        if (outcome.status !== 'failed') return outcome
        return { status: 'applied', node: change.node, knob: change.knob, to: change.to }
      },
    }),
  },
  writesWhatIsNotPlanned: {
    property: 'carriesOutThePlan',
    driver: (driver) => ({
      ...driver,
      apply: (change, signal) => {
        const { knob, to } = change
        return driver.apply(knob === 'cpu.weight' ? { ...change, to: Number(to) + 1 } : change, signal)
      },
    }),
  },
  recordsAfterwards: {
    property: 'recordsBeforeItActs',
    journal: (journal) => {
      let waiting: Parameters<typeof journal.commit> | null = null
      return {
        ...journal,
        commit: (...args) => {
          if (waiting !== null) journal.commit(...waiting)
          waiting = args
        },
      }
    },
  },
  forgetsOriginals: { property: 'remembersBeforeItTouches', journal: (journal) => ({ ...journal, rememberAll() {} }) },
  releasesAllButOne: {
    property: 'releasesEverything',
    originals: (recorder) => {
      const originals = new Originals(recorder)
      const all = originals.all.bind(originals)
      originals.all = () => all().slice(1)
      return originals
    },
  },
  releasesWhatOthersSet: {
    property: 'releasesOnlyItsOwn',
    from: 8,
    driver: (driver) => {
      const set = new Map<string, Setting>()
      return {
        ...driver,
        apply: (change, signal) => {
          set.set(placeOf(change), change.to)
          return driver.apply(change, signal)
        },
        read: async (node, knob) => {
          const found = await driver.read(node, knob)
          const value = set.get(placeOf({ node, knob }))
          return found === null || value === undefined ? found : { ...found, value }
        },
      }
    },
  },
  placesEverybodyOnTheFirst: { property: 'keepsApart', from: 30, ...onCpus('apart', () => '0') },
  placesByActivityOnOne: {
    property: 'placesWhereThereIsRoom',
    from: 29,
    ...onCpus('activity', (set) => set.slice(0, 1)),
  },
  fallsAsleep: {
    property: 'goesOn',
    clock: (clock) => {
      let turns = 0
      return {
        ...clock,
        sleepUntil: (ms, signal) => (++turns === 40 ? new Promise(() => {}) : clock.sleepUntil(ms, signal)),
      }
    },
  },
}

/** As if who has a name were always the same; what is planned goes to whoever has it. */
function takesNamesForIdentities(decide: Decide): Decide {
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
function believesItsPlans(decide: Decide): Decide {
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

import type { Observation, Setting } from '#core/model/observation.ts'
import { MEMORY } from '#core/model/resource.ts'
import { Originals } from '#daemon/originals.ts'
import {
  afterwards,
  believesItsPlans,
  byDomains,
  byGoals,
  byHost,
  byObservation,
  byOneOff,
  byPolicy,
  byReadings,
  byShares,
  onCpus,
  placeOf,
  takesNamesForIdentities,
  trusted,
} from './planting.ts'
import type { Bug } from './play.ts'

/** A fault planted in Reeve, and the property by which it has to be found. */
export interface PlantedBug extends Bug {
  readonly property: string
  /** The seed at which looking for it begins; 1 where not stated. */
  readonly from?: number
}

export const BUGS: Readonly<Record<string, PlantedBug>> = {
  growsBeforeItShrinks: {
    property: 'shrinksFirst',
    ...afterwards((decision) => ({ ...decision, plan: decision.plan.toReversed() })),
  },
  growsWithoutItsDonors: {
    property: 'neverOvercommits',
    from: 51,
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
  asksForNoNumber: {
    property: 'countsInNumbers',
    ...byGoals(({ need }) => ({ need: Object.fromEntries(Object.keys(need).map((key) => [key, Number.NaN])) })),
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
  grantsMoreThanOthersLetItHave: {
    property: 'arbitratesByTheRules',
    from: 61,
    ...byObservation((seen) => ({
      ...seen,
      domains: seen.domains.map(({ settings: { 'cpu.quota': _, ...settings }, ...its }) => ({ ...its, settings })),
    })),
  },
  grantsMoreThanPinsAllow: {
    property: 'arbitratesByTheRules',
    ...byDomains(({ placement }) => ({ placement: { ...placement, pin: null } })),
  },
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
  forgetsWhatANewPolicyTurnsNoMore: {
    property: 'putsBackWhatItTurnsNoMore',
    originals: (recorder) => {
      const originals = new Originals(recorder)
      const all = originals.all.bind(originals)
      originals.all = () => all().filter(({ knob }) => knob === 'cpu.weight')
      return originals
    },
  },
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

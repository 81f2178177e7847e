import type {
  ExplainQuery,
  Explanation,
  GoalView,
  History,
  HistoryEntry,
  HistoryQuery,
  PlanReport,
} from '#api/contract.ts'
import type { Change, GoalDecision, Outcome } from '#core/model/decision.ts'
import type { DomainName } from '#core/model/ids.ts'
import type { Policy } from '#core/model/policy.ts'
import type { TurnRecord } from '#ports.ts'
import type { JournalReader } from './journal/reader.ts'
import { decideTurnAgain, recordedPolicy } from './replay/again.ts'
import { shownRows } from './shown-rows.ts'

/** What the journal tells, shaped for showing. The daemon and a command line without a daemon use the same. */

/** A question that the record has no answer to; the message says what there is instead. */
export class NotOnRecord extends Error {
  override readonly name = 'NotOnRecord'
}

/** Explains a turn (the last where none is named), whole or for one domain. */
export function explain(journal: JournalReader, { domain, turn }: ExplainQuery): Explanation {
  const last = journal.lastTurn()
  if (last === 0) throw new NotOnRecord('no turn is on record yet')
  const record = journal.turn(turn ?? last)
  if (record === null) {
    throw new NotOnRecord(`turn ${turn} is not on record; turns ${journal.firstTurn()} to ${last} are`)
  }
  const { decision, observation } = record
  const again = decideTurnAgain(journal, record.turn)
  const policy = recordedPolicy(journal, record.policyHash)
  const isMeant = (name: string | null) => domain === undefined || name === domain
  const rows = rowsOf(record, policy).filter(({ row }) => isMeant(row.domain))
  const goals = goalViews((again?.isSame ? again.thorough : decision).goals, policy).filter((goal) =>
    isMeant(goal.domain),
  )
  if (domain !== undefined) mustHave(record, policy, domain)
  return {
    turn: record.turn,
    utcMs: observation.at.utcMs,
    host: observation.host,
    policyHash: record.policyHash,
    domain: domain ?? null,
    verdict: decision.verdict,
    violations: [...decision.violations],
    drift: decision.drift.filter((its) => isMeant(its.domain)),
    lacks: lacksOf(record).filter((its) => isMeant(its.domain)),
    decidedAgain: again?.isSame ?? null,
    restrained: again?.isSame
      ? [...again.restrained].flatMap(([its, quota]) => (isMeant(its) ? [{ domain: its, quota }] : []))
      : [],
    goals,
    readings: observation.metrics.filter((reading) => reading.domain === null || isMeant(reading.domain)),
    amounts: rows,
    changes: withOutcomes(decision.plan, journal.outcomesOf(record.turn)).filter(({ change }) =>
      isMeant(change.domain),
    ),
    lastChangedTurn: domain === undefined ? null : lastChange(journal, domain, record.turn),
  }
}

function lacksOf({ observation }: TurnRecord): Explanation['lacks'] {
  return observation.domains.flatMap(({ name, lacks = {} }) =>
    Object.entries(lacks).map(([knob, reason]) => ({ domain: name, knob, reason })),
  )
}

/** @throws {NotOnRecord} with the domains that there are, where the turn knows nothing of this one. */
function mustHave(record: TurnRecord, policy: Policy, domain: string): void {
  const known = new Set(rowsOf(record, policy).map(({ row }): string => row.domain))
  if (known.has(domain) || record.decision.goals.some((goal) => goal.domain === domain)) return
  const names = known.size === 0 ? 'none' : [...known].join(', ')
  if (policy.domains.some(({ name }) => name === domain)) {
    throw new NotOnRecord(`'${domain}' of the policy did not run in turn ${record.turn}; those that did: ${names}`)
  }
  throw new NotOnRecord(`turn ${record.turn} has no domain '${domain}'; it has ${names}`)
}

/** What an older version has not decided. */
const OLDER = { cut: {}, forecasts: [], promised: null, graded: null, record: null }

/** Goals with what they aim at, which a decision does not repeat. */
export function goalViews(goals: readonly GoalDecision[], policy: Policy): GoalView[] {
  const aims = new Map(policy.goals.map(({ id, aim }) => [id, aim]))
  const units = new Map(policy.metrics.map(({ name, unit }) => [name, unit]))
  return goals.map((goal) => {
    const aim = aims.get(goal.goal) ?? null
    return {
      ...OLDER,
      ...goal,
      aim,
      unit: aim !== null && 'metric' in aim ? (units.get(aim.metric) ?? '') : '',
    }
  })
}

function lastChange(journal: JournalReader, domain: string, before: number): number | null {
  return journal.turnsWithChanges(1, { domain: domain as DomainName, before })[0] ?? null
}

function rowsOf({ decision }: TurnRecord, policy: Policy): Explanation['amounts'] {
  const units = new Map(policy.resources.map(({ key, unit }) => [key, unit]))
  return shownRows(decision).map(({ of: { resource, capacity, classes }, row, isAdvice }) => ({
    resource,
    unit: units.get(resource) ?? 'count',
    row,
    capacity,
    classes: [...classes],
    advice: isAdvice,
  }))
}

/** Outcomes stand in the order of their plan; there are none where the turn's end was not recorded. */
function withOutcomes(plan: readonly Change[], outcomes: readonly Outcome[]): HistoryEntry['changes'] {
  return plan.map((change, i) => ({ change, outcome: outcomes[i] ?? null }))
}

/** The newest turns first. */
export function history(journal: JournalReader, { domain, count, all }: HistoryQuery): History {
  const last = journal.lastTurn()
  const records = all
    ? journal.turns(Math.max(1, last - count + 1), last).toReversed()
    : journal
        .turnsWithChanges(count, domain === undefined ? {} : { domain: domain as DomainName })
        .map((turn) => journal.turn(turn) as TurnRecord)
  if (domain !== undefined) mustBeKnown(journal, domain)
  return {
    turns: records.map(({ turn, observation, decision }) => ({
      turn,
      utcMs: observation.at.utcMs,
      verdict: decision.verdict,
      changes: withOutcomes(decision.plan, journal.outcomesOf(turn)).filter(
        ({ change }) => domain === undefined || change.domain === domain,
      ),
    })),
  }
}

/** A domain that has gone by now is known by what was changed of it. */
function mustBeKnown(journal: JournalReader, domain: string): void {
  if (journal.turnsWithChanges(1, { domain: domain as DomainName }).length > 0) return
  const record = journal.turn(journal.lastTurn())
  if (record !== null) mustHave(record, recordedPolicy(journal, record.policyHash), domain)
}

/** What the last turn on record would do, or did. */
export function lastPlan(journal: JournalReader): PlanReport {
  const record = journal.turn(journal.lastTurn())
  if (record === null) throw new NotOnRecord('no turn is on record yet')
  const { turn, decision } = record
  return {
    kind: 'last-turn',
    turn,
    verdict: decision.verdict,
    plan: [...decision.plan],
    advice: [...(decision.advice?.plan ?? [])],
  }
}

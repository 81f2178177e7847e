import type { ForecastDecision, Graded } from '#core/model/decision.ts'
import type { DomainName, GoalId } from '#core/model/ids.ts'
import type { Aim } from '#core/model/policy.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { TurnRecord } from '#ports.ts'
import type { JournalReader } from './journal/reader.ts'
import { recordedPolicies } from './replay/again.ts'
import type { Period } from './replay/period.ts'
import type { Span, Unusable } from './replay/report.ts'
import { SpanOf } from './replay/span.ts'
import { goalViews, NotOnRecord } from './views.ts'

/** What was promised and what came, as `reeve history --grades --json` prints it. */
export interface GradesReport {
  readonly span: Span | null
  /** By domain, goal and estimator, in the order in which they were first graded. */
  readonly estimators: readonly EstimatorGrades[]
  /** The last changes that were graded, newest first. */
  readonly last: readonly GradedChange[]
  /** As they stood in the last turn of the period; what they scored counts from when each began to learn. */
  readonly forecasts: readonly ForecastGrades[]
  /** Stretches of the journal that cannot be read; they are left out. */
  readonly unusable: readonly Unusable[]
}

interface OfGoal {
  readonly domain: DomainName
  readonly goal: GoalId
}

export interface EstimatorGrades extends OfGoal {
  readonly by: Graded['by']
  readonly made: number
  readonly kept: number
  readonly broken: number
  /** Mean of the parts by which what came was worse than promised. */
  readonly off: number
}

export interface GradedChange extends OfGoal, Graded {
  /** When it was graded; `turn` is that of the change. */
  readonly utcMs: number
  readonly aim: Aim | null
  readonly unit: string
}

export interface ForecastGrades extends OfGoal, ForecastDecision {}

/**
 * Reads what was graded in a period, of one domain where it is named. One segment is in memory at a time; one that
 * cannot be read is left out and told.
 *
 * @throws {NotOnRecord} where no goal names that domain.
 */
export function gradesOf(
  journal: JournalReader,
  { from, to }: Period,
  { domain, count }: { readonly domain?: string | undefined; readonly count: number },
): GradesReport {
  const span = new SpanOf()
  const policies = recordedPolicies(journal)
  const estimators = new Map<string, EstimatorGrades>()
  const changes: GradedChange[] = []
  let isNamed = false
  let forecasts: readonly ForecastGrades[] = []
  const unusable: Unusable[] = []
  const read = (record: TurnRecord): void => {
    const goals = record.decision.goals.filter((goal) => domain === undefined || goal.domain === domain)
    // A turn of an older version has none of all this.
    if (goals.some(({ graded = null }) => graded !== null)) {
      changes.push(...gradedIn({ ...record, decision: { ...record.decision, goals } }, policies(record.policyHash)))
      if (changes.length > 2 * count) changes.splice(0, changes.length - count)
    }
    span.add(record)
    isNamed ||= goals.length > 0
    for (const { domain, goal, graded = null } of goals) if (graded !== null) add(estimators, { domain, goal }, graded)
    forecasts = goals.flatMap(({ domain, goal, forecasts = [] }) => forecasts.map((its) => ({ domain, goal, ...its })))
  }
  for (const checkpoint of journal.checkpoints(from, to)) {
    try {
      for (const record of journal.segment(checkpoint, to)) if (record.turn >= from) read(record)
    } catch (error) {
      unusable.push({ kind: 'unusable', turn: checkpoint, message: reasonOf(error) })
    }
  }
  if (domain !== undefined && !isNamed && unusable.length === 0)
    throw new NotOnRecord(`no goal names a domain '${domain}' in that time`)
  return {
    span: span.span,
    estimators: [...estimators.values()],
    last: changes.slice(-count).reverse(),
    forecasts,
    unusable,
  }
}

function gradedIn({ observation, decision }: TurnRecord, policy: Parameters<typeof goalViews>[1]): GradedChange[] {
  return goalViews(decision.goals, policy).flatMap(({ domain, goal, graded, aim, unit }) =>
    graded === null ? [] : [{ domain, goal, ...graded, utcMs: observation.at.utcMs, aim, unit }],
  )
}

function add(estimators: Map<string, EstimatorGrades>, { domain, goal }: OfGoal, { by, off, isKept }: Graded): void {
  const key = JSON.stringify([domain, goal, by])
  const before = estimators.get(key) ?? { domain, goal, by, made: 0, kept: 0, broken: 0, off: 0 }
  const made = before.made + 1
  estimators.set(key, {
    ...before,
    made,
    kept: before.kept + (isKept ? 1 : 0),
    broken: before.broken + (isKept ? 0 : 1),
    off: before.off + (off - before.off) / made,
  })
}

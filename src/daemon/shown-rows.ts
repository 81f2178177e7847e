import type { AmountDecision, Decision, ResourceDecision } from '#core/model/decision.ts'

/** One domain's row of one resource. */
export interface ShownRow {
  readonly of: ResourceDecision
  readonly row: AmountDecision
  /** True where it was decided for show only. */
  readonly isAdvice: boolean
}

/** What was decided for every domain and resource: for show only where the domain is not managed. */
export function shownRows({ resources, advice }: Decision): ShownRow[] {
  const decided = rowsOf(resources, false)
  if (advice === null) return decided
  const standing = decided.filter(({ row }) => row.role !== 'advised')
  const names = new Set(standing.map(nameOf))
  return [...standing, ...rowsOf(advice.resources, true).filter((its) => !names.has(nameOf(its)))]
}

function rowsOf(all: readonly ResourceDecision[], isAdvice: boolean): ShownRow[] {
  return all.flatMap((of) => of.rows.map((row) => ({ of, row, isAdvice })))
}

const nameOf = ({ of, row }: ShownRow): string => `${of.resource} ${row.domain}`

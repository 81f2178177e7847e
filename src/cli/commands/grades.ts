import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { type PeriodOptions, writtenPeriod } from '#cli/period.ts'
import { renderGrades } from '#cli/render/grades.ts'
import { readingJournal } from '#cli/without-daemon.ts'
import { gradesOf } from '#daemon/grades.ts'
import { periodOf } from '#daemon/replay/period.ts'

export interface GradesOptions extends CommonOptions, PeriodOptions {
  readonly count: number
}

const SINCE = '1d'

/** The command `reeve history --grades [DOMAIN]`, always from the journal itself: a daemon has turns to make. */
export async function gradesCommand(domain: string | undefined, options: GradesOptions): Promise<void> {
  const { since = SINCE, until, count } = options
  const written = writtenPeriod({ since, ...(until === undefined ? {} : { until }) }, Date.now())
  const report = await readingJournal(options, 'there is no journal', (journal) =>
    gradesOf(journal, periodOf(journal, written), { domain, count }),
  )
  print(report, renderGrades, options)
}

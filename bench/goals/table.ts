import type { BenchResult } from '../result.ts'
import type { Family } from './acts.ts'
import { CHANGE_OVER_SECONDS, REACTION_SECONDS } from './measure.ts'
import type { Spread, Summary } from './summary.ts'

/** What was measured of one family, by one call on one machine. */
export interface Report {
  readonly family: Family
  readonly measuredAt: string
  readonly machine: string
  /** The committed trees of src and bench that were measured; null where they were changed. */
  readonly code: string | null
  readonly runs: number
  /** Of one act. */
  readonly seconds: number
  /** The best static weights, as shop:api:search:job; null where they did not play. */
  readonly weights: string | null
  readonly summaries: readonly Summary[]
  readonly targets: readonly BenchResult[]
}

const TITLES: Readonly<Record<Family, string>> = {
  I: 'Family I: loads that static weights can serve',
  II: 'Family II: loads that no static setting can serve',
}

/** What each of them is. */
const CONTENDERS = [
  '- `static`: weights that never move, the best that a search finds: 12 vectors for 30 s each, the best three in full.',
  '  It plays each once, so where several serve alike chance chooses; `map` is another one, 16:16:8:1, until goals swap.',
  '- `kernel`: equal weights, nobody manages. `map`: a weight for each priority, set anew when goals are.',
  '- `parties`: as PARTIES does it, one resource at a time, every 500 ms: up where slack is under 5 %, down above 20 %.',
  '- `proportional`: as HP WLM does it, by a part of how far each goal is missed.',
  '- `reeve`, `reeve-250ms`: Reeve at an interval of 1 s and of 250 ms; `reeve-without-X`: at 1 s, without an estimator.',
]

/** The whole as Markdown. */
export function pageOf(reports: readonly Report[]): string {
  return [
    '# Goals under contention',
    '',
    'Made by `npm run bench:goals`.',
    '',
    'Real processes: services with goals of priorities 1, 1 and 2, and two batch jobs. In each run all contenders play, in',
    'another order each time. Medians over the runs, with the least and the most behind them.',
    'The load generator alone measures, open-loop, in windows of one second. Not counted are the first',
    `${CHANGE_OVER_SECONDS} s of an act; "held" leaves out the ${REACTION_SECONDS} s behind a step, which the column of reactions is about, and`,
    '"with steps" counts them. Goals that cannot all be met count in the table of acts only. The steady act is longer, and',
    'changes in steady load are those of its last two thirds, of the domain with the most of them.',
    '',
    ...CONTENDERS,
    '',
    ...reports.flatMap(familyOf),
  ].join('\n')
}

function familyOf(report: Report): string[] {
  const { family, summaries: its, weights, code, runs, seconds } = report
  const acts = its[0]?.acts.map(({ act }) => act) ?? []
  return [
    `## ${TITLES[family]}`,
    '',
    `${report.measuredAt.slice(0, 10)}, ${report.machine}, ${code === null ? 'code that is not committed' : `code of the trees ${code}`}; ${runs} runs, ${seconds} s an act.`,
    ...(weights === null ? [] : [`\`static\` has the weights ${weights} (shop:api:search:job).`]),
    '',
    '| contender | priority 1 held, % | priority 2 held, % | with steps, 1 / 2 | batch work, k/s | changes a minute | in steady load | reaction, s | own CPU, % | stolen, CPU s |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...its.map((one) =>
      row([
        one.contender,
        percent(one.held[1]),
        percent(one.held[2]),
        `${hundredths(one.heldAll[1].median)} / ${hundredths(one.heldAll[2].median)}`,
        spread(one.workPerSecond, (value) => (value / 1000).toFixed(1)),
        spread(one.changes, (value) => value.toFixed(0)),
        one.changesSteady === null ? '' : spread(one.changesSteady, (value) => value.toFixed(0)),
        spread(one.reaction, (value) => (Number.isFinite(value) ? value.toFixed(0) : 'never')),
        spread(one.ownCpu, (value) => (value * 100).toFixed(1)),
        spread(one.stolenCpuSeconds, (value) => value.toFixed(1)),
      ]),
    ),
    '',
    'Held in each act, priority 1 / priority 2, %:',
    '',
    row(['contender', ...acts]),
    row(['---', ...acts.map(() => '---')]),
    ...its.map((one) =>
      row([
        one.contender,
        ...one.acts.map(({ held }) => `${hundredths(held[1].median)} / ${hundredths(held[2].median)}`),
      ]),
    ),
    '',
    `The generator waited ${spread(worstWait(its), (value) => value.toFixed(2))} ms for a CPU each time it wanted one, under the contender with the longest waits.`,
    '',
    '| what | measured | target | | |',
    '|---|---|---|---|---|',
    ...report.targets.map(targetRow),
    '',
  ]
}

const worstWait = (summaries: readonly Summary[]): Spread =>
  summaries
    .map(({ generatorWaitMs }) => generatorWaitMs)
    .reduce((one, other) => (other.median > one.median ? other : one))

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** `92 (88-95)`, or `92` of one run. */
function spread({ median, least, most }: Spread, text: (value: number) => string): string {
  return least === most ? text(median) : `${text(median)} (${text(least)}-${text(most)})`
}

const percent = (its: Spread): string => spread(its, hundredths)
const hundredths = (part: number): string => (Number.isNaN(part) ? '-' : (part * 100).toFixed(0))

function targetRow({ name, median, unit, target, met, note }: BenchResult): string {
  const measured = `${Number.isFinite(median) ? Number(median.toFixed(1)) : 'never'} ${unit}`.trim()
  return row([name, measured, `${target ?? ''} ${unit}`.trim(), met === true ? 'met' : '**missed**', note ?? ''])
}

import type { BenchResult } from '../result.ts'
import type { Family } from './acts.ts'
import { REEVE, REEVE_FAST, type Summary } from './summary.ts'

/** The targets of this bench, and whether they were met: what was asked for of Reeve against the other contenders. */

const BELOW_BEST_MOST = 2
const WORK_LEAST = 95
const FIRST_LEAST = 95
const SECOND_LEAD_LEAST = 10
const INTERVALS_MOST = 3
const CHANGES_MOST = 4

export function targetsOf(family: Family, summaries: readonly Summary[]): BenchResult[] {
  return family === 'I' ? targetsOfFirst(summaries) : targetsOfSecond(summaries)
}

/** Where weights alone can serve: as good as the best of them. */
function targetsOfFirst(summaries: readonly Summary[]): BenchResult[] {
  const reeve = summaries.find(({ contender }) => contender === REEVE)
  if (reeve === undefined) return []
  const best = summaries.find(({ contender }) => contender === 'static')
  const others = summaries.filter((one) => !one.contender.startsWith(REEVE) && one !== best)
  const results: BenchResult[] = []
  for (const { service, priority, held } of reeve.goals) {
    const its = (one: Summary) => one.goals.find((goal) => goal.service === service && goal.priority === priority)?.held
    if (best !== undefined) {
      const points = 100 * ((its(best)?.median ?? 0) - held.median)
      results.push({
        name: `I: ${service}, points below the best static weights`,
        median: points,
        unit: 'points',
        target: BELOW_BEST_MOST,
        met: points <= BELOW_BEST_MOST,
      })
    }
    const above = others.filter((one) => (its(one)?.least ?? 0) > held.most)
    results.push({
      name: `I: ${service}, contenders that are better beyond the spread`,
      median: above.length,
      unit: '',
      target: 0,
      met: above.length === 0,
      note: above.map(({ contender }) => contender).join(', '),
    })
  }
  if (best !== undefined) {
    const part = (100 * reeve.workPerSecond.median) / best.workPerSecond.median
    results.push({
      name: 'I: batch work, of that under the best static weights',
      median: part,
      unit: '%',
      target: WORK_LEAST,
      met: part >= WORK_LEAST,
    })
  }
  const fast = summaries.find(({ contender }) => contender === REEVE_FAST)
  return [
    ...results,
    changesOf('changes of a domain a minute in steady load', reeve),
    ...(fast === undefined ? [] : [changesOf('the same at an interval of 250 ms', fast)]),
    reactionOf(reeve),
  ]
}

/** Where no static setting can serve: better than all others. */
function targetsOfSecond(summaries: readonly Summary[]): BenchResult[] {
  const reeve = summaries.find(({ contender }) => contender === REEVE)
  if (reeve === undefined) return []
  const first = reeve.held[1].median * 100
  const others = summaries.filter(({ contender }) => !contender.startsWith(REEVE))
  const results: BenchResult[] = [
    { name: 'II: priority 1 held', median: first, unit: '%', target: FIRST_LEAST, met: first >= FIRST_LEAST },
  ]
  for (const other of others) {
    const lead = 100 * (reeve.held[2].median - other.held[2].median)
    const otherFirst = 100 * other.held[1].median
    results.push({
      name: `II: priority 2, points above ${other.contender}`,
      median: lead,
      unit: 'points',
      target: SECOND_LEAD_LEAST,
      met: lead >= SECOND_LEAD_LEAST,
      note: `priority 1 held ${otherFirst.toFixed(0)} % there, ${first.toFixed(0)} % here`,
    })
  }
  return [...results, reactionOf(reeve)]
}

function changesOf(name: string, { changesSteady }: Summary): BenchResult {
  const changes = changesSteady?.median ?? Number.NaN
  return { name: `I: ${name}`, median: changes, unit: '', target: CHANGES_MOST, met: changes < CHANGES_MOST }
}

function reactionOf(reeve: Summary): BenchResult {
  return {
    name: `${reeve.family}: from a step to the goal holding again, at an interval of 1 s`,
    median: reeve.reaction.median,
    unit: 's',
    target: INTERVALS_MOST,
    met: reeve.reaction.median <= INTERVALS_MOST,
  }
}

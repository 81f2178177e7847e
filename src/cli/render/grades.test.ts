import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ForecastDecision } from '#core/model/decision.ts'
import type { DomainName, GoalId } from '#core/model/ids.ts'
import { CPU } from '#core/model/resource.ts'
import { forecastText, renderGrades } from './grades.ts'

const forecast: ForecastDecision = {
  resource: CPU,
  by: { kind: 'season', of: 'days' },
  predicted: 1076,
  raisedFrom: 200,
  silent: null,
  skill: 0.75,
  scored: 2,
  right: 2,
}
const cores = (value: number) => `${value / 1000} cores`

describe('forecastText', () => {
  for (const [its, text] of [
    [
      forecast,
      'Going by the time of day, the coming minute is thought to need 1.076 cores: so the need is raised from 0.2 cores; of 2 rises that it told, 2 came.',
    ],
    [
      { ...forecast, by: { kind: 'season', of: 'weekday' }, predicted: null, raisedFrom: null },
      'Going by the time of this weekday, the coming minute is thought to need no more than now: it has its say; of 2 rises that it told, 2 came.',
    ],
    [
      {
        ...forecast,
        by: { kind: 'after', what: 'start', name: 'import' },
        raisedFrom: null,
        silent: 'erred',
        right: 1,
      },
      'Going by what follows the start of import, the coming minute is thought to need 1.076 cores: it has no say, as it has erred; of 2 rises that it told, 1 came.',
    ],
    [
      {
        ...forecast,
        by: { kind: 'after', what: 'event', name: 'sale' },
        raisedFrom: null,
        silent: 'unproven',
        scored: 0,
        right: 0,
      },
      'Going by what follows the event sale, the coming minute is thought to need 1.076 cores: it has no say, as it was not right often enough yet.',
    ],
    [
      { ...forecast, raisedFrom: null, silent: 'policy' },
      'Going by the time of day, the coming minute is thought to need 1.076 cores: it has no say, as the policy silences it; of 2 rises that it told, 2 came.',
    ],
  ] satisfies [ForecastDecision, string][]) {
    it(text.slice(0, 60), () => assert.equal(forecastText(its, cores), text))
  }
})

describe('renderGrades', () => {
  const of = { domain: 'shop' as DomainName, goal: 'quick' as GoalId }
  const span = { firstTurn: 1, lastTurn: 90, fromUtcMs: 0, toUtcMs: 89_000 }

  it('tells promises by estimator, the last of them, and forecasts', () => {
    const graded = { by: 'feedback', predicted: 200, turn: 41, came: 260, off: 0.3, isKept: false } as const
    const aim = { kind: 'performance', metric: 'p95', direction: 'below', target: 200 } as const
    const text = renderGrades({
      span,
      estimators: [{ ...of, by: 'feedback', made: 3, kept: 2, broken: 1, off: 0.1 }],
      last: [{ ...of, ...graded, utcMs: 71_000, aim, unit: 'ms' }],
      forecasts: [{ ...of, ...forecast }],
      unusable: [{ kind: 'unusable', turn: 26, message: 'it is damaged there' }],
    })
    for (const line of [
      /^Turns 1 to 90, 1970-01-01 00:00:00 UTC to 1970-01-01 00:01:29 UTC$/m,
      /^1 segment cannot be read, the first from turn 26 on: it is damaged there$/m,
      /^shop +quick +feedback +3 +2 +1 +10 %$/m,
      /^turn 41, graded 1970-01-01 00:01:11 UTC +shop, quick: 200 ms promised by feedback, 260 ms came: broken, worse by 30 %$/m,
      /^shop +quick +cpu +the time of day +2 +2 +0\.75 +yes$/m,
    ])
      assert.match(text, line)
  })

  it('says so where nothing was graded, or nothing is on record', () => {
    const none = { estimators: [], last: [], forecasts: [], unusable: [] }
    assert.match(renderGrades({ span, ...none }), /No change .* was graded yet/)
    assert.match(renderGrades({ span: null, ...none }), /No turn is on record/)
  })
})

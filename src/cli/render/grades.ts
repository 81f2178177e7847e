import type { ForecastDecision, ForecastKind } from '#core/model/decision.ts'
import type { EstimateReason } from '#core/model/estimate-reason.ts'
import type { GradedChange, GradesReport } from '#daemon/grades.ts'
import { standingValue } from './reasons.ts'
import { spanText } from './replay.ts'
import { attention, bold, dim, good } from './style.ts'
import { table } from './table.ts'
import { counted, percent, short, time } from './units.ts'

/** What was promised, what came, and how well forecasts do. */
export function renderGrades({ span, estimators, last, forecasts, unusable }: GradesReport): string {
  const [first] = unusable
  if (span === null && first === undefined) return 'No turn is on record there.'
  return [
    ...(span === null ? [] : [bold(spanText(span))]),
    ...(first === undefined
      ? []
      : [
          attention(
            `${counted(unusable.length, 'segment')} cannot be read, the first from turn ${first.turn} on: ${first.message}`,
          ),
        ]),
    '',
    ...(estimators.length === 0
      ? ['No change that was made for a goal was graded yet: that takes 30 s from the change on.']
      : [
          table([
            ['DOMAIN', 'GOAL', 'ESTIMATOR', 'PROMISED', 'KEPT', 'BROKEN', 'WORSE BY'],
            ...estimators.map(({ domain, goal, by, made, kept, broken, off }) => [
              domain,
              goal,
              estimatorName(by) ?? by,
              String(made),
              String(kept),
              broken === 0 ? '0' : attention(String(broken)),
              percent(off),
            ]),
          ]),
          '',
          bold('The last of them'),
          ...last.map(changeText),
        ]),
    ...(forecasts.length === 0 ? [] : ['', bold('Forecasts'), forecastTable(forecasts)]),
  ].join('\n')
}

function changeText({ domain, goal, by, predicted, came, turn, utcMs, isKept, off, aim, unit }: GradedChange): string {
  const of = (value: number) => standingValue(value, aim, unit)
  const verdict = isKept ? good('kept') : attention(`broken, worse by ${percent(off)}`)
  return `turn ${turn}, graded ${time(utcMs)}  ${domain}, ${goal}: ${of(predicted)} promised by ${estimatorName(by) ?? by}, ${of(came)} came: ${verdict}`
}

function forecastTable(forecasts: GradesReport['forecasts']): string {
  return table([
    ['DOMAIN', 'GOAL', 'RESOURCE', 'FORECAST', 'SCORED', 'RIGHT', 'SKILL', 'SAY'],
    ...forecasts.map(({ domain, goal, resource, by, scored, right, skill, silent }) => [
      domain,
      goal,
      resource,
      forecastName(by),
      String(scored),
      String(right),
      short(skill),
      silent === null ? good('yes') : dim(`no: ${SILENT[silent]}`),
    ]),
  ])
}

/** What an estimator goes by whose reason has this kind; null where it goes by nothing new. */
export function estimatorName(kind: EstimateReason['kind']): string | null {
  return NAMES[kind] ?? null
}

const NAMES: Partial<Record<EstimateReason['kind'], string>> = {
  utilization: 'its use',
  'work-cost': 'the cost of its work',
  feedback: 'feedback',
  arrivals: 'what arrives',
  queue: 'a model of its queue',
}

export function forecastName(by: ForecastKind): string {
  if (by.kind === 'season') return by.of === 'days' ? 'the time of day' : 'the time of this weekday'
  return by.what === 'event' ? `what follows the event ${by.name}` : `what follows the start of ${by.name}`
}

const SILENT = {
  unproven: 'it was not right often enough yet',
  erred: 'it has erred',
  policy: 'the policy silences it',
} as const

/** What a forecast says, whether it counts, and how well it has done. */
export function forecastText(
  { by, predicted, raisedFrom, silent, scored, right }: ForecastDecision,
  of: (value: number) => string,
): string {
  const says = predicted === null ? 'no more than now' : of(predicted)
  const counts =
    silent !== null
      ? `it has no say, as ${SILENT[silent]}`
      : raisedFrom !== null
        ? `so the need is raised from ${of(raisedFrom)}`
        : 'it has its say'
  const done = scored === 0 ? '' : `; of ${counted(scored, 'rise')} that it told, ${right} came`
  return `Going by ${forecastName(by)}, the coming minute is thought to need ${says}: ${counts}${done}.`
}

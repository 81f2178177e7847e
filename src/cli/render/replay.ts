import type {
  AmountComparison,
  Comparison,
  GoalComparison,
  OtherPolicyReport,
  RecordDifference,
  ReplayReport,
  SamePolicyReport,
  SimulatedGoal,
  SimulatedRun,
  Span,
  VerdictName,
} from '#daemon/replay/report.ts'
import { HELD } from './reasons.ts'
import { attention, bad, bold, dim, good } from './style.ts'
import { table } from './table.ts'
import { amount, counted, listed, percent, short, time } from './units.ts'

/** Whether the record comes out again, or what another policy would have made of it. */
export function renderReplay(report: ReplayReport): string {
  const { span, tookMs, turnsPerSecond } = report
  const lines = [
    bold(spanText(span)),
    ...(report.kind === 'same-policy' ? samePolicyLines(report) : otherPolicyLines(report)),
    dim(`It took ${short(tookMs / 1000)} s: ${short(turnsPerSecond)} turns a second.`),
  ]
  return lines.join('\n')
}

export function spanText(span: Span | null): string {
  if (span === null) return 'No turn could be decided again.'
  const { firstTurn, lastTurn, fromUtcMs, toUtcMs } = span
  return `Turns ${firstTurn} to ${lastTurn}, ${time(fromUtcMs)} to ${time(toUtcMs)}`
}

function samePolicyLines(report: SamePolicyReport): string[] {
  const { decider, turns, same, differing, differences, gaps, startedAnew, otherVersions } = report
  const again = `${counted(turns, 'turn')} decided again by ${decider}, the recorded decisions withheld`
  const all = differing.turns + differing.checkpoints + differing.segments
  const lines =
    all === 0
      ? turns === 0
        ? []
        : [good(`${again}: every one came out the same, bit for bit.`)]
      : [
          bad(`${again}: ${same} came out the same, ${differing.turns} did not.`),
          ...(differing.checkpoints === 0
            ? []
            : [bad(`At ${counted(differing.checkpoints, 'checkpoint')} the recorded knowledge is not what follows.`)]),
          ...(differing.segments === 0 ? [] : [bad(`${counted(differing.segments, 'segment')} could not be used.`)]),
          all > differences.length ? `The first ${differences.length}:` : 'They are:',
          ...differences.map((its) => `  ${differenceText(its)}`),
          'Either the record was changed after the fact, or this is a defect in Reeve.',
        ]
  if (gaps > 0) lines.push(attention(`At ${counted(gaps, 'place')} turns are missing from the record.`))
  if (startedAnew > 0)
    lines.push(attention(`Reeve started without what it had learned ${counted(startedAnew, 'time')}.`))
  if (otherVersions === null) return lines
  const { deciders, comparison } = otherVersions
  return [
    ...lines,
    '',
    attention(
      `${counted(comparison.turns, 'turn')} were decided by ${listed(deciders)}, which ${decider} need not decide the ` +
        'same bit for bit. Compared as those of another policy are:',
    ),
    ...comparisonLines(comparison),
  ]
}

function differenceText(difference: RecordDifference): string {
  const { turn } = difference
  switch (difference.kind) {
    case 'decision':
      return `turn ${turn}: ${difference.path} is ${difference.recorded} on record and ${difference.now} now`
    case 'knowledge':
      return (
        `turn ${turn}, known before it: ${difference.path} is ${difference.recorded} on record, and ` +
        `${difference.now} follows from the turns before`
      )
    case 'unusable':
      return `from turn ${turn} on: ${difference.message}`
  }
}

function otherPolicyLines({ policy, comparison, simulated, notOnRecord, gaps, unusable }: OtherPolicyReport): string[] {
  const { domains, metrics, resources } = notOnRecord
  const missing = [
    ...domains.map((name) => `domain ${name}`),
    ...metrics.map((name) => `metric ${name}`),
    ...resources.map((name) => `resource ${name}`),
  ]
  return [
    `${counted(comparison.turns, 'turn')} decided again by ${policy.file} (policy ${policy.hash.slice(0, 12)}).`,
    ...(missing.length === 0 ? [] : [attention(`Nothing is on record of ${listed(missing)}.`)]),
    ...(gaps === 0
      ? []
      : [attention(`At ${counted(gaps, 'place')} turns are missing from the record, and it begins anew.`)]),
    ...(unusable.segments === 0
      ? []
      : [bad(`${counted(unusable.segments, 'segment')} could not be used and are left out:`)]),
    ...unusable.first.map((its) => `  ${differenceText(its)}`),
    ...comparisonLines(comparison, simulated === null ? [] : simulatedLines(simulated)),
  ]
}

function comparisonLines(
  { turns, otherChanges, changes, verdicts, amounts, goals, limit }: Comparison,
  more: readonly string[] = [],
): string[] {
  if (turns === 0) return []
  const { firstTurn } = otherChanges
  const differing =
    firstTurn === null
      ? 'The same changes would have been made in every turn'
      : `Other changes would have been made in ${counted(otherChanges.turns, 'turn')}, first in turn ${firstTurn}`
  return [
    `${differing}: ${counted(changes.was, 'change')} on record, ${changes.now} now.`,
    '',
    table([['TURNS THAT', 'THEN', 'NOW'].map(dim), ...verdicts.map((its) => verdictRow(its))]),
    '',
    table([
      ['DOMAIN', 'RESOURCE', 'ENTITLED', 'NOW', 'ALLOCATED', 'NOW', 'GREATEST DIFFERENCE'].map(dim),
      ...amounts.map(amountRow),
    ]),
    ...(goals.length === 0
      ? []
      : [
          '',
          table([
            ['GOAL', 'DOMAIN', 'MET ON RECORD', 'SHORT', 'NOW', 'ENTITLED', 'NOW'].map(dim),
            ...goals.flatMap(goalRows),
          ]),
        ]),
    ...more,
    '',
    attention(limit),
  ]
}

function verdictRow({ verdict, was, now }: Comparison['verdicts'][number]): string[] {
  return [verdictName(verdict), String(was), String(now)]
}

function verdictName(verdict: VerdictName): string {
  if (verdict === 'changes') return 'changed something'
  if (verdict === 'stopped-by-checker') return bad('were stopped by the checker')
  return `changed nothing: ${HELD[verdict]}`
}

function amountRow({ domain, resource, unit, was, now, greatest }: AmountComparison): string[] {
  const of = (value: number | undefined) => (value === undefined ? '-' : amount(value, unit))
  const difference = greatest === null ? '-' : `${of(greatest.was)} -> ${of(greatest.now)} in turn ${greatest.turn}`
  return [
    domain,
    resource,
    of(was?.entitlement),
    of(now?.entitlement),
    of(was?.allocation),
    of(now?.allocation),
    difference,
  ]
}

/** One row for each resource that the goal needs. */
function goalRows({ goal, domain, recorded, short: turns, entitlements }: GoalComparison): string[][] {
  const known = recorded === null ? 0 : recorded.met + recorded.missed
  const met = recorded === null || known === 0 ? '-' : `${percent(recorded.met / known)} of ${counted(known, 'turn')}`
  const count = (value: number | null) => (value === null ? '-' : String(value))
  const of = (value: number | null, unit: string) => (value === null ? '-' : amount(value, unit))
  const head = [goal, domain, met, count(turns.was), count(turns.now)]
  if (entitlements.length === 0) return [head]
  return entitlements.map(({ resource, unit, was, now }, i) => {
    const lead = i === 0 ? head : ['', '', '', '', '']
    return [...lead, `${of(was, unit)} of ${resource}`, of(now, unit)]
  })
}

/** What was, what the models would have said of that beforehand, and what they say of the other policy. */
function simulatedLines({ goals, uses, unknown }: SimulatedRun): string[] {
  const sum = (of: (goal: SimulatedGoal) => number) => goals.reduce((all, goal) => all + of(goal), 0)
  const inAll = [
    'all goals',
    '',
    partOf({ met: sum(({ recorded }) => recorded.met), missed: sum(({ recorded }) => recorded.missed) }),
    ...['', '', ''],
    partOf({ met: sum(({ now }) => now.met), missed: sum(({ now }) => now.missed) }),
  ]
  return [
    '',
    table([
      ['DOMAIN', 'USED CPU', 'SIMULATED'].map(dim),
      ...uses.map(({ domain, was, now }) => [domain, amount(was, 'millicores'), amount(now, 'millicores')]),
    ]),
    '',
    table([
      ['GOAL', 'DOMAIN', 'MET ON RECORD', 'FORETOLD', 'RIGHT', 'OFF BY', 'SIMULATED', 'INDEX', 'SIMULATED'].map(dim),
      ...goals.map(simulatedRow),
      ...(goals.length > 1 ? [inAll] : []),
    ]),
    'Foretold is what the models would have said of the recorded turns before each was measured: in how many the goal is',
    'met, in how many that was right, and the factor by which they were off. An index above 1 is missed.',
    ...(unknown.length === 0
      ? []
      : [
          attention(
            `Of these nothing is known in some turns, which count as recorded for all others: ${listed(
              unknown.map(({ what, turns }) => `${what} (${counted(turns, 'turn')})`),
            )}.`,
          ),
        ]),
  ]
}

function simulatedRow({ goal, domain, recorded, check, now, index }: SimulatedGoal): string[] {
  const unknown = now.unknown === 0 ? '' : `, ${now.unknown} not known`
  const told =
    check === null
      ? ['-', '-', '-']
      : [percent(check.met / check.turns), percent(check.agreed / check.turns), short(check.off)]
  const of = (value: number | null) => (value === null ? '-' : short(value))
  return [goal, domain, partOf(recorded), ...told, `${partOf(now)}${unknown}`, of(index.was), of(index.now)]
}

function partOf({ met, missed }: SimulatedGoal['recorded']): string {
  return met + missed === 0 ? '-' : `${percent(met / (met + missed))} of ${counted(met + missed, 'turn')}`
}

import type { Explanation, GoalView } from '#api/contract.ts'
import { placeText, upToText } from './classes.ts'
import { estimatorName, forecastText } from './grades.ts'
import {
  aimText,
  becauseText,
  changeReasonText,
  changeText,
  driftText,
  estimateText,
  lackText,
  outcomeText,
  settleText,
  smallestChangeText,
  standingText,
  standingValue,
  verdictText,
} from './reasons.ts'
import { attention, bad, bold, dim, good } from './style.ts'
import { amount, counted, listed, percent, sentence, time } from './units.ts'

type Amount = Explanation['amounts'][number]

/** The chain from the measurement to the change, in sentences: goal, need, class, entitlement, allocation, outcome. */
export function renderExplanation(explanation: Explanation): string {
  const { domain, turn, utcMs, host, verdict, violations, changes } = explanation
  const names = [
    ...new Set([...explanation.amounts.map(({ row }) => row.domain), ...explanation.goals.map((g) => g.domain)]),
  ]
  const lines = [
    bold(`${domain === null ? 'All domains' : domain} in turn ${turn}, ${time(utcMs)}, on ${host}`),
    `The turn as a whole: ${verdictText(verdict)}.`,
    ...violations.map(({ rule, subject, message }) => bad(`Violation of ${rule} by ${subject}: ${message}`)),
    ...explanation.drift.map((its) => attention(`${sentence(driftText(its))}.`)),
    ...explanation.lacks.map(({ domain, knob, reason }) => attention(lackText(domain, knob, reason))),
    ...capacityLines(explanation.amounts),
    ...names.flatMap((name) => ['', bold(name), ...domainLines(explanation, name)]),
    '',
    ...changeLines(changes),
    ...footLines(explanation),
  ]
  return lines.join('\n')
}

function capacityLines(amounts: readonly Amount[]): string[] {
  const first = new Map(amounts.map((its) => [its.resource, its]))
  return [...first.values()].map(({ resource, unit, capacity, classes }) => {
    const of = (value: number) => amount(value, unit)
    const fixed = capacity.fixed > 0 ? `, and ${of(capacity.fixed)} of these stay with fixed domains` : ''
    const unmet = classes.filter(({ satisfied }) => !satisfied).map((its) => placeText(its.priority, classes))
    const served =
      unmet.length === 0
        ? 'every priority was served'
        : `what was asked for ${listed(unmet)} could not be served in full`
    return `The host has ${of(capacity.total)} of ${resource}: ${takenText(capacity, of)}, so ${of(capacity.available)} were divided${fixed}; ${served}.`
  })
}

/** What nobody manages uses the headroom first, so that the larger of the two is taken, not both. */
function takenText({ headroom, unmanaged }: Amount['capacity'], of: (value: number) => string): string {
  if (unmanaged <= headroom) {
    const used = unmanaged > 0 ? `, of which what nobody manages uses ${of(unmanaged)}` : ''
    return `${of(headroom)} are withheld as headroom${used}`
  }
  const beyond = headroom > 0 ? `, more than the headroom of ${of(headroom)}` : ''
  return `${of(unmanaged)} are used by what nobody manages${beyond}`
}

function domainLines({ goals, amounts, restrained }: Explanation, name: string): string[] {
  const its = amounts.filter(({ row }) => row.domain === name)
  const unitOf = (resource: string) => its.find((one) => one.resource === resource)?.unit ?? 'count'
  const lines = goals.filter(({ domain }) => domain === name).flatMap((goal) => goalLines(goal, unitOf))
  if (lines.length === 0) lines.push('  No goal names it: it asks for nothing beyond its reservation.')
  const quotas = restrained
    .filter(({ domain }) => domain === name)
    .map(({ quota }) => {
      return attention(
        `  A quota holds it to ${amount(quota, 'millicores')}, for as long as others wait for what is theirs.`,
      )
    })
  return [...lines, ...its.flatMap(amountLines), ...quotas]
}

function goalLines(goal: GoalView, unitOf: (resource: string) => string): string[] {
  const { status, aim } = goal
  const colour = status.kind === 'missed' ? bad : status.kind === 'met' ? good : dim
  const wanted = aim === null ? '' : `, ${aimText(aim, goal.unit)}`
  const lines = [`  Goal ${goal.goal} (priority ${goal.priority}${wanted}): ${colour(standingText(goal))}.`]
  const needs = Object.entries(goal.need).map(([key, value]) => {
    const raised = goal.forecasts.find((its) => its.resource === key && its.raisedFrom !== null)
    return `${amount(raised?.raisedFrom ?? value, unitOf(key))} of ${key}`
  })
  const by = estimatorName(goal.because.kind)
  const thought = by === null ? 'It is thought to need' : `Going by ${by}, it is thought to need`
  const need = needs.length === 0 ? 'It asks for nothing' : `${thought} ${listed(needs)}`
  lines.push(`    ${need}: ${estimateText(goal.because, goal.unit, unitOf)}.`)
  for (const [key, value] of Object.entries(goal.cut)) {
    lines.push(
      `    It would need ${amount(value, unitOf(key))} of ${key}, which is more than the policy lets it ask for.`,
    )
  }
  for (const its of goal.forecasts) {
    lines.push(`    ${forecastText(its, (value) => `${amount(value, unitOf(its.resource))} of ${its.resource}`)}`)
  }
  lines.push(...promiseLines(goal))
  if (goal.short !== null) lines.push(`    It was short of ${goal.short}.`)
  const { short } = goal
  if (short !== null && goal.wouldMeet.length > 0) {
    const ways = goal.wouldMeet.map((change) => smallestChangeText(change, unitOf(short)))
    lines.push(`    One of these alone would have served it: ${ways.join('; ')}.`)
  }
  return lines
}

/** What its estimator promises now, and how well promises to this goal were kept. */
function promiseLines({ promised, graded, record, aim, unit }: GoalView): string[] {
  const of = (value: number) => standingValue(value, aim, unit)
  const lines: string[] = []
  if (promised !== null)
    lines.push(`    By ${estimatorName(promised.by) ?? promised.by} it is promised ${of(promised.predicted)}.`)
  if (graded !== null) {
    const { turn, by, predicted, came, isKept } = graded
    const verdict = isKept ? good('kept') : attention('broken')
    lines.push(
      `    In turn ${turn} ${estimatorName(by) ?? by} promised ${of(predicted)}, and ${of(came)} came: ${verdict}.`,
    )
  }
  if (record !== null && record.made > 0) {
    const { made, kept, off } = record
    lines.push(
      `    Of ${counted(made, 'promise')} to it so far, ${kept} ${kept === 1 ? 'was' : 'were'} kept; what came was worse by ${percent(off)} in the mean.`,
    )
  }
  return lines
}

function amountLines({ resource, unit, row, classes, advice }: Amount): string[] {
  const of = (value: number) => amount(value, unit)
  const used = row.use === null ? [] : [`uses ${of(row.use)}`]
  const inForce = row.inForce === null ? 'has no setting yet' : `has ${of(row.inForce)} in force`
  const asked = row.requests.map((request, i) => `${of(request)} ${upToText(i + 1, classes)}`)
  const lines = [`  ${bold(resource)}: it ${[...used, inForce].join(' and ')}.`]
  if (row.role === 'fixed') return [...lines, "    It is not Reeve's to change: it stays at what is in force."]
  if (asked.length > 0) lines.push(`    It asks for ${listed(asked)}.`)
  if (row.own !== undefined)
    lines.push(`    A limit below ${of(row.own)} might kill its processes: what they have held of late, and a tenth.`)
  lines.push(
    `    It is ${advice ? 'advised' : 'entitled to'} ${of(row.entitlement)}: ${becauseText(row.because, unit, classes)}.`,
  )
  if (row.gains.length > 0) {
    const gains = row.gains.map(({ from, amount: gained }) => {
      return `${of(gained)} from ${from === 'unallocated' ? 'what was not allocated' : from}`
    })
    lines.push(`    It gained ${listed(gains)}.`)
  }
  if (row.settled === null) lines.push(`    Its allocation is ${of(row.allocation)}.`)
  else lines.push(`    Its allocation is ${of(row.allocation)}, for ${settleText(row.settled, unit)}.`)
  if (advice) lines.push('    Nothing is set: the domain is in mode advise.')
  return lines
}

function changeLines(changes: Explanation['changes']): string[] {
  if (changes.length === 0) return ['No setting was changed.']
  return [
    `${counted(changes.length, 'change')}, in this order:`,
    ...changes.map(({ change, outcome }) => {
      return `  ${changeText(change)} (${outcomeText(outcome)}), because ${changeReasonText(change.because)}.`
    }),
  ]
}

function footLines({ domain, lastChangedTurn, decidedAgain, policyHash }: Explanation): string[] {
  const lines: string[] = []
  if (domain !== null && lastChangedTurn !== null) {
    lines.push(
      `Before that, something of it was last changed in turn ${lastChangedTurn}: reeve explain ${lastChangedTurn}`,
    )
  }
  if (decidedAgain === true)
    lines.push(dim(`Decided again from the record under policy ${policyHash.slice(0, 12)}: the same.`))
  if (decidedAgain === false)
    lines.push(bad('Decided again from the record, something else came out: a defect in Reeve.'))
  return lines
}

import type { DomainStatus, GoalView, Status } from '#api/contract.ts'
import { aimText, driftText, lackText, verdictText } from './reasons.ts'
import { attention, bad, bold, dim, good } from './style.ts'
import { table } from './table.ts'
import { amount, measure, percent, sentence, short, time } from './units.ts'

/** Goals, what each domain gets, and what is wrong, on one screen. */
export function renderStatus(status: Status): string {
  return [head(status), ...problems(status), goals(status), domains(status), resources(status)]
    .filter((part) => part !== '')
    .join('\n\n')
}

function head({ host, mode, paused, turn, policy, version, intervalMs }: Status): string {
  const running = paused ? attention('paused') : mode
  const last =
    turn === null
      ? 'No turn yet.'
      : `Turn ${turn.turn} at ${time(turn.utcMs)} (one every ${short(intervalMs / 1000)} s, ${short(turn.cpuMs)} ms of CPU): ` +
        `${verdictText(turn.verdict)}.`
  return [
    `${bold(`Reeve ${version} on ${host}`)}, ${running}, policy ${policy.file ?? ''} ${dim(policy.hash.slice(0, 12))}`,
    last,
  ].join('\n')
}

/** Each a paragraph of its own; none where all is well. */
function problems({ problems: found, policy, turn, prepared, metrics, domains: all }: Status): string[] {
  const lines = [
    ...(found.turn === null ? [] : [bad(found.turn)]),
    ...(found.journal === null ? [] : [bad(`Turns are not on record: ${found.journal}`)]),
    ...(policy.refused === null
      ? []
      : [attention(`A policy was refused at ${time(policy.refused.utcMs)}:\n${policy.refused.faults.join('\n')}`)]),
    ...(turn?.violations ?? []).map(({ rule, subject, message }) =>
      bad(`Violation of ${rule} by ${subject}: ${message}`),
    ),
    ...(turn?.drift ?? []).map((its) => attention(`${sentence(driftText(its))}.`)),
    ...(turn?.outcomes ?? []).flatMap((its) => (its.status === 'failed' ? [bad(its.message)] : [])),
    ...all.flatMap(({ name, refused }) => refused.map((why) => attention(`Metadata of ${name}: ${why}`))),
    ...all.flatMap(({ name, lacks }) =>
      Object.entries(lacks).map(([knob, why]) => attention(lackText(name, knob, why))),
    ),
    ...prepared.flatMap((its) => (its.status === 'failed' ? [bad(`Domain ${its.domain}: ${its.message}`)] : [])),
    ...prepared.flatMap((its) => (its.status === 'outside' ? [attention(`Domain ${its.domain}: ${its.message}`)] : [])),
    ...(metrics.lastRefusal === null
      ? []
      : [attention(`${metrics.refused} readings were refused, the last: ${metrics.lastRefusal}`)]),
    ...metrics.problems.map(({ metric, reason }) => attention(`Metric ${metric}: ${reason}`)),
  ]
  return lines.length === 0 ? [] : [lines.join('\n')]
}

function goals({ goals: all }: Status): string {
  if (all.length === 0) return ''
  const head = ['PRIORITY', 'DOMAIN', 'GOAL', 'AIM', 'MEASURED', 'STANDING'].map(dim)
  const rows = all.toSorted((a, b) => a.priority - b.priority).map(goalRow)
  return table([head, ...rows])
}

function goalRow(goal: GoalView): string[] {
  const { priority, domain, goal: name, aim, status, unit } = goal
  const aims = aim === null ? '' : aimText(aim, unit)
  return [String(priority), domain, name, aims, ...standing(goal, status)]
}

function standing({ aim, unit }: GoalView, status: GoalView['status']): [string, string] {
  switch (status.kind) {
    case 'met':
    case 'missed': {
      const isShare = aim?.kind === 'utilization' || aim?.kind === 'fixed'
      const measured = isShare ? percent(status.measured) : measure(status.measured, unit)
      return [measured, status.kind === 'met' ? good('met') : bad('missed')]
    }
    case 'unknown':
      return ['-', attention(status.reason)]
    case 'closed':
      return ['-', dim(status.reason)]
  }
}

function domains({ domains: all, resources: known, advice }: Status): string {
  if (all.length === 0) return ''
  const units = new Map(known.map(({ resource, unit }) => [resource, unit]))
  const head = [
    'DOMAIN',
    'MODE',
    'DOES',
    'RESOURCE',
    'USE',
    'IN FORCE',
    advice ? 'ADVISED' : 'ENTITLED',
    'ALLOCATED',
    'BOUND',
  ]
  const rows = all.flatMap((domain) => domainRows(domain, units))
  return table([head.map(dim), ...rows])
}

function domainRows(
  { name, mode, state, amounts, activity }: DomainStatus,
  units: ReadonlyMap<string, string>,
): string[][] {
  const entries = Object.entries(amounts)
  if (state !== 'running' || entries.length === 0)
    return [[name, mode, activity ?? '-', dim(state === 'running' ? '-' : state)]]
  return entries.map(([resource, row], i) => {
    const of = (value: number | null) => (value === null ? '-' : amount(value, units.get(resource) ?? 'count'))
    const its = [resource, of(row.use), of(row.inForce), of(row.entitlement), of(row.allocation), row.because.bound]
    return [...(i === 0 ? [name, mode, activity ?? '-'] : ['', '', '']), ...its]
  })
}

function resources({ resources: all }: Status): string {
  return all
    .map(({ resource, unit, capacity, unallocated }) => {
      const of = (value: number) => amount(value, unit)
      const rest = unallocated < 0 ? `${of(-unallocated)} more than that in force` : `${of(unallocated)} left over`
      return `${resource}: ${of(capacity.available)} of ${of(capacity.total)} divided, ${rest}`
    })
    .join('\n')
}

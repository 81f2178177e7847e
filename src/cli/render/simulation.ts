import { renderFault } from '#policy/parse.ts'
import {
  type DomainReport,
  type GoalReport,
  heldPart,
  type RunReport,
  type SimulationReport,
} from '#simulate/report.ts'
import { curve, fitted } from './curve.ts'
import { aimText } from './reasons.ts'
import { attention, bad, bold, dim, good } from './style.ts'
import { table } from './table.ts'
import { amount, counted, measure, percent, short, time } from './units.ts'

/** Half of the seconds and more are worth a second look; less is plainly missed. */
const HELD_WELL = 0.95
const HELD_BADLY = 0.5
/** Columns that a curve has at least, however narrow the terminal is. */
const CURVE_LEAST = 20

/** What a simulation came to, for a terminal that is so many columns wide. */
export function renderSimulation(report: SimulationReport, width: number): string {
  const { managed, unmanaged } = report
  return [
    head(report),
    ...[...report.warnings.map(renderFault), ...report.notes, ...managed.turns.said].map(attention),
    '',
    bold('Seconds in which each goal held'),
    goals(managed, unmanaged),
    '',
    bold('What was done'),
    domains(report),
    '',
    totals(report),
    '',
    bold(`How it went, from ${time(report.startUtcMs)}, ${duration(report.seconds)}`),
    ...curves(report, width),
  ].join('\n')
}

function head({ scenario, policy, seed, seconds, cpus, memory }: SimulationReport): string {
  const host = `${counted(cpus, 'CPU')}, ${amount(memory, 'bytes')}`
  const from = policy === scenario ? 'its own policy' : `policy ${policy}`
  return `${bold(scenario)} with ${from}: a SIMULATED host of ${host}, ${duration(seconds)}, seed ${seed}`
}

/** `5400` seconds are 1.5 h. */
function duration(seconds: number): string {
  if (seconds >= 86_400) return `${short(seconds / 86_400)} d`
  if (seconds >= 3600) return `${short(seconds / 3600)} h`
  return seconds >= 60 ? `${short(seconds / 60)} min` : `${seconds} s`
}

function held(counts: Pick<GoalReport, 'seconds' | 'heldSeconds'> | undefined): string {
  const part = counts === undefined ? null : heldPart(counts)
  if (part === null) return dim('-')
  return (part >= HELD_WELL ? good : part >= HELD_BADLY ? attention : bad)(percent(part))
}

function goals(managed: RunReport, unmanaged: RunReport | null): string {
  if (managed.goals.length === 0) return dim('The policy has no goals for these domains.')
  const other = unmanaged === null ? [] : ['WITHOUT REEVE']
  const headings = ['PRIORITY', 'DOMAIN', 'GOAL', 'HELD', ...other, 'SECONDS']
  const aims = managed.goals.map(({ domain, aim, unit }) => `${domain} ${aimText(aim, unit)}`)
  const isOneOfSeveral = (index: number): boolean => aims.some((its, at) => at !== index && its === aims[index])
  const rows = managed.goals.map((its, index) => [
    String(its.priority),
    its.domain,
    `${aimText(its.aim, its.unit)}${isOneOfSeveral(index) ? ` (${its.goal})` : ''}`,
    held(its),
    ...(unmanaged === null ? [] : [held(unmanaged.goals[index])]),
    String(its.seconds),
  ])
  const classes = managed.classes.map((its, index) => [
    String(its.priority),
    dim('all'),
    '',
    held(its),
    ...(unmanaged === null ? [] : [held(unmanaged.classes[index])]),
    String(its.seconds),
  ])
  return table([headings.map(dim), ...rows, ...(rows.length > classes.length ? classes : [])])
}

function domains({ managed, unmanaged, seconds }: SimulationReport): string {
  const other = unmanaged === null ? [] : ['WITHOUT REEVE']
  const headings = ['DOMAIN', 'WORK', ...other, 'CPU', ...other, 'CHANGES', 'PER MINUTE']
  const rows = managed.domains.map((its, index) => {
    const without = unmanaged?.domains[index]
    return [
      its.name,
      work(its),
      ...(without === undefined ? [] : [work(without)]),
      cores(its, seconds),
      ...(without === undefined ? [] : [cores(without, seconds)]),
      String(its.changes),
      short((its.changes * 60) / seconds),
    ]
  })
  return table([headings.map(dim), ...rows])
}

function work({ work: done, isBatch }: DomainReport): string {
  return isBatch ? `${short(done)} CPU s` : `${done} answers`
}

function cores({ cpuSeconds }: DomainReport, seconds: number): string {
  return amount((cpuSeconds * 1000) / seconds, 'millicores')
}

function totals({ managed, unmanaged }: SimulationReport): string {
  const { turns, cpu } = managed
  const part = (run: RunReport): string => percent(run.cpu.usedSeconds / run.cpu.capacitySeconds)
  const without = unmanaged === null ? '' : ` (without Reeve ${part(unmanaged)})`
  const lines = [
    `CPU used: ${part(managed)} of ${short(cpu.capacitySeconds)} CPU s${without}.`,
    `${counted(turns.made, 'turn')}, ${turns.changing} of which changed something.`,
    ...(turns.failed > 0 ? [attention(`${counted(turns.failed, 'change')} failed.`)] : []),
    ...(turns.violations > 0
      ? [bad(`${counted(turns.violations, 'violation')} found by the checker: report it.`)]
      : []),
  ]
  return lines.join(' ')
}

interface Row {
  readonly name: string
  readonly what: string
  readonly points: readonly (number | null)[]
  /** What stands for full height. */
  readonly most: number
  readonly scale: string
  readonly isBad?: (value: number) => boolean
}

/** A row of blocks for each series: of a domain what it had beside what it used, of a goal what was measured. */
function curves(report: SimulationReport, width: number): string[] {
  const rows = [...domainRows(report), ...goalRows(report)]
  const longest = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length))
  const room = longest(rows.map(({ name }) => name))
  const label = longest(rows.map(({ what }) => what))
  const tail = longest(rows.map(({ scale }) => scale))
  const columns = Math.max(CURVE_LEAST, width - room - label - tail - 6)
  return rows.map(({ name, what, points, most, scale, isBad }) => {
    const drawn = curve(fitted(points, columns), most, isBad)
    return `${name.padEnd(room)}  ${dim(what.padEnd(label))}  ${drawn}  ${dim(scale)}`.trimEnd()
  })
}

function domainRows({ managed, unmanaged }: SimulationReport): Row[] {
  return managed.series.domains.flatMap(({ name, use, allocation }, index) => {
    const without = unmanaged?.series.domains[index]?.use ?? []
    const most = Math.max(...[...use, ...allocation, ...without].map((value) => value ?? 0))
    const isManaged = allocation.some((value) => value !== null)
    const rows: Row[] = [
      ...(isManaged ? [{ name: '', what: 'allocated', points: allocation, most, scale: '' }] : []),
      { name: '', what: 'uses', points: use, most, scale: '' },
      ...(unmanaged === null ? [] : [{ name: '', what: 'without Reeve', points: without, most, scale: '' }]),
    ]
    return rows.map((row, at) => (at === 0 ? { ...row, name, scale: `up to ${amount(most, 'millicores')}` } : row))
  })
}

function goalRows({ managed, unmanaged }: SimulationReport): Row[] {
  return managed.series.goals.flatMap(({ goal, domain, target, side, measured }, index) => {
    const unit = managed.goals.find((its) => its.goal === goal && its.domain === domain)?.unit ?? ''
    const isBad = (value: number): boolean => (side === 'below' ? value > target : value < target)
    const without = unmanaged?.series.goals[index]?.measured ?? []
    const common = { most: 2 * target, isBad }
    return [
      { name: domain, what: 'measured', points: measured, scale: `${measure(target, unit)} at half height`, ...common },
      ...(unmanaged === null ? [] : [{ name: '', what: 'without Reeve', points: without, scale: '', ...common }]),
    ]
  })
}

import { bad, bold, dim, good } from '#cli/render/style.ts'
import { table } from '#cli/render/table.ts'
import { type Act, attainment, seconds, shareOfWhatWasLeft } from './figures.ts'
import { SERVICES, type ServiceName } from './plan.ts'
import type { Stage } from './stage.ts'

/** The end of the demo as data; the shape of `reeve demo --json`. */
export interface DemoReport {
  readonly goals: readonly GoalReport[]
  readonly batch: {
    readonly workPerSecond: Readonly<Record<string, number>>
    /** Of what services and generator left in act two, 0..1. */
    readonly shareOfWhatWasLeft: number
  }
  readonly driver: Stage['kind']
  readonly seconds: number
  readonly usedCpuSeconds: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly comparison: readonly StaticReport[]
  readonly stateDir: string
}

export interface GoalReport {
  readonly domain: ServiceName
  readonly goal: string
  readonly priority: number
  /** Share of one-second windows in which it held, by act; in `crossed` the goal is the throughput. */
  readonly attainment: Readonly<Record<string, number>>
}

/** What weights that never change made of the same load. */
export interface StaticReport {
  readonly load: 'steady' | 'crossed'
  readonly name: string
  readonly weights: Readonly<Record<string, number>>
  readonly attainment: Readonly<Record<string, number>>
  readonly batchWorkPerSecond: number
}

export function reportOf(
  stage: Stage,
  acts: readonly Act[],
  comparison: readonly StaticReport[],
  stateDir: string,
  took: number,
): DemoReport {
  const round = (value: number): number => Math.round(value * 1000) / 1000
  const managed = acts.find(({ name }) => name === 'managed')
  return {
    goals: SERVICES.map((service) => ({
      domain: service,
      goal: `p95 < ${stage.plan.services[service].p95Ms} ms; crossed: >= ${stage.plan.crossed.perSecond}/s`,
      priority: stage.plan.services[service].priority,
      attainment: Object.fromEntries(acts.map((act) => [act.name, round(attainment(stage, service, act))])),
    })),
    batch: {
      workPerSecond: Object.fromEntries(acts.map((act) => [act.name, Math.round(act.batchWork / seconds(act))])),
      shareOfWhatWasLeft: managed === undefined ? Number.NaN : round(shareOfWhatWasLeft(managed)),
    },
    driver: stage.kind,
    seconds: Math.round(took),
    usedCpuSeconds: Object.fromEntries(
      acts.map((act) => [
        act.name,
        Object.fromEntries(
          Object.entries({
            ...act.usedCpuSeconds,
            reeve: act.reeveCpuSeconds,
            others: act.othersCpuSeconds,
            stolen: act.stolenCpuSeconds,
            all: act.capacityCpuSeconds,
          }).map(([name, used]) => [name, round(used)]),
        ),
      ]),
    ),
    comparison,
    stateDir,
  }
}

const percent = (part: number): string => (Number.isNaN(part) ? '-' : `${(part * 100).toFixed(0)} %`)
const paint = (part: number): string => (part >= 0.85 ? good : bad)(percent(part))

export function renderReport(report: DemoReport): string {
  const { goals, batch, comparison, stateDir } = report
  const work = batch.workPerSecond
  const rows = goals.map(({ domain, goal, priority, attainment: held }) => [
    domain,
    `${goal}`,
    String(priority),
    ...['unmanaged', 'managed', 'crossed'].map((act) => paint(held[act] ?? Number.NaN)),
  ])
  const ofUnmanaged = (act: string): string => percent((work[act] ?? 0) / (work['unmanaged'] ?? Number.NaN))
  return [
    '',
    bold('Seconds in which each goal held'),
    table([
      ['domain', 'goal', 'priority', 'unmanaged', 'managed', 'crossed'].map(dim),
      ...rows,
      ['batch', dim('work done, of that unmanaged'), '', ...['unmanaged', 'managed', 'crossed'].map(ofUnmanaged)],
    ]),
    '',
    `Managed, the batch job got ${percent(batch.shareOfWhatWasLeft)} of the CPU that services and generator left.`,
    dim(
      'The load generator alone measured this, open-loop, from the time each request was meant to be sent. The first 3 s',
    ),
    dim('of an act and the 8 s after the crossing are not counted.'),
    ...renderComparison(comparison),
    '',
    'Ask for the reasons of anything it did:',
    `  bin/reeve explain shop --state ${stateDir}`,
    `  bin/reeve history --state ${stateDir}`,
  ].join('\n')
}

function renderComparison(comparison: readonly StaticReport[]): string[] {
  if (comparison.length === 0) return []
  const rows = comparison.map(({ load, name, weights, attainment: held, batchWorkPerSecond }) => [
    load,
    name,
    Object.values(weights).join(':'),
    ...SERVICES.map((service) => paint(held[service] ?? Number.NaN)),
    (batchWorkPerSecond / 1e3).toFixed(1),
  ])
  const headings = ['load', 'weights that never change', 'shop:api:batch:generator', 'shop', 'api', 'batch, k/s'].map(
    dim,
  )
  return ['', bold('The same load under static weights'), table([headings, ...rows])]
}

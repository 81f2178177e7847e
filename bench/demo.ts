import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { DemoReport } from '#demo/report.ts'
import type { BenchResult } from './result.ts'

const REEVE = fileURLToPath(new URL('../bin/reeve', import.meta.url))

/** The demo of 90 s, three times, each figure the median; with the comparison to static weights once. */
export async function benchDemo(): Promise<BenchResult[]> {
  const runs: DemoReport[] = []
  for (let run = 0; run < 3; run++) runs.push(await demo('--seconds', '90'))
  const compared = await demo('--seconds', '400', '--compare')
  const median = (figure: (report: DemoReport) => number | undefined): number =>
    runs.map((report) => figure(report) ?? Number.NaN).toSorted((one, other) => one - other)[1] ?? Number.NaN
  const held = (service: number, act: string) => median((report) => report.goals[service]?.attainment[act])
  const atLeast = (name: string, value: number, least: number): BenchResult => ({
    name,
    median: value * 100,
    unit: '%',
    met: value >= least,
    note: `at least ${least * 100} %`,
  })
  return [
    atLeast('managed, priority 1 held', held(0, 'managed'), 0.95),
    { name: 'managed, priority 2 held', median: held(1, 'managed') * 100, unit: '%' },
    atLeast(
      'batch job, of what was left',
      median((report) => report.batch.shareOfWhatWasLeft),
      0.95,
    ),
    atLeast('crossed, priority 1 held', held(0, 'crossed'), 0.85),
    atLeast('crossed, priority 2 held', held(1, 'crossed'), 0.85),
    { name: 'unmanaged, priority 1 held', median: held(0, 'unmanaged') * 100, unit: '%' },
    { name: 'unmanaged, priority 2 held', median: held(1, 'unmanaged') * 100, unit: '%' },
    ...compared.comparison.flatMap(({ load, name, weights, attainment }) =>
      Object.entries(attainment).map(([service, value]) => ({
        name: `${load} load, ${name}, ${service} held`,
        median: value * 100,
        unit: '%',
        note: `shop:api:batch:generator ${Object.values(weights).join(':')}`,
      })),
    ),
  ]
}

async function demo(...args: readonly string[]): Promise<DemoReport> {
  const child = spawn(REEVE, ['demo', '--json', ...args], { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`reeve demo ${args.join(' ')} ended with ${code}`)
  return JSON.parse(text) as DemoReport
}

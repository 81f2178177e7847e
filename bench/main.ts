/**
 * `npm run bench -- [NAME ...] [--minutes N] [--hours N]`: measures what the documents claim and writes docs/bench.md
 * and docs/bench.json. Figures are medians of this machine, which is named; nothing here passes or fails, so that noise
 * never breaks a build. Another length than a bench has by itself (machines, churn: minutes; day, simulate: hours) is a trial, and its
 * figures are shown and not written.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { machine } from './machine.ts'
import type { BenchResult } from './result.ts'

/** Lengths to be had instead of a bench's own. */
interface Lengths {
  readonly minutes: number | undefined
  readonly hours: number | undefined
}

const BENCHES: Readonly<Record<string, (lengths: Lengths) => Promise<BenchResult[]>>> = {
  arbiter: async () => (await import('./arbiter.ts')).benchArbiter(),
  turn: async () => (await import('./turn.ts')).benchTurn(),
  status: async () => (await import('./status.ts')).benchStatus(),
  demo: async () => (await import('./demo.ts')).benchDemo(),
  machines: async ({ minutes }) => (await import('./machines.ts')).benchMachines(minutes),
  churn: async ({ minutes }) => (await import('./churn.ts')).benchChurn(minutes),
  day: async ({ hours }) => (await import('./day.ts')).benchDay(hours),
  simulate: async ({ hours }) => (await import('./simulate.ts')).benchSimulate(hours),
}
const TABLES = new URL('../docs/bench.json', import.meta.url)
const PAGE = new URL('../docs/bench.md', import.meta.url)

interface Table {
  readonly measuredAt: string
  readonly machine: string
  readonly results: readonly BenchResult[]
}

async function main(args: readonly string[]): Promise<number> {
  const text = { type: 'string' } as const
  const { values, positionals: names } = parseArgs({
    args: [...args],
    options: { minutes: text, hours: text },
    allowPositionals: true,
  })
  const lengths = { minutes: lengthOf(values.minutes), hours: lengthOf(values.hours) }
  const isTrial = Object.values(lengths).some((length) => length !== undefined)
  const unknown = names.filter((name) => BENCHES[name] === undefined)
  if (unknown.length > 0) {
    process.stderr.write(`no bench is called ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}\n`)
    return 2
  }
  const tables = readTables()
  for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
    process.stderr.write(`${name} ...\n`)
    const results = (await BENCHES[name]?.(lengths)) ?? []
    tables[name] = { measuredAt: new Date().toISOString(), machine: machine(), results }
    process.stdout.write(`${tableOf(name, tables[name])}\n`)
    if (isTrial) continue
    writeFileSync(TABLES, `${JSON.stringify(tables, null, 2)}\n`)
    writeFileSync(PAGE, pageOf(tables))
  }
  return 0
}

function lengthOf(text: string | undefined): number | undefined {
  if (text === undefined || Number(text) > 0) return text === undefined ? undefined : Number(text)
  throw new Error(`a length is a number above 0, and not ${text}`)
}

/** Benches that are not run now keep the figures of their last run. */
function readTables(): Record<string, Table> {
  try {
    return JSON.parse(readFileSync(TABLES, 'utf8')) as Record<string, Table>
  } catch {
    return {}
  }
}

function tableOf(name: string, { measuredAt, machine: where, results }: Table): string {
  const rows = results.map((its) => {
    const target = its.target === undefined ? '' : `${its.target} ${its.unit}`
    const met = its.met === undefined ? '' : its.met ? 'met' : '**missed**'
    return `| ${its.name} | ${round(its.median)} ${its.unit} | ${target} | ${met} | ${its.note ?? ''} |`
  })
  return [
    `## ${name}`,
    '',
    `${measuredAt.slice(0, 10)}, ${where}`,
    '',
    '| what | median | target | | |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

const round = (value: number): string => (Number.isInteger(value) ? `${value}` : value.toPrecision(3))

function pageOf(tables: Readonly<Record<string, Table>>): string {
  const intro =
    '# Benchmarks\n\nMade by `npm run bench`; medians, on the machine named. Timings of shared machines are noisy: compare ratios.\n' +
    'How well goals hold, beside other controllers, is [a bench of its own](bench-goals.md).\n'
  return [intro, ...Object.entries(tables).map(([name, table]) => tableOf(name, table))].join('\n')
}

process.exitCode = await main(process.argv.slice(2))

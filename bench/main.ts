/**
 * `npm run bench [NAME ...]`: measures what the documents claim and writes docs/bench.md and docs/bench.json. Figures
 * are medians of this machine, which is named; nothing here passes or fails, so that noise never breaks a build.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import type { BenchResult } from './result.ts'

const BENCHES: Readonly<Record<string, () => Promise<BenchResult[]>>> = {
  arbiter: async () => (await import('./arbiter.ts')).benchArbiter(),
  turn: async () => (await import('./turn.ts')).benchTurn(),
  status: async () => (await import('./status.ts')).benchStatus(),
  demo: async () => (await import('./demo.ts')).benchDemo(),
}
const TABLES = new URL('../docs/bench.json', import.meta.url)
const PAGE = new URL('../docs/bench.md', import.meta.url)

interface Table {
  readonly measuredAt: string
  readonly machine: string
  readonly results: readonly BenchResult[]
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => BENCHES[name] === undefined)
  if (unknown.length > 0) {
    process.stderr.write(`no bench is called ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}\n`)
    return 2
  }
  const tables = readTables()
  for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
    process.stderr.write(`${name} ...\n`)
    const results = (await BENCHES[name]?.()) ?? []
    tables[name] = { measuredAt: new Date().toISOString(), machine: machine(), results }
    process.stdout.write(`${tableOf(name, tables[name])}\n`)
    writeFileSync(TABLES, `${JSON.stringify(tables, null, 2)}\n`)
    writeFileSync(PAGE, pageOf(tables))
  }
  return 0
}

/** Benches that are not run now keep the figures of their last run. */
function readTables(): Record<string, Table> {
  try {
    return JSON.parse(readFileSync(TABLES, 'utf8')) as Record<string, Table>
  } catch {
    return {}
  }
}

function machine(): string {
  const [first] = cpus()
  const gib = (totalmem() / 1024 ** 3).toFixed(0)
  return `${cpus().length} x ${first?.model.trim() ?? 'unknown CPU'}, ${gib} GiB, Linux ${release()}, Node ${process.version}`
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
    '# Benchmarks\n\nMade by `npm run bench`; medians, on the machine named. Timings of shared machines are noisy: compare ratios.\n'
  return [intro, ...Object.entries(tables).map(([name, table]) => tableOf(name, table))].join('\n')
}

process.exitCode = await main(process.argv.slice(2))

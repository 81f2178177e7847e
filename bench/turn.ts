import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BenchResult } from './result.ts'
import type { TurnFigures } from './turn-host.ts'

/** What one turn costs on real groups: `turn-host.ts` is measured in a process of its own, so that nothing else counts. */
const HOST = fileURLToPath(new URL('./turn-host.ts', import.meta.url))
const LAUNCHER = fileURLToPath(new URL('../bin/reeve', import.meta.url))
const MIB = 1024 * 1024

export async function benchTurn(): Promise<BenchResult[]> {
  const empty = await measure(0)
  const results: BenchResult[] = []
  for (const [count, targetMs] of [
    [100, 4],
    [500, 18],
  ] as const) {
    const figures = await measure(count)
    const ratio = (figures.cpuMs / figures.readingMs).toFixed(1)
    const { cpuMs, changes, readingMs, rssBytes } = figures
    results.push(
      {
        name: `turn over ${count} groups, own CPU`,
        median: cpuMs,
        unit: 'ms',
        target: targetMs,
        met: cpuMs < targetMs,
        note: `${changes} writes a turn; ${ratio} x only reading the same files`,
      },
      { name: `only reading three files of ${count} groups`, median: readingMs, unit: 'ms' },
      {
        name: `memory of the daemon, ${count} groups`,
        median: rssBytes / MIB,
        unit: 'MiB',
        target: 180,
        met: rssBytes < 180 * MIB,
      },
      {
        name: `memory above the empty daemon, ${count} groups`,
        median: (rssBytes - empty.rssBytes) / MIB,
        unit: 'MiB',
        target: 40,
        met: rssBytes - empty.rssBytes < 40 * MIB,
      },
    )
  }
  return results
}

async function measure(count: number): Promise<TurnFigures> {
  // The heap that `reeve up` has.
  const heap = /heap='(.+)'/.exec(readFileSync(LAUNCHER, 'utf8'))?.[1]?.split(' ')
  if (heap === undefined) throw new Error(`${LAUNCHER} does not say what heap the daemon has`)
  const child = spawn(process.execPath, [...process.execArgv, ...heap, HOST, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0)
    throw new Error(`measuring ${count} groups failed with exit code ${code}; root and writable cgroups are needed`)
  return JSON.parse(text) as TurnFigures
}

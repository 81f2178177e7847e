import { inOwnProcess } from './own-process.ts'
import type { BenchResult } from './result.ts'
import type { TurnFigures } from './turn-host.ts'

const MIB = 1024 * 1024

/** What one turn costs on real groups; root and writable cgroups are needed. */
export async function benchTurn(): Promise<BenchResult[]> {
  const empty = await inOwnProcess<TurnFigures>('turn-host.ts', '0')
  const results: BenchResult[] = []
  for (const [count, targetMs] of [
    [100, 4],
    [500, 18],
  ] as const) {
    const figures = await inOwnProcess<TurnFigures>('turn-host.ts', `${count}`)
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

import type { DayFigures } from './day-host.ts'
import { inOwnProcess } from './own-process.ts'
import type { BenchResult } from './result.ts'

const HOURS = 24
const MIB = 1024 * 1024
const GROWTH_MOST = 10

/** A simulated day of 50 machines under the daemon as it is: does anything grow? */
export async function benchDay(hours = HOURS): Promise<BenchResult[]> {
  const { turns, changes, turnsNotRecorded, wallMs, turnCpuMs, heap, rss, journal } = await inOwnProcess<DayFigures>(
    'day-host.ts',
    `${hours}`,
  )
  const [first = Number.NaN, ...later] = heap
  const growth = (Math.max(...later) / first - 1) * 100
  const of = `${hours} simulated hours, 50 machines`
  const mib = (bytes: number | undefined) => ((bytes ?? Number.NaN) / MIB).toFixed(1)
  return [
    {
      name: `${of}: growth of the heap after the first twenty-fourth`,
      median: growth,
      unit: '%',
      target: GROWTH_MOST,
      met: growth < GROWTH_MOST,
      note: `most of 23 readings after collection; ${mib(first)} MiB first, ${mib(later.at(-1))} MiB last`,
    },
    {
      name: 'memory of the process at the end',
      median: (rss.at(-1) ?? 0) / MIB,
      unit: 'MiB',
      note: `${mib(rss[0])} MiB first`,
    },
    {
      name: 'the journal at its largest',
      median: Math.max(...journal) / MIB,
      unit: 'MiB',
      note: `${mib(journal.at(-1))} MiB at the end`,
    },
    { name: 'wall time', median: wallMs / 60_000, unit: 'min', note: `${turns} turns with ${changes} changes` },
    { name: 'own CPU of a turn', median: turnCpuMs, unit: 'ms', note: `${turnsNotRecorded} turns are not on record` },
  ]
}

import type { RoundFigures } from './machines-host.ts'
import type { ManyFigures } from './machines-many.ts'
import { median, spread } from './median.ts'
import { inOwnProcess } from './own-process.ts'
import type { BenchResult } from './result.ts'

/** Minutes that a round takes. */
const ROUND_MIN = 3.5
const MINUTES = 3 * ROUND_MIN
const MANY = 100
const INTERVAL_MS = 1000

/** What machines cost a daemon, and a daemon machines; root and what scripts/system-deps installs are needed. */
export async function benchMachines(minutes = MINUTES): Promise<BenchResult[]> {
  const rounds = await inOwnProcess<readonly RoundFigures[]>(
    'machines-host.ts',
    `${Math.max(1, Math.round(minutes / ROUND_MIN))}`,
  )
  const many = await inOwnProcess<ManyFigures>('machines-many.ts', `${MANY}`)
  return [
    ...costs(rounds),
    ...others(rounds),
    ...steps(rounds),
    below(`turn over ${MANY} machines of libvirt's test driver, own CPU`, many.cpuMs, 10),
  ]
}

function costs(rounds: readonly RoundFigures[]): BenchResult[] {
  const all = (figure: (round: RoundFigures) => number) => rounds.map(figure)
  const alone = median(all(({ aloneCpuMs }) => aloneCpuMs)).toPrecision(3)
  const middle = median(all((its) => its.ownCpuMs.medianBusy)).toPrecision(3)
  return [
    below(
      'turn over 6 machines, 3 of them busy, own CPU',
      all((its) => its.ownCpuMs.busy),
      3,
      `slow looks included, as in all rows of a daemon that has run for a thousand turns; the median turn ${middle} ms`,
    ),
    below(
      'turn over 6 idle machines, own CPU',
      all((its) => its.ownCpuMs.idle),
    ),
    below(
      'caused in libvirtd and emulator threads by a turn over 6 idle machines',
      all((its) => its.causedCpuMs),
      5,
      `${alone} ms a second without Reeve`,
    ),
    below(
      'turn over 6 machines, 3 of them busy, wall time',
      all((its) => its.wallMs.median),
      20,
    ),
    below(
      'the slowest of 20 turns, which changes something',
      all((its) => its.wallMs.most),
    ),
  ]
}

function others(rounds: readonly RoundFigures[]): BenchResult[] {
  const all = (figure: (round: RoundFigures) => number) => rounds.map(figure)
  const caused = (figure: (round: RoundFigures) => number) => `causes ${median(all(figure)).toPrecision(3)} ms of CPU`
  return [
    below(
      '`virsh domstats`, wall time',
      all((its) => its.virsh.wallMs),
      undefined,
      caused((its) => its.virsh.causedCpuMs),
    ),
    below(
      'the same reads through libvirt alone, wall time',
      all((its) => its.libvirt.wallMs),
      undefined,
      caused((its) => its.libvirt.causedCpuMs),
    ),
  ]
}

function steps(rounds: readonly RoundFigures[]): BenchResult[] {
  const answers = rounds.flatMap((its) => its.steps)
  const factor = median(answers.map((its) => its.factor)).toPrecision(2)
  const to = (part: string) => `from a load step to ${part} of the new weight`
  const row = (part: string, values: readonly number[]): BenchResult => ({
    name: to(part),
    median: median(values),
    unit: 'ms',
    target: 2 * INTERVAL_MS,
    met: Math.max(...values) <= 2 * INTERVAL_MS,
    note: `${spread(values, 'ms', 'steps')}; by a factor of ${factor}`,
  })
  return [
    row(
      'half',
      answers.map((its) => its.halfMs),
    ),
    row(
      'nine tenths',
      answers.map((its) => its.mostMs),
    ),
  ]
}

function below(name: string, values: readonly number[], target?: number, note?: string): BenchResult {
  const middle = median(values)
  const said = [spread(values, 'ms'), ...(note === undefined ? [] : [note])].join('; ')
  const judged = target === undefined ? {} : { target, met: middle < target }
  return { name, median: middle, unit: 'ms', ...judged, note: said }
}

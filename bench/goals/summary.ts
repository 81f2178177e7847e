import { median } from '../median.ts'
import { type Family, STEADY_ACT } from './acts.ts'
import type { Goal, Service } from './cast.ts'
import { type ActFigures, figuresOf, type Held, type Played } from './measure.ts'

/** One contender's play of a family in one run, as it is kept in docs/bench-goals.json. */
export interface RunFigures {
  readonly contender: string
  readonly family: Family
  readonly run: number
  readonly acts: readonly ActFigures[]
  /** Hashes of the batch jobs a second. */
  readonly workPerSecond: number
  /** Of one CPU, of the contender's own processes. */
  readonly ownCpu: number
  /** Of all CPUs, given to others by a hypervisor. */
  readonly stolenCpuSeconds: number
  /** That the generator's threads waited for a CPU on average, each time they wanted one. */
  readonly generatorWaitMs: number
}

export function runFiguresOf(played: Played, run: number): RunFigures {
  const { contender, family, seconds, generatorWaits } = played
  return {
    contender,
    family,
    run,
    acts: figuresOf(played),
    workPerSecond: played.work / seconds,
    ownCpu: played.ownCpuSeconds / seconds,
    stolenCpuSeconds: played.stolenCpuSeconds,
    generatorWaitMs: generatorWaits.waitedMs / generatorWaits.times,
  }
}

/** Medians over the runs, and how far apart the runs lie. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) }
}

/** What one contender came to in a family, over all runs. */
export interface Summary {
  readonly contender: string
  readonly family: Family
  /** Part of the windows in which goals held, of the priorities that fit; NaN where there is none. */
  readonly held: Readonly<Record<Goal['priority'], Spread>>
  /** The same with the windows right behind steps. */
  readonly heldAll: Readonly<Record<Goal['priority'], Spread>>
  readonly goals: readonly { readonly service: Service; readonly priority: Goal['priority']; readonly held: Spread }[]
  readonly acts: readonly { readonly act: string; readonly held: Readonly<Record<Goal['priority'], Spread>> }[]
  readonly workPerSecond: Spread
  /** Of the domain with the most, while load and goals stood still; null where the family has no such act. */
  readonly changesSteady: Spread | null
  readonly changes: Spread
  /** Seconds; a step after which the goal did not hold again counts as infinite. */
  readonly reaction: Spread
  readonly ownCpu: Spread
  readonly stolenCpuSeconds: Spread
  readonly generatorWaitMs: Spread
}

/** The contender that the targets are about; its variants have names that begin so. */
export const REEVE = 'reeve'
/** The same at a quarter of its interval. */
export const REEVE_FAST = `${REEVE}-250ms`

export function summaryOf(runs: readonly RunFigures[]): Summary {
  const [first] = runs as [RunFigures, ...RunFigures[]]
  const over = (figure: (run: RunFigures) => number): Spread => spreadOf(runs.map(figure))
  const heldIn = (held: readonly Held[]): number => ratio(held, 'held', 'counted')
  const fitting = (run: RunFigures, priority: Goal['priority']): Held[] =>
    run.acts.flatMap((act) => act.held.filter((one) => one.fits && one.priority === priority))
  const byPriority = (figure: (run: RunFigures, priority: Goal['priority']) => number) => ({
    1: over((run) => figure(run, 1)),
    2: over((run) => figure(run, 2)),
  })
  const goals = new Map(
    fitting(first, 1)
      .concat(fitting(first, 2))
      .map((one) => [`${one.service} ${one.priority}`, one]),
  )
  const reactions = runs.flatMap((run) =>
    run.acts.flatMap((act) => act.reactions.map(({ seconds }) => seconds ?? Number.POSITIVE_INFINITY)),
  )
  const changesIn = (name: string) => (run: RunFigures) =>
    run.acts.find(({ act }) => act === name)?.changesPerMinute ?? Number.NaN
  return {
    contender: first.contender,
    family: first.family,
    held: byPriority((run, priority) => heldIn(fitting(run, priority))),
    heldAll: byPriority((run, priority) => ratio(fitting(run, priority), 'heldAll', 'countedAll')),
    goals: [...goals.values()].map(({ service, priority }) => ({
      service,
      priority,
      held: over((run) => heldIn(fitting(run, priority).filter((one) => one.service === service))),
    })),
    acts: first.acts.map(({ act }, index) => ({
      act,
      held: byPriority((run, priority) =>
        heldIn((run.acts[index]?.held ?? []).filter((one) => one.priority === priority)),
      ),
    })),
    workPerSecond: over((run) => run.workPerSecond),
    changesSteady: first.acts.some(({ act }) => act === STEADY_ACT) ? over(changesIn(STEADY_ACT)) : null,
    changes: over((run) => median(run.acts.map(({ changesPerMinute }) => changesPerMinute))),
    reaction: spreadOf(reactions),
    ownCpu: over((run) => run.ownCpu),
    stolenCpuSeconds: over((run) => run.stolenCpuSeconds),
    generatorWaitMs: over((run) => run.generatorWaitMs),
  }
}

function ratio(held: readonly Held[], part: 'held' | 'heldAll', whole: 'counted' | 'countedAll'): number {
  const sum = (key: typeof part | typeof whole): number => held.reduce((all, one) => all + one[key], 0)
  return sum(part) / sum(whole)
}

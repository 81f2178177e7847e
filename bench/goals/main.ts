/**
 * `npm run bench:goals -- [--runs N] [--seconds N] [--only CONTENDER,...] [--family I|II] [--static W:W:W:W]`: do goals
 * of real processes hold, under Reeve and under everybody else, in one run on this machine? Writes docs/bench-goals.md
 * and .json. With any option it is a trial, whose figures are shown and not written. `--seconds` is the length of an
 * act; `--static` names the static weights instead of looking for the best of them.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { takePrecedence } from '#daemon/precedence.ts'
import { machine } from '../machine.ts'
import { type Act, actsOf, FAMILIES, type Family, secondsOf } from './acts.ts'
import type { Contender } from './contender.ts'
import { published } from './contenders/published.ts'
import { reeve, removable } from './contenders/reeve.ts'
import { KERNEL, MAP, staticWeights, VECTORS, type Vector } from './contenders/static.ts'
import { playFamily } from './play.ts'
import { bestOf } from './search.ts'
import { createStage, type Stage } from './stage.ts'
import { REEVE, type RunFigures, runFiguresOf, summaryOf } from './summary.ts'
import { pageOf, type Report } from './table.ts'
import { targetsOf } from './targets.ts'

const RUNS = 5
const SECONDS = 14
/** The steady act is so many times as long. */
const STEADY_TIMES = 3
/** The shortest acts in which a window is left that counts. */
const SECONDS_LEAST = 5
/** Starting a contender, warming up, and waiting for the last windows. */
const BESIDE_SECONDS = 10
/** Of the search for static weights: each of them for so long, and then so many in full. */
const SEARCH_SECONDS = 30
const SEARCHED_IN_FULL = 3
const SEED = 20_261_121
const PAGE = new URL('../../docs/bench-goals.md', import.meta.url)
const FIGURES = new URL('../../docs/bench-goals.json', import.meta.url)

/** Every contender but the static weights, which differ by family. */
const CONTENDERS: readonly Contender[] = [
  KERNEL,
  MAP,
  published('parties'),
  published('proportional'),
  reeve(REEVE, '1s'),
  reeve(`${REEVE}-250ms`, '250ms'),
  ...removable().map((estimator) => reeve(`${REEVE}-without-${estimator}`, '1s', [estimator])),
]
const STATIC = 'static'
const NAMES = [STATIC, ...CONTENDERS.map(({ name }) => name)]

interface Options {
  readonly runs: number
  readonly seconds: number
  readonly only: readonly string[]
  readonly families: readonly Family[]
  readonly weights: Vector | null
  readonly isTrial: boolean
}

async function main(args: readonly string[]): Promise<number> {
  let options: Options
  try {
    options = optionsOf(args)
  } catch (error) {
    process.stderr.write(`bench:goals: ${(error as Error).message}\n`)
    return 2
  }
  say(`this takes about ${Math.round(allSeconds(options) / 60)} minutes`)
  await takePrecedence()
  const weights = await weightsOf(options)
  const figures: RunFigures[] = []
  for (let run = 0; run < options.runs; run++) {
    await onStage(run, async (stage) => {
      for (const family of options.families)
        for (const contender of inOrderOf(run, contendersOf(options, weights[family]))) {
          figures.push(await play(stage, contender, family, inFull(family, options), run))
        }
    })
    // What is measured by now is kept, should a later run fail.
    if (!options.isTrial) keep(reportOf({ ...options, runs: run + 1 }, weights, figures), figures)
  }
  process.stdout.write(`${pageOf(reportOf(options, weights, figures))}\n`)
  return 0
}

function keep(report: Report, figures: readonly RunFigures[]): void {
  writeFileSync(PAGE, pageOf(report))
  writeFileSync(FIGURES, `${JSON.stringify({ ...report, figures }, null, 2)}\n`)
}

function optionsOf(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { runs: text, seconds: text, only: text, family: text, static: text },
  })
  const seconds = whole(values.seconds ?? `${SECONDS}`, SECONDS_LEAST)
  const only = values.only?.split(',') ?? NAMES
  const unknown = only.filter((name) => !NAMES.includes(name))
  if (unknown.length > 0) throw new Error(`no contender is called ${unknown.join(', ')}; there are ${NAMES.join(', ')}`)
  const families = FAMILIES.filter((family) => values.family === undefined || values.family === family)
  if (families.length === 0) throw new Error(`there are the families ${FAMILIES.join(' and ')}, not ${values.family}`)
  const weights = values.static === undefined ? null : vectorOf(values.static)
  const runs = whole(values.runs ?? `${RUNS}`, 1)
  return { runs, seconds, only, families, weights, isTrial: Object.keys(values).length > 0 }
}

function whole(text: string, least: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least) return value
  throw new Error(`${text} is not a whole number from ${least}`)
}

function vectorOf(text: string): Vector {
  const weights = text.split(':').map(Number)
  if (weights.length === 4 && weights.every((weight) => weight > 0)) return weights as unknown as Vector
  throw new Error(`static weights are four numbers above 0, as 4:4:2:1, and not ${text}`)
}

function contendersOf({ only }: Options, weights: Vector | undefined): Contender[] {
  const its = weights === undefined ? [] : [{ ...staticWeights(weights), name: STATIC }]
  return [...its, ...CONTENDERS].filter(({ name }) => only.includes(name))
}

/** Each run begins with another one, so that a drift of the machine hits all alike. */
function inOrderOf(run: number, contenders: readonly Contender[]): Contender[] {
  const first = (run * Math.ceil(contenders.length / RUNS)) % contenders.length
  return [...contenders.slice(first), ...contenders.slice(0, first)]
}

async function onStage(run: number, body: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await createStage(SEED + run)
  try {
    await body(stage)
  } finally {
    await stage.close()
  }
}

async function play(stage: Stage, contender: Contender, family: Family, acts: readonly Act[], run: number) {
  say(`run ${run + 1}, family ${family}: ${contender.name}`)
  return runFiguresOf(await playFamily(stage, contender, family, acts), run)
}

/** The best static weights of each family: all for a while, then the best three in full. */
async function weightsOf(options: Options): Promise<Partial<Record<Family, Vector>>> {
  const found: Partial<Record<Family, Vector>> = {}
  if (!options.only.includes(STATIC)) return found
  for (const family of options.families) {
    if (options.weights !== null) found[family] = options.weights
    else
      await onStage(0, async (stage) => {
        const tried = async (vectors: readonly Vector[], acts: readonly Act[]) => {
          const figures: { vector: Vector; figures: RunFigures }[] = []
          for (const vector of vectors)
            figures.push({ vector, figures: await play(stage, staticWeights(vector), family, acts, 0) })
          return bestOf(figures)
        }
        const best = await tried(VECTORS, inSearch(family))
        found[family] = (await tried(best.slice(0, SEARCHED_IN_FULL), inFull(family, options)))[0] as Vector
      })
  }
  return found
}

const inFull = (family: Family, { seconds }: Options): Act[] => actsOf(family, seconds, STEADY_TIMES * seconds)
const inSearch = (family: Family): Act[] => actsOf(family, Math.floor(SEARCH_SECONDS / actsOf(family, 1).length))

function allSeconds(options: Options): number {
  const { families, only, runs, weights } = options
  return families.reduce((sum, family) => {
    const each = secondsOf(inFull(family, options)) + BESIDE_SECONDS
    const searching = only.includes(STATIC) && weights === null
    const search = VECTORS.length * (SEARCH_SECONDS + BESIDE_SECONDS) + SEARCHED_IN_FULL * each
    return sum + runs * only.length * each + (searching ? search : 0)
  }, 0)
}

function reportOf(options: Options, weights: Partial<Record<Family, Vector>>, figures: readonly RunFigures[]): Report {
  const summaries = options.families.flatMap((family) =>
    contendersOf(options, weights[family]).map(({ name }) =>
      summaryOf(figures.filter((one) => one.family === family && one.contender === name)),
    ),
  )
  return {
    measuredAt: new Date().toISOString(),
    machine: machine(),
    runs: options.runs,
    seconds: options.seconds,
    weights: Object.fromEntries(Object.entries(weights).map(([family, vector]) => [family, vector.join(':')])),
    summaries,
    targets: targetsOf(summaries),
  }
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
}

process.exitCode = await main(process.argv.slice(2))

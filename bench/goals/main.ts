/**
 * `npm run bench:goals -- [--resume] [--runs N] [--seconds N] [--only CONTENDER,...] [--family I|II] [--static W:W:W:W]`: do goals
 * of real processes hold, under Reeve and under everybody else, in one run on this machine? Writes docs/bench-goals.md
 * and .json after each run; `--resume` goes on from there with the runs that are missing, on the same machine with the
 * same code. With any other option it is a trial, whose figures are shown and not written. `--seconds` is the length of
 * an act; `--static` names the static weights instead of looking for the best of them.
 */
import { parseArgs } from 'node:util'
import { takePrecedence } from '#daemon/precedence.ts'
import { machine } from '../machine.ts'
import { type Act, actsOf, FAMILIES, type Family, secondsOf } from './acts.ts'
import type { Contender } from './contender.ts'
import { published } from './contenders/published.ts'
import { reeve, reeveWithout } from './contenders/reeve.ts'
import { KERNEL, MAP, staticWeights, VECTORS, type Vector } from './contenders/static.ts'
import { codeOf, type Kept, keep, readKept, vectorOf, type Weights } from './kept.ts'
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

/** Every contender but the static weights, which differ by family. */
const CONTENDERS: readonly Contender[] = [
  KERNEL,
  MAP,
  published('parties'),
  published('proportional'),
  reeve(REEVE, '1s'),
  reeve(`${REEVE}-250ms`, '250ms'),
  ...reeveWithout(REEVE, '1s'),
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
  readonly isResumed: boolean
}

async function main(args: readonly string[]): Promise<number> {
  const code = codeOf()
  let options: Options
  let before: Kept | null = null
  try {
    options = optionsOf(args)
    if (options.isResumed) before = readKept({ machine: machine(), code, seconds: options.seconds })
  } catch (error) {
    process.stderr.write(`bench:goals: ${(error as Error).message}\n`)
    return 2
  }
  const firstRun = before?.runs ?? 0
  say(`this takes about ${Math.round(allSeconds(options, firstRun) / 60)} minutes`)
  await takePrecedence()
  const weights = before?.weights ?? (await weightsOf(options))
  const figures: RunFigures[] = [...(before?.figures ?? [])]
  for (let run = firstRun; run < options.runs; run++) {
    await onStage(run, async (stage) => {
      for (const family of options.families)
        for (const contender of inOrderOf(run, contendersOf(options, family, weights[family]))) {
          figures.push(await play(stage, contender, family, inFull(family, options), run))
        }
    })
    // What is measured by now is kept, should a later run fail.
    if (!options.isTrial) keep(reportOf({ ...options, runs: run + 1 }, code, weights, figures), figures)
  }
  process.stdout.write(`${pageOf(reportOf(options, code, weights, figures))}\n`)
  return 0
}

function optionsOf(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: { resume: { type: 'boolean' }, runs: text, seconds: text, only: text, family: text, static: text },
  })
  const seconds = whole(values.seconds ?? `${SECONDS}`, SECONDS_LEAST)
  const only = values.only?.split(',') ?? NAMES
  const unknown = only.filter((name) => !NAMES.includes(name))
  if (unknown.length > 0) throw new Error(`no contender is called ${unknown.join(', ')}; there are ${NAMES.join(', ')}`)
  const families = FAMILIES.filter((family) => values.family === undefined || values.family === family)
  if (families.length === 0) throw new Error(`there are the families ${FAMILIES.join(' and ')}, not ${values.family}`)
  const weights = values.static === undefined ? null : vectorOf(values.static)
  const runs = whole(values.runs ?? `${RUNS}`, 1)
  const isResumed = values.resume === true
  const isTrial = Object.keys(values).some((name) => name !== 'resume')
  if (isResumed && isTrial) throw new Error('--resume goes with no other option: trials are not kept')
  return { runs, seconds, only, families, weights, isTrial, isResumed }
}

function whole(text: string, least: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least) return value
  throw new Error(`${text} is not a whole number from ${least}`)
}

function contendersOf({ only }: Options, family: Family, weights: Vector | undefined): Contender[] {
  const its = weights === undefined ? [] : [{ ...staticWeights(weights), name: STATIC }]
  return [...its, ...CONTENDERS].filter(
    ({ name, onlyIn }) => only.includes(name) && (onlyIn === undefined || onlyIn === family),
  )
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
async function weightsOf(options: Options): Promise<Weights> {
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

function allSeconds(options: Options, firstRun: number): number {
  const { families, only, runs, weights } = options
  const isSearching = only.includes(STATIC) && weights === null && firstRun === 0
  return families.reduce((sum, family) => {
    const each = secondsOf(inFull(family, options)) + BESIDE_SECONDS
    const search = VECTORS.length * (SEARCH_SECONDS + BESIDE_SECONDS) + SEARCHED_IN_FULL * each
    const playing = contendersOf(options, family, only.includes(STATIC) ? VECTORS[0] : undefined).length
    return sum + (runs - firstRun) * playing * each + (isSearching ? search : 0)
  }, 0)
}

function reportOf(options: Options, code: string | null, weights: Weights, figures: readonly RunFigures[]): Report {
  const summaries = options.families.flatMap((family) =>
    contendersOf(options, family, weights[family]).map(({ name }) =>
      summaryOf(figures.filter((one) => one.family === family && one.contender === name)),
    ),
  )
  return {
    measuredAt: new Date().toISOString(),
    machine: machine(),
    code,
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

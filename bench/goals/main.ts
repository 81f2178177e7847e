/**
 * `npm run bench:goals -- [--family I|II] [--resume] [--runs N] [--seconds N] [--only CONTENDER,...] [--static W:W:W:W]`:
 * do goals of real processes hold, under Reeve and under everybody else, in one run on this machine? Writes
 * docs/bench-goals.md and .json after each run, each family for itself; `--resume` goes on from there with the runs that
 * are missing, on the same machine with the same code, and begins a family of which there are none. With any further
 * option it is a trial, whose figures are shown and not written. `--seconds` is the length of an act; `--static` names
 * the static weights instead of looking for the best of them.
 */
import { parseArgs } from 'node:util'
import { takePrecedence } from '#daemon/precedence.ts'
import { machine } from '../machine.ts'
import { type Act, actsOf, FAMILIES, type Family, secondsOf } from './acts.ts'
import type { Contender } from './contender.ts'
import { published } from './contenders/published.ts'
import { reeve, reeveWithout } from './contenders/reeve.ts'
import { KERNEL, MAP, staticWeights, VECTORS, type Vector } from './contenders/static.ts'
import { codeOf, type Kept, keep, readKept, vectorOf } from './kept.ts'
import { playFamily } from './play.ts'
import { bestOf } from './search.ts'
import { createStage, type Stage } from './stage.ts'
import { REEVE, REEVE_FAST, type RunFigures, runFiguresOf, summaryOf } from './summary.ts'
import { pageOf, type Report } from './table.ts'
import { targetsOf } from './targets.ts'

const RUNS = 5
const SECONDS = 14
/** The steady act is so many times as long. */
const STEADY_TIMES = 5
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
  reeve(REEVE_FAST, '250ms'),
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
  let before: readonly (Kept | null)[]
  try {
    options = optionsOf(args)
    before = options.isResumed ? keptBefore(options, code) : options.families.map(() => null)
  } catch (error) {
    process.stderr.write(`bench:goals: ${(error as Error).message}\n`)
    return 2
  }
  say(`this takes about ${Math.round(allSeconds(options, before) / 60)} minutes`)
  await takePrecedence()
  const reports: Report[] = []
  for (const [index, family] of options.families.entries()) {
    reports.push(await measured(options, family, before[index] ?? null, code))
  }
  process.stdout.write(`${pageOf(reports)}\n`)
  return 0
}

/** Of each family what can be gone on with; null where nothing is kept of it. @throws where what is kept does not fit. */
function keptBefore({ families, seconds }: Options, code: string | null): (Kept | null)[] {
  const before = families.map((family) => readKept({ family, machine: machine(), code, seconds }))
  if (before.every((kept) => kept === null)) throw new Error(`nothing is kept of family ${families.join(' or ')}`)
  return before
}

async function measured(options: Options, family: Family, before: Kept | null, code: string | null): Promise<Report> {
  const weights = before?.weights ?? (await weightsOf(options, family))
  const contenders = contendersOf(options, family, weights)
  const figures: RunFigures[] = [...(before?.figures ?? [])]
  const reportOf = (runs: number): Report => {
    const summaries = contenders.map(({ name }) => summaryOf(figures.filter((one) => one.contender === name)))
    return {
      family,
      measuredAt: new Date().toISOString(),
      machine: machine(),
      code,
      runs,
      seconds: options.seconds,
      weights: weights?.join(':') ?? null,
      summaries,
      targets: targetsOf(family, summaries),
    }
  }
  for (let run = before?.runs ?? 0; run < options.runs; run++) {
    await onStage(run, async (stage) => {
      for (const contender of inOrderOf(run, contenders)) {
        figures.push(await play(stage, contender, family, inFull(family, options), run))
      }
    })
    // What is measured by now is kept, should a later run fail.
    if (!options.isTrial) keep(reportOf(run + 1), figures)
  }
  return reportOf(options.runs)
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
  const named = FAMILIES.filter((family) => values.family === undefined || values.family === family)
  if (named.length === 0) throw new Error(`there are the families ${FAMILIES.join(' and ')}, not ${values.family}`)
  const families = named.filter((family) => only.includes(STATIC) || contendersOf({ only }, family, null).length > 0)
  if (families.length === 0) throw new Error(`${only.join(', ')} do not play in family ${named.join(' and ')}`)
  const weights = values.static === undefined ? null : vectorOf(values.static)
  const runs = whole(values.runs ?? `${RUNS}`, 1)
  const isResumed = values.resume === true
  const isTrial = Object.keys(values).some((name) => name !== 'resume' && name !== 'family')
  if (isResumed && isTrial) throw new Error('--resume goes only with --family: trials are not kept')
  return { runs, seconds, only, families, weights, isTrial, isResumed }
}

function whole(text: string, least: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least) return value
  throw new Error(`${text} is not a whole number from ${least}`)
}

function contendersOf({ only }: Pick<Options, 'only'>, family: Family, weights: Vector | null): Contender[] {
  const its = weights === null ? [] : [{ ...staticWeights(weights), name: STATIC }]
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

/** The best static weights of a family: all for a while, then the best three in full. null where they do not play. */
async function weightsOf(options: Options, family: Family): Promise<Vector | null> {
  if (!options.only.includes(STATIC)) return null
  if (options.weights !== null) return options.weights
  const tried = async (stage: Stage, vectors: readonly Vector[], acts: readonly Act[]) => {
    const figures: { vector: Vector; figures: RunFigures }[] = []
    for (const vector of vectors)
      figures.push({ vector, figures: await play(stage, staticWeights(vector), family, acts, 0) })
    return bestOf(figures)
  }
  let found: Vector | null = null
  await onStage(0, async (stage) => {
    const best = await tried(stage, VECTORS, inSearch(family))
    found = (await tried(stage, best.slice(0, SEARCHED_IN_FULL), inFull(family, options)))[0] ?? null
  })
  return found
}

const inFull = (family: Family, { seconds }: Options): Act[] => actsOf(family, seconds, STEADY_TIMES * seconds)
const inSearch = (family: Family): Act[] => actsOf(family, Math.floor(SEARCH_SECONDS / actsOf(family, 1).length))

function allSeconds(options: Options, before: readonly (Kept | null)[]): number {
  const { families, only, runs, weights } = options
  return families.reduce((sum, family, index) => {
    const kept = before[index] ?? null
    const isSearching = only.includes(STATIC) && weights === null && kept === null
    const each = secondsOf(inFull(family, options)) + BESIDE_SECONDS
    const search = VECTORS.length * (SEARCH_SECONDS + BESIDE_SECONDS) + SEARCHED_IN_FULL * each
    const playing = contendersOf(options, family, only.includes(STATIC) ? (VECTORS[0] ?? null) : null).length
    return sum + (runs - (kept?.runs ?? 0)) * playing * each + (isSearching ? search : 0)
  }, 0)
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`)
}

process.exitCode = await main(process.argv.slice(2))

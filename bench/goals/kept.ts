import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { FAMILIES, type Family } from './acts.ts'
import type { Vector } from './contenders/static.ts'
import type { RunFigures } from './summary.ts'
import { pageOf, type Report } from './table.ts'

const PAGE = new URL('../../docs/bench-goals.md', import.meta.url)
const FIGURES = new URL('../../docs/bench-goals.json', import.meta.url)

/** What an earlier call has measured of a family: so many runs in full, and their figures. */
export interface Kept {
  readonly runs: number
  readonly weights: Vector
  readonly figures: readonly RunFigures[]
}

/** What must be the same for runs to be counted together. */
export type Setting = Pick<Report, 'family' | 'machine' | 'code' | 'seconds'>

type KeptReport = Report & Pick<Kept, 'figures'>

/** In place of what was kept of this family; the other stays as it is. */
export function keep(report: Report, figures: readonly RunFigures[]): void {
  const kept = { ...keptReports(), [report.family]: { ...report, figures } }
  const reports = FAMILIES.flatMap((family) => kept[family] ?? [])
  writeFileSync(PAGE, pageOf(reports))
  writeFileSync(FIGURES, `${JSON.stringify(kept, (_, value) => (isOdd(value) ? `${value}` : value), 2)}\n`)
}

/** null where nothing was kept of the family. Throws where what was kept is of another setting. */
export function readKept(now: Setting): Kept | null {
  const kept = keptReports()[now.family]
  if (kept === undefined) return null
  if (now.code === null) throw new Error('cannot resume: src or bench differ from the last commit, or there is none')
  for (const [name, its] of Object.entries(now)) {
    const before = kept[name as keyof Setting]
    if (before === its) continue
    const why = `${name} was ${before} when family ${now.family} was begun, and is ${its} now`
    throw new Error(`cannot resume: ${why}; name the other family, or leave --resume away to begin anew`)
  }
  return { runs: kept.runs, weights: vectorOf(kept.weights ?? ''), figures: kept.figures }
}

function keptReports(): Readonly<Partial<Record<Family, KeptReport>>> {
  if (!existsSync(FIGURES)) return {}
  return JSON.parse(readFileSync(FIGURES, 'utf8'), (_, value) => (ODD_TEXTS.has(value) ? Number(value) : value))
}

/** Numbers that JSON does not know, which would come back as null: a goal that never held again has no reaction. */
const isOdd = (value: unknown): boolean => typeof value === 'number' && !Number.isFinite(value)
const ODD_TEXTS: ReadonlySet<unknown> = new Set(['Infinity', '-Infinity', 'NaN'])

/** Of `4:4:2:1`. Throws a message for whoever wrote it. */
export function vectorOf(text: string): Vector {
  const weights = text.split(':').map(Number)
  if (weights.length === 4 && weights.every((weight) => weight > 0)) return weights as unknown as Vector
  throw new Error(`static weights are four numbers above 0, as 4:4:2:1, and not ${text}`)
}

const TREE_LETTERS = 8

/** Names the trees of what is measured and of what measures; null where they are not as committed. */
export function codeOf(): string | null {
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    git('diff', '--quiet', 'HEAD', '--', ':/src', ':/bench')
    const trees = git('rev-parse', 'HEAD:src', 'HEAD:bench').trim().split('\n')
    return trees.map((tree) => tree.slice(0, TREE_LETTERS)).join(' ')
  } catch {
    return null
  }
}

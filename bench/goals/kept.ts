import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Family } from './acts.ts'
import type { Vector } from './contenders/static.ts'
import type { RunFigures } from './summary.ts'
import { pageOf, type Report } from './table.ts'

const PAGE = new URL('../../docs/bench-goals.md', import.meta.url)
const FIGURES = new URL('../../docs/bench-goals.json', import.meta.url)

/** The static weights that play in each family. */
export type Weights = Readonly<Partial<Record<Family, Vector>>>

/** What an earlier call has measured: so many runs in full, and their figures. */
export interface Kept {
  readonly runs: number
  readonly weights: Weights
  readonly figures: readonly RunFigures[]
}

/** What must be the same for runs to be counted together. */
export type Setting = Pick<Report, 'machine' | 'code' | 'seconds'>

export function keep(report: Report, figures: readonly RunFigures[]): void {
  writeFileSync(PAGE, pageOf(report))
  writeFileSync(FIGURES, `${JSON.stringify({ ...report, figures }, null, 2)}\n`)
}

/** Throws where nothing was kept, or what was kept is of another setting. */
export function readKept(now: Setting): Kept {
  if (!existsSync(FIGURES)) throw new Error('cannot resume: nothing is kept in docs/bench-goals.json')
  const kept = JSON.parse(readFileSync(FIGURES, 'utf8')) as Report & Pick<Kept, 'figures'>
  if (now.code === null) throw new Error('cannot resume: src or bench differ from the last commit, or there is none')
  for (const [name, its] of Object.entries(now)) {
    const before = kept[name as keyof Setting]
    if (before !== its) throw new Error(`cannot resume: ${name} was ${before} when it was begun and is ${its} now`)
  }
  const weights = Object.fromEntries(Object.entries(kept.weights).map(([family, text]) => [family, vectorOf(text)]))
  return { runs: kept.runs, weights, figures: kept.figures }
}

/** Of `4:4:2:1`. Throws a message for whoever wrote it. */
export function vectorOf(text: string): Vector {
  const weights = text.split(':').map(Number)
  if (weights.length === 4 && weights.every((weight) => weight > 0)) return weights as unknown as Vector
  throw new Error(`static weights are four numbers above 0, as 4:4:2:1, and not ${text}`)
}

/** Names the trees of what is measured and of what measures; null where they are not as committed. */
export function codeOf(): string | null {
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    git('diff', '--quiet', 'HEAD', '--', ':/src', ':/bench')
    return git('rev-parse', '--short', 'HEAD:src', 'HEAD:bench').trim().replace('\n', ' ')
  } catch {
    return null
  }
}

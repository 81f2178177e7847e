/** The command `reeve solve FILE|-`. */

import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { renderSolve, solveText } from '#cli/solve.ts'
import { reasonOf } from '#lib/reason-of.ts'

/** Solves the problem in a file, or on standard input for `-`; returns the exit code, 2 for a problem that is none. */
export async function solveCommand(file: string): Promise<number> {
  let problem: string
  try {
    problem = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8')
  } catch (cause) {
    process.stderr.write(`reeve solve: cannot read ${file}: ${reasonOf(cause)}\n`)
    return 2
  }
  const solved = solveText(problem)
  if (!solved.ok) {
    process.stderr.write(`reeve solve: ${solved.message}\n`)
    return 2
  }
  process.stdout.write(`${renderSolve(solved.output)}\n`)
  return 0
}

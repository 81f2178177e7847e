import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { startPromptly } from './scheduling.ts'

/** The nftables program: changes by one run each, readings by one that stays, as starting it costs milliseconds. */

const PATIENCE_MS = 2000

/** Carries out a script as one transaction; `check` only asks whether it could be carried out. */
export function changeRules(script: string, mode: 'change' | 'check' = 'change'): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = mode === 'check' ? ['-c', '-f', '-'] : ['-f', '-']
    const child = startPromptly(() =>
      execFile('nft', options, { timeout: PATIENCE_MS }, (error) => (error ? reject(error) : resolve())),
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end(script)
  })
}

export interface RuleReader {
  /** The named counters of the table, among other objects, as nft's JSON has them. */
  list(): Promise<readonly Listed[]>
  close(): void
}

export interface Listed {
  readonly counter?: { readonly name: string; readonly packets: number; readonly bytes: number }
}

/**
 * One line for each line that it is given: the counters as JSON, or nothing where they cannot be listed. Only the
 * counters: to list a map, nft would look for the path of every group in it all over the tree.
 */
const ANSWER_EACH_LINE =
  'while read -r _; do nft -j list counters table inet "$1" 2>/dev/null | tr -d "\\n"; echo; done'

/**
 * Lists one table again and again. A small shell that stays starts nft each time: started from a process as large as
 * this one it would cost milliseconds of Reeve's own CPU time. (The interactive nft spins on a pipe.)
 */
export function ruleReader(table: string): RuleReader {
  let child: ChildProcess | null = null
  let answered: ((line: string) => void) | null = null
  const stop = (): void => {
    child?.kill()
    child = null
    answered?.('')
  }
  const start = (): ChildProcess => {
    const started = startPromptly(() =>
      spawn('/bin/sh', ['-c', ANSWER_EACH_LINE, 'sh', table], { stdio: ['pipe', 'pipe', 'ignore'] }),
    )
    started.on('error', stop)
    started.on('exit', () => started === child && stop())
    started.stdin.on('error', stop)
    createInterface({ input: started.stdout }).on('line', (line) => answered?.(line))
    // It must not keep Reeve from ending; it ends itself when its input does.
    started.unref()
    for (const stream of [started.stdin, started.stdout]) (stream as unknown as { unref(): void }).unref()
    return started
  }
  return {
    async list() {
      child ??= start()
      const line = await new Promise<string>((resolve) => {
        const timer = setTimeout(resolve, PATIENCE_MS, '')
        answered = (text) => {
          clearTimeout(timer)
          resolve(text)
        }
        child?.stdin?.write('\n')
      })
      answered = null
      if (line !== '') return (JSON.parse(line) as { readonly nftables: readonly Listed[] }).nftables
      // A late answer must not be taken for that to the next question.
      stop()
      throw new Error(`nft cannot list table inet ${table}`)
    },
    close: stop,
  }
}

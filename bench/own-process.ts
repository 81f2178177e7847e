import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const LAUNCHER = fileURLToPath(new URL('../bin/reeve', import.meta.url))

/**
 * Runs a script of this folder in a process of its own, with the heap that `reeve up` has, so that nothing else counts;
 * returns the one JSON value that it prints. What it says on the way is passed on.
 */
export async function inOwnProcess<Figures>(script: string, ...args: readonly string[]): Promise<Figures> {
  const heap = /heap='(.+)'/.exec(readFileSync(LAUNCHER, 'utf8'))?.[1]?.split(' ')
  if (heap === undefined) throw new Error(`${LAUNCHER} does not say what heap the daemon has`)
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, ...heap, '--expose-gc', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`bench/${script} ${args.join(' ')} failed with exit code ${code}, see above`)
  return JSON.parse(text) as Figures
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100
const END_MS = 10_000

/**
 * A contender's process. It ends with this one, by whatever end. The standing that it takes anyway (`precedence.ts`) it
 * has from its beginning: on a host as busy as this one it would take minutes to get as far as taking it.
 */
export function spawnBound(command: readonly string[]): ChildProcess {
  const under = ['--pdeathsig', 'KILL', 'chrt', '--rr', '1']
  return spawn('setpriv', [...under, ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
}

/** CPU-seconds that a process has used so far, user and system; 0 once it is gone. */
export function cpuSecondsOf({ pid }: ChildProcess): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name, in brackets, may have spaces; the times are the fields 14 and 15, the state behind the name is field 3.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const killed = setTimeout(() => child.kill('SIGKILL'), END_MS)
  child.kill('SIGTERM')
  await exited
  clearTimeout(killed)
}

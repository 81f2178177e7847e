import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stage } from './stage.ts'

const TICKS_PER_SECOND = 100
const END_MS = 10_000

/**
 * A contender's process. It ends with this one, by whatever end. The standing that it takes anyway (`precedence.ts`) it
 * has from its beginning, and the stage makes way until it has: on a host as busy as this one it would take half a
 * minute to get as far as taking it.
 */
export async function spawnBound(stage: Stage, command: readonly string[]): Promise<ChildProcess> {
  stage.makeWay(true)
  try {
    const under = ['--pdeathsig', 'KILL', 'chrt', '--rr', '1']
    const child = spawn('setpriv', [...under, ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
    await once(child, 'spawn')
    while (child.exitCode === null && Number(statOf(child)?.[AT.policy]) !== ROUND_ROBIN) await sleep(1)
    return child
  } finally {
    stage.makeWay(false)
  }
}

const ROUND_ROBIN = 2
/** Of the fields behind the name: time in ticks, own and of children that have ended, and the scheduling class. */
const AT = { times: [11, 12, 13, 14], policy: 38 } as const

/** Fields of `/proc/ID/stat` from the third, which follows the name in brackets; null once the process is gone. */
function statOf({ pid }: { readonly pid?: number | undefined }): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

function childrenOf({ pid }: ChildProcess): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** CPU-seconds that a process and those that it has started have used so far; 0 once it is gone. */
export function cpuSecondsOf(child: ChildProcess): number {
  const ticksOf = (stat: readonly string[] | null): number =>
    stat === null ? 0 : AT.times.reduce((sum, at) => sum + Number(stat[at]), 0)
  const all = [child, ...childrenOf(child).map((pid) => ({ pid }))]
  return all.reduce((sum, its) => sum + ticksOf(statOf(its)), 0) / TICKS_PER_SECOND
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const killed = setTimeout(() => child.kill('SIGKILL'), END_MS)
  child.kill('SIGTERM')
  await exited
  clearTimeout(killed)
}

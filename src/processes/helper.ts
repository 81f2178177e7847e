import { closeSync, openSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { reasonOf } from '#lib/reason-of.ts'
import type { Answer, Ask, ToRun, ToStart } from './messages.ts'
import { killGroup, runToEnd, spawnOrdinary } from './run-to-end.ts'
import { openScheduling } from './sched-attributes.ts'

/**
 * The process that starts all others for Reeve, over the channel of `fork`. It ends with Reeve, and what it was running
 * to its end goes with it; what it started to outlive Reeve does.
 */

interface Begun {
  go?(): void
  end(): void
}

const begun = new Map<number, Begun>()
/** Process groups that end with Reeve. */
const groups = new Set<number>()
// Without this it is not known what standing there is, and all that begins has it.
const opened = openScheduling().catch(() => {})

function answer(its: Answer): void {
  // Nobody hears it where Reeve is gone, and then this ends too.
  process.send?.(its, undefined, undefined, () => {})
}

function fail(id: number, error: unknown): void {
  const { code } = error as NodeJS.ErrnoException
  answer({ id, failed: { message: reasonOf(error), code } })
}

async function run(id: number, toRun: ToRun): Promise<void> {
  const ending = new AbortController()
  begun.set(id, { end: () => ending.abort(new Error('it was asked to end')) })
  let group: number | null = null
  const began = (pid: number) => {
    group = pid
    groups.add(pid)
    answer({ id, pid })
  }
  try {
    answer({ id, ended: await runToEnd(toRun, ending.signal, began) })
  } catch (error) {
    fail(id, error)
  } finally {
    begun.delete(id)
    if (group !== null) groups.delete(group)
  }
}

function start(id: number, { argv: [program, ...args], surroundings, output }: ToStart): void {
  const kept = openSync(output, 'a', 0o600)
  try {
    const stdio = ['ignore', kept, kept, 'pipe'] as const
    const child = spawnOrdinary(program, args, { ...surroundings, stdio: [...stdio], detached: true })
    child.once('error', (error) => {
      begun.delete(id)
      fail(id, error)
    })
    if (child.pid === undefined) return
    const gate = child.stdio[3] as Writable
    // What is killed meanwhile closes its end; what became of it shows in its group.
    gate.on('error', () => {})
    begun.set(id, { go: () => gate.end('go\n'), end: () => child.kill('SIGKILL') })
    child.once('exit', (code, signal) => {
      begun.delete(id)
      answer({ id, ended: { code, signal, stdout: '', stderr: '' } })
    })
    answer({ id, pid: child.pid })
  } finally {
    closeSync(kept)
  }
}

process.on('message', async (ask: Ask) => {
  await opened
  if ('run' in ask) return run(ask.id, ask.run)
  if ('go' in ask) return begun.get(ask.id)?.go?.()
  if ('end' in ask) return begun.get(ask.id)?.end()
  try {
    start(ask.id, ask.start)
  } catch (error) {
    fail(ask.id, error)
  }
})
process.on('disconnect', () => {
  for (const group of groups) killGroup(group, 'SIGKILL')
  process.exit()
})
// A signal for all of Reeve's processes, as systemd and keyboards send it, is for Reeve to answer.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { inTime } from '#lib/in-time.ts'
import type { Answer, Argv, Ask, Ended, ToRun, ToStart } from './messages.ts'
import { killGroup } from './run-to-end.ts'
import { inheriting } from './sched-attributes.ts'

/**
 * Starts programs. Not this process forks but a small helper, started once: a process that forks stands still until the
 * new one has become its program, and on a full host that was seen to take 20 s, without a turn.
 */

/** A program that was asked for. */
export interface Begun {
  /** null until it has begun. */
  readonly pid: number | null
  readonly isOver: boolean
  /** @throws where it could not be started, or prints more than it may. */
  readonly ended: Promise<Ended>
  /** Lets what waits at its gate go on. */
  go(): void
  /** Asks it, and all that it started, to end, and then makes it. */
  end(): void
}

/** Who asks a program to end does not wait longer than this for that. */
const ENDING_MS = 2000
const MEBIBYTE = 1024 * 1024

/** Runs a program to its end, with all that it starts: at its end or Reeve's nothing of that is left. */
export function run(toRun: ToRun): Begun {
  const ours = helper()
  const asked = ours.ask({ run: toRun })
  ours.awaited(asked.ended).catch(() => {})
  return asked
}

/** Starts what is to outlive Reeve; resolves when it has begun, and waits at its gate. @throws where it cannot. */
export async function start(toStart: ToStart): Promise<Begun & { readonly pid: number }> {
  const ours = helper()
  const asked = ours.ask({ start: toStart })
  await ours.awaited(asked.begins)
  return asked as Begun & { readonly pid: number }
}

/** How it ended. Where the signal comes first it is asked to end. @throws the signal's reason then. */
export async function endOf(begun: Begun, signal: AbortSignal): Promise<Ended> {
  try {
    return await inTime(begun.ended, signal)
  } catch (error) {
    if (signal.aborted && !begun.isOver) {
      begun.end()
      await inTime(begun.ended, AbortSignal.timeout(ENDING_MS)).catch(() => {})
    }
    throw error
  }
}

interface ToolOptions {
  readonly timeoutMs: number
  readonly input?: string
  readonly signal?: AbortSignal
}

/** `with 3`, `by SIGSEGV`. */
export function howOf({ code, signal }: Pick<Ended, 'code' | 'signal'>): string {
  return code === null ? `by ${signal}` : `with ${code}`
}

/** A program failed that Reeve itself needs. */
export class ToolFailed extends Error {
  override readonly name = 'ToolFailed'
  /** What it said. */
  readonly stderr: string

  constructor(message: string, stderr: string) {
    super(message)
    this.stderr = stderr
  }
}

/** What a program of the host prints, which Reeve itself waits for, and which therefore runs at its standing. */
export async function runTool(argv: Argv, { timeoutMs, input, signal }: ToolOptions): Promise<string> {
  const cut = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])])
  cut.throwIfAborted()
  const surroundings = { env: process.env as Record<string, string> }
  const begun = run({ argv, surroundings, standing: 'own', bytesMost: MEBIBYTE, ...(input !== undefined && { input }) })
  const ended = await endOf(begun, cut).catch((error: Error) => {
    throw error.name === 'TimeoutError' ? new Error(`${argv[0]} gave no answer within ${timeoutMs} ms`) : error
  })
  if (ended.code === 0) return ended.stdout
  const said = ended.stderr.trim()
  throw new ToolFailed(`${argv[0]} ended ${howOf(ended)}${said === '' ? '' : `: ${said}`}`, said)
}

/** Starts the helper, where none is there yet, for those who will not have the time later. */
export function openPrograms(): void {
  helper()
}

let running: Helper | null = null

function helper(): Helper {
  running ??= new Helper(() => {
    running = null
  })
  return running
}

/** What was asked of the helper, and what it has answered so far. */
class Asked implements Begun {
  pid: number | null = null
  isOver = false
  readonly #begins = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<Ended>()
  readonly #say: (word: 'go' | 'end') => void
  readonly #outlives: boolean

  constructor(outlives: boolean, say: (word: 'go' | 'end') => void) {
    this.#outlives = outlives
    this.#say = say
    // Not everybody who asks wants to know.
    this.begins.catch(() => {})
    this.ended.catch(() => {})
  }

  get begins(): Promise<void> {
    return this.#begins.promise
  }

  get ended(): Promise<Ended> {
    return this.#ended.promise
  }

  go(): void {
    this.#say('go')
  }

  end(): void {
    this.#say('end')
  }

  hear(answer: Answer): void {
    if ('pid' in answer) {
      this.pid = answer.pid
      this.#begins.resolve()
      return
    }
    if ('failed' in answer) {
      this.fail(Object.assign(new Error(answer.failed.message), { code: answer.failed.code }))
      return
    }
    this.isOver = true
    this.#ended.resolve(answer.ended)
  }

  /** The helper is gone: what ends with Reeve does not outlive that either. */
  lose(error: Error): void {
    if (this.pid !== null && !this.#outlives) killGroup(this.pid, 'SIGKILL')
    this.fail(error)
  }

  fail(error: Error): void {
    this.isOver = true
    this.#begins.reject(error)
    this.#ended.reject(error)
  }
}

class Helper {
  readonly #process: ChildProcess
  readonly #asked = new Map<number, Asked>()
  #awaited = 0
  #last = 0

  constructor(gone: () => void) {
    const path = fileURLToPath(new URL('./helper.ts', import.meta.url))
    const execArgv = [
      ...process.execArgv.filter((its) => /^--(disable|experimental)-/.test(its)),
      '--single-threaded-gc',
    ]
    // A session of its own: an interrupt from the keyboard is for Reeve alone.
    const options = { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], detached: true } as const
    this.#process = inheriting(() => fork(path, { ...options, stdio: [...options.stdio] }))
    const lose = (why: string): void => {
      gone()
      for (const asked of this.#asked.values())
        asked.lose(new Error(`the process that starts programs for Reeve ${why}`))
      this.#asked.clear()
    }
    this.#process.on('message', (answer: Answer) => this.#hear(answer))
    this.#process.on('error', (error) => lose(`cannot be started: ${error.message}`))
    this.#process.once('exit', (code, signal) => lose(`ended ${howOf({ code, signal })}`))
    this.#process.unref()
    this.#process.channel?.unref()
  }

  ask(what: { readonly run: ToRun } | { readonly start: ToStart }): Asked {
    this.#last += 1
    const id = this.#last
    const asked = new Asked('start' in what, (word) => this.#say(word === 'go' ? { id, go: true } : { id, end: true }))
    this.#asked.set(id, asked)
    this.#say({ id, ...what })
    return asked
  }

  /** Node does not end until this has. */
  async awaited<Result>(work: Promise<Result>): Promise<Result> {
    this.#awaited += 1
    this.#process.channel?.ref()
    try {
      return await work
    } finally {
      this.#awaited -= 1
      if (this.#awaited === 0) this.#process.channel?.unref()
    }
  }

  #hear(answer: Answer): void {
    const asked = this.#asked.get(answer.id)
    if (!('pid' in answer)) this.#asked.delete(answer.id)
    asked?.hear(answer)
  }

  /** One that is gone says so by its exit. */
  #say(ask: Ask): void {
    this.#process.send(ask, () => {})
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandPolicy, MetricSourcePolicy } from '#core/model/policy.ts'
import { decimal } from '#lib/decimal.ts'
import { printable } from '#lib/printable.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Clock, Surroundings } from '#ports.ts'
import { type Found, oneValue } from './board.ts'
import { withTimeout } from './with-timeout.ts'

/** Looks up what a command needs on this host. @throws with a message for the operator where something is missing. */
export type SurroundingsOf = (command: CommandPolicy) => Surroundings
/** Starts a process so that this one does not stand still until it could begin; `start` starts it in that very call. */
export type Starting = (start: () => ChildProcess) => ChildProcess

type Source = Extract<MetricSourcePolicy, { readonly kind: 'command' }>

/** One number, and what a program may say of its troubles. */
const BYTES_MOST = 64 * 1024
const SAID_MOST = 200
/** What was asked to end is made to after so long. */
const GRACE_MS = 500
const NO_WINDOWS = [] as const

/**
 * The number that a program prints. It runs without a shell, as its user, in a process group of its own, and nothing
 * of that group is left once it has ended or its time is up.
 */
export function commandLook(
  { command, timeoutMs }: Source,
  surroundingsOf: SurroundingsOf,
  starting: Starting,
  clock: Clock,
): (signal: AbortSignal) => Promise<Found> {
  let last: ChildProcess | null = null
  return async (stopping) => {
    try {
      if (last !== null && isRunning(last)) {
        throw new Error(`process ${last.pid} of the time before cannot be ended; it is not started beside that`)
      }
      const { stdout, stderr, ended } = await withTimeout(timeoutMs, stopping, (signal) =>
        run(() => {
          last = starting(() => start(command, surroundingsOf(command)))
          return last
        }, signal),
      )
      if (ended !== 'with 0') {
        const said = stderr === '' ? '' : `: ${printable(stderr.trim(), SAID_MOST)}`
        throw new Error(`it ended ${ended}${said}`)
      }
      const value = decimal(stdout.trim())
      if (value === null) throw new Error(`it printed "${printable(stdout, 40)}", which is not one number`)
      return oneValue(value, clock.now(NO_WINDOWS).monotonicMs)
    } catch (error) {
      const shown = printable(command.argv.join(' '))
      throw new Error(`command \`${shown}\` gives no reading: ${reasonOf(error)}`, { cause: error })
    }
  }
}

interface Ended {
  readonly stdout: string
  readonly stderr: string
  /** `with 0`, `with 3`, `by SIGSEGV`. */
  readonly ended: string
}

function start({ argv: [program, ...args] }: CommandPolicy, surroundings: Surroundings): ChildProcess {
  return spawn(program, args, { ...surroundings, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
}

/** @throws the signal's reason where that came first, or what kept the program from running. */
async function run(begin: () => ChildProcess, signal: AbortSignal): Promise<Ended> {
  signal.throwIfAborted()
  const child = begin()
  const { promise: cut, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop)
  try {
    return await Promise.race([finished(child), cut])
  } finally {
    signal.removeEventListener('abort', stop)
    await endGroup(child)
  }
}

/** Resolves once the program has ended and all that it printed is read; what it started must not hold that up. */
async function finished(child: ChildProcess): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  child.once('error', reject)
  child.once('exit', (code, killedBy) => {
    // Whoever is left of the group would keep what it prints to open.
    killGroup(child, 'SIGKILL')
    resolve(code === null ? `by ${killedBy}` : `with ${code}`)
  })
  const [ended, stdout, stderr] = await Promise.all([promise, printed(child.stdout), printed(child.stderr)])
  return { ended, stdout, stderr }
}

async function printed(stream: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream ?? []) {
    bytes += chunk.length
    if (bytes > BYTES_MOST) throw new Error(`it prints more than the ${BYTES_MOST} bytes that are read`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString()
}

/** Asks all of the group to end, and makes what is left of it. */
async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return
  if (isRunning(child)) {
    const exited = new Promise((resolve) => child.once('exit', resolve))
    killGroup(child, 'SIGTERM')
    await soon(exited)
    killGroup(child, 'SIGKILL')
    // A process that hangs in the kernel does not end even so, and must not hold up the end of Reeve.
    await soon(exited)
  }
  child.stdout?.destroy()
  child.stderr?.destroy()
}

/** Waits for it, though not for long. */
async function soon(ended: Promise<unknown>): Promise<void> {
  const waiting = new AbortController()
  await Promise.race([ended, sleep(GRACE_MS, undefined, { signal: waiting.signal }).catch(() => undefined)])
  waiting.abort()
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}

/** Of a group that is empty nothing needs to be ended. */
function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-(pid as number), signal)
  } catch {
    // It is gone, or belongs to somebody else by now.
  }
}

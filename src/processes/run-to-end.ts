import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import type { Ended, ToRun } from './messages.ts'
import { isRealTime, makeOrdinary } from './sched-attributes.ts'

/** What was asked to end is made to after so long. */
const GRACE_MS = 500

/** Starts a process that goes on at an ordinary standing. It begins with the one of this, so as not to wait for that. */
export function spawnOrdinary(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(program, args, options)
  if (child.pid !== undefined && isRealTime()) makeOrdinary(child.pid)
  return child
}

/**
 * Runs a program in a process group of its own, of which nothing is left when this resolves.
 * @throws where it cannot be started or prints more than it may, and the signal's reason where that came first.
 */
export async function runToEnd(
  { argv: [program, ...args], surroundings, input, standing, bytesMost }: ToRun,
  signal: AbortSignal,
  began: (pid: number) => void,
): Promise<Ended> {
  const start = standing === 'own' ? spawn : spawnOrdinary
  const stdin = input === undefined ? 'ignore' : 'pipe'
  const child = start(program, args, { ...surroundings, stdio: [stdin, 'pipe', 'pipe'], detached: true })
  if (child.pid !== undefined) began(child.pid)
  const { promise: cut, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  // A program that ends before it has read all is judged by how it ends.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  try {
    return await Promise.race([finished(child, bytesMost), cut])
  } finally {
    await endGroup(child)
  }
}

/** Resolves once the program has ended and all that it printed is read; what it started must not hold that up. */
async function finished(child: ChildProcess, bytesMost: number): Promise<Ended> {
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Ended, 'code' | 'signal'>>()
  child.once('error', reject)
  child.once('exit', (code, signal) => {
    // Whoever is left of the group would keep what it prints to open.
    killGroup(child.pid as number, 'SIGKILL')
    resolve({ code, signal })
  })
  const [ended, stdout, stderr] = await Promise.all([
    promise,
    printed(child.stdout, bytesMost),
    printed(child.stderr, bytesMost),
  ])
  return { ...ended, stdout, stderr }
}

async function printed(stream: NodeJS.ReadableStream | null, bytesMost: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream ?? []) {
    bytes += chunk.length
    if (bytes > bytesMost) throw new Error(`it prints more than the ${bytesMost} bytes that are read`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString()
}

/** Asks all of the group to end, and makes what is left of it. Lasts as long as a process hangs in the kernel. */
async function endGroup(child: ChildProcess): Promise<void> {
  const { pid, exitCode, signalCode } = child
  if (pid === undefined) return
  if (exitCode === null && signalCode === null) {
    const exited = new Promise((resolve) => child.once('exit', resolve))
    killGroup(pid, 'SIGTERM')
    const impatience = setTimeout(killGroup, GRACE_MS, pid, 'SIGKILL')
    await exited
    clearTimeout(impatience)
    killGroup(pid, 'SIGKILL')
  }
  child.stdout?.destroy()
  child.stderr?.destroy()
}

/** Of a group that is empty nothing needs to be ended. */
export function killGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // It is gone, or belongs to somebody else by now.
  }
}

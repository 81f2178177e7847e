import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { CommandPolicy } from '#core/model/policy.ts'
import { moveInto } from './groups.ts'
import type { Layout } from './layout.ts'
import { findUser, type User } from './users.ts'

/**
 * Starts a command inside its group. A shell that runs nothing but the constant text below waits until it has been
 * moved there and only then becomes the command, which therefore never runs one instruction elsewhere; should Reeve
 * die before, the shell reads the end of its input and goes too. No text of the policy is ever shell code.
 */
const WAIT_THEN_BECOME = 'read -r moved <&3 || exit 125; exec 3<&-; exec "$@"'
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface Started {
  readonly pid: number
  /** The file that keeps what it prints. */
  readonly output: string
}

/** Throws with a message for the operator where the user, the directory or the program cannot be used. */
export async function startCommand(
  layout: Layout,
  path: string,
  name: string,
  command: CommandPolicy,
  outputDir: string,
): Promise<Started> {
  const user = findUser(command.user)
  if (user === null) throw new Error(`no user ${command.user} in /etc/passwd`)
  if (statSync(command.directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new Error(`working directory ${command.directory} does not exist`)
  }
  mkdirSync(outputDir, { recursive: true, mode: 0o700 })
  const output = join(outputDir, `${name}.log`)
  const child = spawnWaiting(command, user, output)
  await spawned(child)
  const pid = child.pid as number
  const go = child.stdio[3] as Writable
  // A shell that is killed meanwhile closes its end; what became of it shows in the group.
  go.on('error', () => {})
  try {
    moveInto(layout, path, pid)
    go.end('go\n')
  } catch (error) {
    go.destroy()
    child.kill('SIGKILL')
    throw error
  }
  // The command outlives Reeve: a restart of the daemon finds it in its group.
  child.unref()
  return { pid, output }
}

function spawnWaiting(command: CommandPolicy, user: User, output: string): ChildProcess {
  const kept = openSync(output, 'a', 0o600)
  try {
    return spawn('/bin/sh', ['-c', WAIT_THEN_BECOME, 'sh', ...command.argv], {
      cwd: command.directory,
      // Only what the policy says: the daemon's own environment may hold what is not meant for a domain.
      env: { PATH, HOME: user.home, USER: user.name, LOGNAME: user.name, ...command.environment },
      // libuv drops supplementary groups whenever it changes the user.
      uid: user.uid,
      gid: user.gid,
      stdio: ['ignore', kept, kept, 'pipe'],
      detached: true,
    })
  } finally {
    closeSync(kept)
  }
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', reject)
  })
}

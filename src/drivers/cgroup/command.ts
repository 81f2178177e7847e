import { mkdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandPolicy } from '#core/model/policy.ts'
import type { Surroundings } from '#ports.ts'
import { type Begun, start } from '#processes/programs.ts'
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

/** What of a command is not on this host, as messages for the operator; empty where everything is. */
export function missingFor({ user, directory, argv, environment }: CommandPolicy): string[] {
  const messages: string[] = []
  if (findUser(user) === null) messages.push(`no user ${user} in /etc/passwd`)
  if (!isThere(directory, (stat) => stat.isDirectory())) {
    messages.push(`working directory ${directory} does not exist`)
  } else if (!isProgram(argv[0], directory, environment['PATH'] ?? PATH)) {
    messages.push(notFound(argv[0], environment))
  }
  return messages
}

function isProgram(name: string, directory: string, path: string): boolean {
  const places = name.includes('/') ? [directory] : path.split(':').map((dir) => resolve(directory, dir))
  return places.some((place) => isThere(resolve(place, name), (stat) => stat.isFile() && (stat.mode & 0o111) !== 0))
}

/** True also where this process may not look: then only starting the command tells. */
function isThere(path: string, isIt: (stat: Stats) => boolean): boolean {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat !== undefined && isIt(stat)
  } catch {
    return true
  }
}

function notFound(program: string, environment: CommandPolicy['environment']): string {
  const where = program.includes('/') ? '' : ` in ${environment['PATH'] ?? PATH}; name it by its whole path`
  return `no program ${program}${where}`
}

/** Throws with a message for the operator where the user, the directory or the program cannot be used. */
export function surroundingsOf(command: CommandPolicy): Surroundings {
  const [missing] = missingFor(command)
  if (missing !== undefined) throw new Error(missing)
  const user = findUser(command.user) as User
  return {
    cwd: command.directory,
    // Only what the policy says: the daemon's own environment may hold what is not meant for a domain.
    env: { PATH, HOME: user.home, USER: user.name, LOGNAME: user.name, ...command.environment },
    // libuv drops supplementary groups whenever it changes the user.
    uid: user.uid,
    gid: user.gid,
  }
}

/** Throws with a message for the operator where the command cannot be started. */
export async function startCommand(
  layout: Layout,
  path: string,
  name: string,
  command: CommandPolicy,
  outputDir: string,
): Promise<Started> {
  const surroundings = surroundingsOf(command)
  mkdirSync(outputDir, { recursive: true, mode: 0o700 })
  const output = join(outputDir, `${name}.log`)
  const begun = await start({ argv: ['/bin/sh', '-c', WAIT_THEN_BECOME, 'sh', ...command.argv], surroundings, output })
  try {
    moveInto(layout, path, begun.pid)
    begun.go()
    await becomes(begun, command, output)
  } catch (error) {
    begun.end()
    throw error
  }
  return { pid: begun.pid, output }
}

/**
 * Resolves once the shell has become the command, which takes it a millisecond or two: its command line is the
 * command's then. A shell that cannot (no permission, no interpreter of a script) ends with 126 or 127 instead, and has
 * said in the output why.
 */
async function becomes(begun: Begun, { argv, user }: CommandPolicy, output: string): Promise<void> {
  const waitedUntilMs = performance.now() + BECOMES_MS_MOST
  while (performance.now() < waitedUntilMs && isStillShell(begun)) await sleep(1)
  if (!begun.isOver) return
  const { code } = await begun.ended
  if (code !== 126 && code !== 127) return
  throw new Error(`user ${user} cannot run ${argv[0]}: the shell ended with ${code}; ${output} says why`)
}

/** On a host so busy that it takes longer, what becomes of the command shows in its group. */
const BECOMES_MS_MOST = 1000

/** What has ended has no command line any more, shortly before it is known how it ended. */
function isStillShell({ pid, isOver }: Begun): boolean {
  if (isOver) return false
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return line === '' || line.split('\0')[2] === WAIT_THEN_BECOME
  } catch {
    return true
  }
}

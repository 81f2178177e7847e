import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { reasonOf } from '#lib/reason-of.ts'
import { makePrivateFile } from './private.ts'

/** Somebody else holds the lock: two daemons would undo each other's settings. */
export class AlreadyRunning extends Error {
  override readonly name = 'AlreadyRunning'
}

export interface Lock {
  release(): void
}

/**
 * One daemon a host, and one writer a journal. SQLite's exclusive lock on a file of its own is the one lock in Node
 * that the kernel takes back when the process dies, however it dies, and that nobody without write access to the
 * directory can take first. Its file is nobody else's to read either, for a reader's lock would keep the daemon out.
 */
export function takeLock(path: string): Lock {
  let database: DatabaseSync | undefined
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    makePrivateFile(path)
    database = new DatabaseSync(path, { timeout: 0 })
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (error instanceof Error && /locked/.test(error.message)) {
      const holder = holderOf(path)
      throw new AlreadyRunning(
        `another Reeve${holder === null ? '' : ` (process ${holder})`} holds ${path}: one daemon manages a host; ` +
          `ask it with 'reeve status', or stop it first`,
      )
    }
    const { code } = error as NodeJS.ErrnoException
    const hint = code === 'EACCES' || code === 'EPERM' ? '; run Reeve as root, or name other places with --state' : ''
    throw new Error(`cannot lock ${path}: ${reasonOf(error)}${hint}`, { cause: error })
  }
  const held = database
  return { release: () => held.close() }
}

/** The process with a lock on the file, by `4: POSIX  ADVISORY  WRITE 1234 00:2e:5678 0 EOF`; null where it is not told. */
function holderOf(path: string): number | null {
  try {
    const { dev, ino } = statSync(path)
    const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)]
    const file = [...[major, minor].map((part) => part.toString(16).padStart(2, '0')), ino].join(':')
    const line = readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .find((one) => one.includes(` ${file} `))
    const pid = Number(/ (?:READ|WRITE) +(\d+) /.exec(line ?? '')?.[1])
    return pid > 0 ? pid : null
  } catch {
    return null
  }
}

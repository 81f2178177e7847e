import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs'
import { reasonOf } from '#lib/reason-of.ts'

/**
 * What Reeve keeps is for its own user alone: the journal has the texts of policies, and those the environment of
 * commands; and whoever can read a lock's file can hold it. What an older Reeve left open to others is closed to them.
 */

/** Names of what stands in a state directory; with anything else in it, it is not Reeve's to close. */
const OWN = /^(journal\.|daemon\.lock|output$)/
const OTHERS = 0o077

/** Makes the directory, mode 0700 like all above it that is missing; one of ours that others may enter is closed. */
export function makePrivateDir(path: string): void {
  makeDir(path, 0o700, '--state')
  if (readdirSync(path).every((name) => OWN.test(name))) close(path, 0o700)
}

/** Makes a directory that others may enter, for sockets. */
export function makeOpenDir(path: string): void {
  makeDir(path, 0o755, '--socket')
}

function makeDir(path: string, mode: number, option: string): void {
  try {
    mkdirSync(path, { recursive: true, mode })
  } catch (cause) {
    const hint = `run Reeve as root, or name another place with ${option}`
    throw new Error(`cannot make the directory ${path}: ${reasonOf(cause)}; ${hint}`, { cause })
  }
}

/**
 * Makes the file, empty and of mode 0600, or closes one that is there. That is never opened: to close a descriptor of
 * a file gives up all locks that this process holds on it.
 */
export function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    closeToOthers(path)
  }
}

/** Nothing happens where there is no such file, or where it is somebody else's. */
export function closeToOthers(path: string): void {
  close(path, 0o600)
}

function close(path: string, to: number): void {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat !== undefined && stat.uid === process.geteuid?.() && (stat.mode & OTHERS) !== 0) chmodSync(path, to)
}

import { accessSync, chmodSync, constants, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Where a user's demo keeps what it keeps, one name for each user, so that the demo before this one is swept. Root's is
 * where only root can make anything.
 */
export function demoDirectory(uid: number): string {
  return uid === 0 && canMakeIn('/run') ? '/run/reeve-demo' : join(tmpdir(), `reeve-demo-${uid}`)
}

/** Not everywhere: root of a container or of a user namespace may find it missing, or the host's. */
function canMakeIn(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Makes the directory, mode 0700, or takes one that is there. In a place where everybody can make something it may be
 * a link, or somebody else's, and is refused then.
 */
export function takeDirectory(path: string, uid: number): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  const stat = lstatSync(path)
  const refuse = (reason: string): never => {
    throw new Error(`cannot keep the demo's files in ${path}: it ${reason}; remove it, or name another TMPDIR`)
  }
  if (!stat.isDirectory()) refuse('is not a directory')
  if (stat.uid !== uid) refuse(`belongs to user ${stat.uid}`)
  if ((stat.mode & 0o022) !== 0) refuse('may be written by others')
  chmodSync(path, 0o700)
}

/** Removes all that is in a directory but the files whose names begin so. */
export function clearDirectory(path: string, keep: string): void {
  for (const name of readdirSync(path)) {
    if (!name.startsWith(keep)) rmSync(join(path, name), { recursive: true, force: true })
  }
}

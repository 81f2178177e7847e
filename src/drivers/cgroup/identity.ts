import { readFileSync, statSync } from 'node:fs'
import type { Identity } from '#core/model/ids.ts'
import { baseDir, type Layout } from './layout.ts'

const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()

/**
 * A group is told from a later one of the same path by its inode, and from one of an earlier boot by the boot's id.
 * null where there is none now.
 */
export function identityOf(layout: Layout, path: string): Identity | null {
  const stat = statSync(baseDir(layout, path), { throwIfNoEntry: false })
  return stat === undefined ? null : (`${stat.ino}@${bootId}` as Identity)
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A directory of its own for each test, removed when the test ends. */
export function temporaryDir(t: { after(work: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-test-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** One for all tests of a file, removed when they have ended, or were skipped. */
export function temporaryDirOfFile(name: string, place = tmpdir()): string {
  const dir = mkdtempSync(join(place, `reeve-${name}-`))
  after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A directory of its own for each test, removed when the test ends. */
export function temporaryDir(t: { after(work: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-test-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

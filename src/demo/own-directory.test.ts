import assert from 'node:assert/strict'
import { chmodSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { clearDirectory, demoDirectory, takeDirectory } from './own-directory.ts'

const UID = process.geteuid?.() ?? 0

describe("the demo's directory", () => {
  it('is where nobody else can put one before, for root', () => {
    assert.equal(demoDirectory(0), '/run/reeve-demo')
    assert.match(demoDirectory(1000), /\/reeve-demo-1000$/)
  })

  it('is private, whether it was made now or by the demo before', (t) => {
    const path = join(temporaryDir(t), 'own')
    takeDirectory(path, UID)
    chmodSync(path, 0o755)
    takeDirectory(path, UID)
    assert.equal(statSync(path).mode & 0o777, 0o700)
  })

  it('is refused where somebody else may have made it', (t) => {
    const dir = temporaryDir(t)
    const planted = (name: string) => join(dir, name)
    mkdirSync(planted('target'))
    symlinkSync(planted('target'), planted('link'))
    writeFileSync(planted('file'), '')
    mkdirSync(planted('open'))
    chmodSync(planted('open'), 0o777)
    for (const [name, reason] of [
      ['link', /link: it is not a directory; remove it/],
      ['file', /is not a directory/],
      ['open', /may be written by others/],
    ] as const) {
      assert.throws(() => takeDirectory(planted(name), UID), reason)
    }
    assert.throws(() => takeDirectory(planted('target'), UID + 1), new RegExp(`belongs to user ${UID}`))
    assert.equal(lstatSync(planted('open')).mode & 0o777, 0o777, 'what is refused is left alone')
  })

  it('is cleared of everything but the lock', (t) => {
    const dir = temporaryDir(t)
    for (const name of ['demo.lock', 'demo.lock-journal', 'journal.db']) writeFileSync(join(dir, name), '')
    mkdirSync(join(dir, 'output'))
    clearDirectory(dir, 'demo.lock')
    assert.deepEqual(readdirSync(dir), ['demo.lock', 'demo.lock-journal'])
  })
})

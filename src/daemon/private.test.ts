import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { startFake, turnWhere } from './fake-host.fixture.ts'
import { hasJournal, readJournal } from './journal/reader.ts'
import { makePrivateDir } from './private.ts'

const isRoot = process.geteuid?.() === 0
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe('what the daemon keeps', () => {
  // As services are started, and as most people's shells are.
  let mask = 0
  before(() => {
    mask = process.umask(0o022)
  })
  after(() => process.umask(mask))

  async function kept(t: Parameters<typeof startFake>[0], dir: string) {
    const { daemon } = await startFake(t, { dir })
    await turnWhere(daemon, ({ turn }) => turn > 1)
    const state = join(dir, 'state')
    return Object.fromEntries(readdirSync(state).map((name) => [name, modeOf(join(state, name))]))
  }
  const NAMES = ['journal.db', 'journal.db-shm', 'journal.db-wal', 'journal.lock', 'journal.lock-journal']
  const PRIVATE = Object.fromEntries(NAMES.map((name) => [name, '600']))

  it('is for its own user alone, and can be read beside it', async (t) => {
    const dir = temporaryDir(t)
    const state = join(dir, 'state')
    const modes = await kept(t, dir)
    assert.deepEqual([modeOf(state), modes], ['700', PRIVATE])
    assert.equal(modeOf(join(dir, 'run', 'daemon.lock')), '600')
    assert.equal(modeOf(join(dir, 'run')), '755', 'anybody may send readings')
    const journal = readJournal(join(state, 'journal.db'))
    assert.ok((journal?.lastTurn() ?? 0) > 0)
    journal?.close()
  })

  it('is closed where an older Reeve left it open', async (t) => {
    const dir = temporaryDir(t)
    const state = join(dir, 'state')
    mkdirSync(state)
    for (const name of NAMES) writeFileSync(join(state, name), '', { mode: 0o644 })
    const modes = await kept(t, dir)
    assert.deepEqual([modeOf(state), modes], ['700', PRIVATE])
  })

  it('is said to be closed, not to be missing, to another user', {
    skip: isRoot ? false : 'needs a second user',
  }, (t) => {
    const state = join(temporaryDir(t), 'state')
    makePrivateDir(state)
    writeFileSync(join(state, 'journal.db'), '')
    process.seteuid?.(65534)
    try {
      assert.throws(() => hasJournal(join(state, 'journal.db')), /cannot read the journal .*journal\.db: .*try as root/)
    } finally {
      process.seteuid?.(0)
    }
  })

  it('does not close a directory in which others have something', (t) => {
    const dir = temporaryDir(t)
    chmodSync(dir, 0o755)
    writeFileSync(join(dir, 'theirs'), '')
    makePrivateDir(dir)
    assert.equal(modeOf(dir), '755')
  })
})

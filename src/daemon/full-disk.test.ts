import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { startFake, TWO_DOMAINS, turnWhere } from './fake-host.fixture.ts'
import { journalPath, readJournal } from './journal/reader.ts'
import type { Log } from './log.ts'

/** A real file system of one mebibyte, which takes root. */
function tinyDisk(t: Parameters<typeof temporaryDir>[0]): string {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-disk-'))
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir])
  assert.equal(status, 0, `mount: ${stderr}`)
  t.after(() => {
    spawnSync('umount', ['-l', dir])
    rmdirSync(dir)
  })
  return dir
}

describe('a full disk under the journal', () => {
  it('does not keep the daemon from managing; it says so once, and records again when there is room', {
    skip: process.geteuid?.() === 0 ? false : 'mounting takes root',
  }, async (t) => {
    const stateDir = tinyDisk(t)
    const said: string[] = []
    const log: Log = {
      info: (text) => said.push(text),
      warn: (text) => said.push(text),
      error: (text) => said.push(text),
    }
    const policyText = TWO_DOMAINS.replace('mode: manage', 'mode: manage, drift: reassert')
    const { daemon, host } = await startFake(t, { dir: temporaryDir(t), policyText, stateDir, log })
    await turnWhere(daemon, ({ outcomes }) => outcomes.length > 0)

    const filler = join(stateDir, 'filler')
    assert.throws(() => writeFileSync(filler, Buffer.alloc(2 ** 20)), /ENOSPC/)
    await turnWhere(daemon, ({ isRecorded }) => !isRecorded)
    assert.match(daemon.status().problems.journal ?? '', /cannot record turn \d+ in .*journal\.db: .*full/)
    await turnWhere(daemon, () => true)
    assert.equal(said.filter((text) => /goes on without a record/.test(text)).length, 1)

    // Originals are safe already, so what is managed goes on being managed.
    host.use['batch'] = 100
    host.settings.set('/reeve-fake/shop' as never, { 'cpu.weight': 123, 'cpu.quota': null })
    const { outcomes, isRecorded } = await turnWhere(daemon, (turn) => turn.outcomes.length > 0)
    assert.ok(outcomes.every(({ status }) => status === 'applied'))
    assert.equal(isRecorded, false)

    rmSync(filler)
    const { turn } = await turnWhere(daemon, (its) => its.isRecorded)
    assert.equal(daemon.status().problems.journal, null)
    assert.equal(daemon.status().journal.lastTurn, turn)
    // Deltas and knowledge cannot build on turns that are not on record: it begins a chain of its own.
    const journal = readJournal(journalPath(stateDir))
    assert.deepEqual(
      journal?.segmentUntil(turn).map((its) => its.turn),
      [turn],
    )
    journal?.close()
    const { settings } = await daemon.release()
    assert.ok(
      settings.every(({ result }) => result.kind === 'restored'),
      JSON.stringify(settings),
    )
  })
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import type { DomainName, NodeId } from '#core/model/ids.ts'
import type { Setting } from '#core/model/observation.ts'
import { knowledgeOf, type TurnsOptions, turnRecord } from '#daemon/turns.fixture.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import type { TurnRecord } from '#ports.ts'
import { JournalError, openJournal, type SqliteJournal } from './journal.ts'
import { usedBytes } from './prune.ts'
import { journalPath, readJournal } from './reader.ts'
import { MIGRATIONS, SCHEMA_VERSION } from './schema.ts'

const FIVE: TurnsOptions = { domains: 5, changing: 1 }

function commitTurns(journal: SqliteJournal, from: number, to: number, options: TurnsOptions = FIVE): TurnRecord[] {
  const records: TurnRecord[] = []
  for (let turn = from; turn <= to; turn++) {
    const plain = turnRecord(turn, options)
    const knowledge = journal.needsCheckpoint(plain.policyHash) ? knowledgeOf(turn - 1, options) : null
    const record = { ...plain, knowledge }
    journal.commit(record, `text of ${plain.policyHash}`)
    records.push(record)
  }
  return records
}

const setting = (node: string, original: number, lastSet: number, mayBe: readonly Setting[]) => ({
  driver: 'cgroup',
  node: node as NodeId,
  domain: 'shop' as DomainName,
  identity: '1@boot',
  knob: 'cpu.weight' as const,
  original,
  lastSet,
  mayBe,
})

describe('the journal', () => {
  it('gives every turn back exactly, across checkpoints, after it was closed and opened', (t) => {
    const dir = temporaryDir(t)
    const journal = openJournal(dir, { checkpointEvery: 7 })
    const written = commitTurns(journal, 1, 30)
    journal.close()
    const reader = readJournal(journalPath(dir))
    assert.ok(reader !== null)
    t.after(() => reader.close())
    assert.deepStrictEqual(reader.turns(1, 30), written)
    assert.deepStrictEqual(reader.turns(12, 13), written.slice(11, 13))
    assert.deepStrictEqual(reader.turn(30), written[29])
    assert.equal(reader.turn(31), null)
    assert.equal(written.filter(({ knowledge }) => knowledge !== null).length, 5)
    assert.deepEqual(
      reader.segmentUntil(30).map(({ turn }) => turn),
      [29, 30],
    )
  })

  it('keeps -0, infinities and the last bit of a number', (t) => {
    const journal = openJournal(temporaryDir(t))
    t.after(() => journal.close())
    commitTurns(journal, 1, 2)
    const plain = turnRecord(3, FIVE)
    const metrics = [-0, Infinity, 0.1 + 0.2, Number.MIN_VALUE].map((value) => ({
      metric: 'odd',
      domain: null,
      takenAtMs: 1,
      value,
    }))
    journal.commit({ ...plain, observation: { ...plain.observation, metrics } }, '')
    assert.deepStrictEqual(journal.turn(3)?.observation.metrics, metrics)
  })

  it('wants the knowledge again for another policy and after a turn that was not recorded', (t) => {
    const journal = openJournal(temporaryDir(t))
    t.after(() => journal.close())
    commitTurns(journal, 1, 3)
    const { policyHash } = turnRecord(4, FIVE)
    assert.equal(journal.needsCheckpoint(policyHash), false)
    assert.equal(journal.needsCheckpoint('b'.repeat(64)), true)
    assert.throws(() => journal.commit(turnRecord(4, { ...FIVE, policyHash: 'b'.repeat(64) }), ''), JournalError)
    journal.breakChain()
    assert.equal(journal.needsCheckpoint(policyHash), true)
  })

  it('finds the turns that changed something, and what came of it', (t) => {
    const journal = openJournal(temporaryDir(t))
    t.after(() => journal.close())
    // With ten domains of which each changes every ten turns, domain 3 changes in turns 3, 13 and 23.
    commitTurns(journal, 1, 25, { domains: 10, changing: 1 })
    assert.deepEqual(journal.turnsWithChanges(2, { domain: 'domain-3' as DomainName }), [23, 13])
    assert.deepEqual(journal.turnsWithChanges(9, { domain: 'domain-3' as DomainName, before: 13 }), [3])
    const outcomes = [{ status: 'vanished' as const, node: 'x' as NodeId, knob: 'cpu.weight' as const }]
    journal.outcomes(23, outcomes)
    assert.deepEqual(journal.outcomesOf(23), outcomes)
    assert.deepEqual(journal.outcomesOf(13), [])
  })

  it('keeps the original of a setting, and what was set before and last', (t) => {
    const journal = openJournal(temporaryDir(t))
    t.after(() => journal.close())
    journal.remember(setting('/a', 100, 200, [100]))
    journal.remember(setting('/a', 999, 300, [200, null]))
    assert.deepEqual(journal.remembered(), [setting('/a', 100, 300, [200, null])])
    journal.correct([setting('/a', 100, 250, [200])])
    assert.deepEqual(journal.remembered(), [setting('/a', 100, 250, [200])])
    journal.forget('cgroup', '/a' as NodeId, 'cpu.weight')
    assert.deepEqual(journal.remembered(), [])
  })
})

it('a turn that is missing inside a segment is named', (t) => {
  const dir = temporaryDir(t)
  const journal = openJournal(dir)
  t.after(() => journal.close())
  commitTurns(journal, 1, 5)
  new DatabaseSync(journalPath(dir)).exec('DELETE FROM turns WHERE turn = 3')
  assert.throws(
    () => journal.segment(1, 5),
    /^Error: turn 3 is missing from the journal, and turn 4 cannot be read without it$/,
  )
})

it('a file that is no journal is named', (t) => {
  const path = journalPath(temporaryDir(t))
  writeFileSync(path, 'x'.repeat(5000))
  assert.throws(
    () => readJournal(path),
    /^Error: cannot read the journal .*journal\.db: it is damaged \(file is not a database\)/,
  )
})

describe('an older journal', () => {
  it('is brought to the current schema with all that it holds', (t) => {
    const dir = temporaryDir(t)
    const old = new DatabaseSync(journalPath(dir))
    old.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1`)
    old.exec(`INSERT INTO policies VALUES ('p', 'text of p');
      INSERT INTO settings VALUES ('cgroup', '/a', 'cpu.weight', 'shop', '1@boot', '100', '100', '200')`)
    old.close()
    assert.throws(() => readJournal(journalPath(dir)), /schema is version 1/)
    const journal = openJournal(dir)
    t.after(() => journal.close())
    assert.equal(journal.policyText('p'), 'text of p')
    assert.deepEqual(journal.remembered(), [setting('/a', 100, 200, [100])])
    journal.wish('paused', true)
    assert.equal(journal.wishOf('paused'), true)
    commitTurns(journal, 1, 3)
    assert.equal(journal.lastTurn(), 3)
  })

  it('of a newer Reeve is refused and left as it is', (t) => {
    const dir = temporaryDir(t)
    const newer = new DatabaseSync(journalPath(dir))
    newer.exec(`CREATE TABLE unheard_of (x); PRAGMA user_version = ${SCHEMA_VERSION + 1}`)
    newer.close()
    assert.throws(() => openJournal(dir), /run the newer Reeve/)
  })
})

describe('pruning', () => {
  it('drops whole segments that are too old, with their policies, and keeps the rest readable', (t) => {
    const dir = temporaryDir(t)
    // Turns of the fixture are a second apart.
    const journal = openJournal(dir, { checkpointEvery: 5, ageMsMax: 10_000 })
    t.after(() => journal.close())
    commitTurns(journal, 1, 10, { ...FIVE, policyHash: 'old' })
    const kept = commitTurns(journal, 11, 41)
    assert.equal(journal.policyText('old'), null)
    assert.notEqual(journal.policyText(kept[0]?.policyHash as string), null)
    const first = journal.firstTurn()
    assert.ok(first > 20 && first <= 31, `the first turn is ${first}`)
    assert.deepStrictEqual(journal.turns(first, 41), kept.slice(first - 11))
    assert.equal(journal.turn(first - 1), null)
  })

  it('stays within the bytes it was given, and gives pages back', (t) => {
    const dir = temporaryDir(t)
    const bytesMax = 256 * 1024
    const options = { domains: 40, changing: 4 }
    const journal = openJournal(dir, { checkpointEvery: 5, bytesMax })
    commitTurns(journal, 1, 300, options)
    journal.close()
    const database = new DatabaseSync(journalPath(dir))
    t.after(() => database.close())
    const used = usedBytes(database)
    // One segment is about 50 KiB here, and pruning happens once a segment.
    assert.ok(used <= bytesMax + 100 * 1024, `${used} bytes are used`)
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number }
    assert.ok(pages * 4096 < 2 * bytesMax, `the file has ${pages} pages`)
  })
})

describe('kill -9', () => {
  it('loses no turn that was committed', async (t) => {
    const dir = temporaryDir(t)
    const child = spawn(process.execPath, [new URL('./commit-turns.fixture.ts', import.meta.url).pathname, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let told = ''
    child.stdout.setEncoding('utf8')
    for await (const part of child.stdout) {
      told += part
      if (told.length > 400) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    assert.equal(child.signalCode, 'SIGKILL')
    const committed = Number(told.trimEnd().split('\n').at(-1))
    assert.ok(committed > 50, `only ${committed} turns were committed`)
    const journal = openJournal(dir)
    t.after(() => journal.close())
    assert.ok(journal.lastTurn() >= committed, `turn ${committed} was committed, ${journal.lastTurn()} is the last`)
    const expected = Array.from({ length: committed }, (_, i) => turnRecord(i + 1, FIVE))
    const found = journal.turns(1, committed).map((record) => ({ ...record, knowledge: null }))
    assert.deepStrictEqual(found, expected)
  })
})

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import type { Graded } from '#core/model/decision.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { gradesOf } from './grades.ts'
import { type JournalReader, journalPath, readJournal } from './journal/reader.ts'
import { LAST_TURN, recordRun } from './replay/recorded-run.fixture.ts'

describe('gradesOf', () => {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-grades-'))
  let path = ''
  let journal: JournalReader
  before(async () => {
    path = journalPath(await recordRun(dir))
    journal = readJournal(path) as JournalReader
  })
  after(() => {
    journal.close()
    rmSync(dir, { recursive: true })
  })
  const whole = { from: 1, to: LAST_TURN }
  /** Straight from the decisions, turn by turn. */
  const recorded = (domain?: string): Graded[] =>
    journal
      .turns(1, LAST_TURN)
      .flatMap(({ decision }) =>
        decision.goals.flatMap((goal) =>
          goal.graded !== null && (domain ?? goal.domain) === goal.domain ? [goal.graded] : [],
        ),
      )

  it('counts all that was graded, by domain, goal and estimator', () => {
    const { estimators, span } = gradesOf(journal, whole, { count: 5 })
    const all = recorded()
    assert.ok(all.length > 10, `${all.length}`)
    const sum = (pick: (its: (typeof estimators)[number]) => number) =>
      estimators.reduce((total, its) => total + pick(its), 0)
    assert.equal(
      sum(({ made }) => made),
      all.length,
    )
    assert.equal(
      sum(({ kept }) => kept),
      all.filter(({ isKept }) => isKept).length,
    )
    assert.equal(
      sum(({ kept, broken, made }) => made - kept - broken),
      0,
    )
    const off = all.reduce((total, its) => total + its.off, 0)
    assert.ok(Math.abs(sum((its) => its.off * its.made) - off) < 1e-6)
    assert.deepEqual([...new Set(estimators.map(({ domain }) => domain))].sort(), ['api', 'shop'])
    assert.deepEqual([span?.firstTurn, span?.lastTurn], [1, LAST_TURN])
  })

  it('leaves out what cannot be read, and says so', (t) => {
    const copied = temporaryDir(t)
    const original = new DatabaseSync(path)
    original.exec(`VACUUM INTO '${journalPath(copied)}'`)
    original.close()
    const damaged = new DatabaseSync(journalPath(copied))
    damaged.exec("UPDATE turns SET body = x'00' WHERE turn = 26")
    damaged.close()
    const reader = readJournal(journalPath(copied)) as JournalReader
    t.after(() => reader.close())
    const { estimators, unusable, span } = gradesOf(reader, whole, { count: 5 })
    assert.equal(unusable.length, 1)
    assert.match(unusable[0]?.message ?? '', /cannot be read/)
    const made = estimators.reduce((sum, its) => sum + its.made, 0)
    assert.ok(made > 0 && made <= recorded().length)
    assert.equal(span?.lastTurn, LAST_TURN)
  })

  it('has the last of them, newest first, with what their goals measure', () => {
    const { last } = gradesOf(journal, whole, { count: 5 })
    assert.deepEqual(
      last.map(({ turn, came }) => [turn, came]),
      recorded()
        .slice(-5)
        .reverse()
        .map(({ turn, came }) => [turn, came]),
    )
    assert.ok(last.every(({ unit, aim, domain }) => unit === 'ms' && aim?.kind === 'performance' && domain !== 'batch'))
  })

  it('is of one domain and of a period where these are named', () => {
    const { estimators } = gradesOf(journal, whole, { domain: 'shop', count: 5 })
    assert.equal(
      estimators.reduce((total, { made }) => total + made, 0),
      recorded('shop').length,
    )
    assert.throws(() => gradesOf(journal, whole, { domain: 'nobody', count: 5 }), /no goal names a domain 'nobody'/)
    const { span, last } = gradesOf(journal, { from: 310, to: 400 }, { count: 100 })
    assert.deepEqual([span?.firstTurn, span?.lastTurn], [310, 400])
    assert.ok(last.length > 0 && last.length < recorded().length)
  })
})

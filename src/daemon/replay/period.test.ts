import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openJournal } from '#daemon/journal/journal.ts'
import { knowledgeOf, type TurnsOptions, turnRecord } from '#daemon/turns.fixture.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { periodOf } from './period.ts'

const OPTIONS: TurnsOptions = { domains: 2 }
/** Of the fixture's turn 0; they are a second apart. */
const START_MS = 1_760_000_000_000

/** Turns 3 to 20, of which 8 to 12 are missing. */
function journalWith(t: Parameters<typeof temporaryDir>[0]) {
  const journal = openJournal(temporaryDir(t), { checkpointEvery: 4 })
  t.after(() => journal.close())
  for (let turn = 3; turn <= 20; turn++) {
    if (turn === 8) journal.breakChain()
    if (turn >= 8 && turn <= 12) continue
    const record = turnRecord(turn, OPTIONS)
    const knowledge = journal.needsCheckpoint(record.policyHash) ? knowledgeOf(turn - 1, OPTIONS) : null
    journal.commit({ ...record, knowledge }, 'policy')
  }
  return journal
}

const after = (seconds: number) => ({ utcMs: START_MS + seconds * 1000 })

describe('a period of the record', () => {
  for (const [what, since, until, from, to] of [
    ['everything', null, null, 3, 20],
    ['from a turn to another', { turn: 5 }, { turn: 6 }, 5, 6],
    ['one turn', { turn: 5 }, { turn: 5 }, 5, 5],
    ['from before the first, beyond the last', { turn: 1 }, { turn: 99 }, 3, 20],
    ['from a time on, the turn then included', after(5), null, 5, 20],
    ['from between two turns', after(5.5), null, 6, 20],
    ['until a time, the turn then left out', null, after(5), 3, 4],
    ['from where turns are missing', { turn: 9 }, null, 13, 20],
  ] as const) {
    it(`is ${what}`, (t) => assert.deepEqual(periodOf(journalWith(t), { since, until }), { from, to }))
  }

  for (const [since, until] of [
    [{ turn: 21 }, null],
    [null, after(3)],
    [after(30), null],
    [{ turn: 11 }, { turn: 11 }],
    [{ turn: 9 }, { turn: 11 }],
  ] as const) {
    it(`is refused where no turn lies in it: ${JSON.stringify([since, until])}`, (t) => {
      assert.throws(
        () => periodOf(journalWith(t), { since, until }),
        /^NotOnRecord: no turn( since .*)?( until .*)? is on record; turns 3 \(2025-.*Z\) to 20 \(2025-.*Z\) are$/,
      )
    })
  }

  for (const [since, until] of [
    [{ turn: 6 }, { turn: 5 }],
    [after(6), after(5)],
  ] as const) {
    it(`is refused where it ends before it begins: ${JSON.stringify([since, until])}`, (t) => {
      assert.throws(
        () => periodOf(journalWith(t), { since, until }),
        /^NotOnRecord: nothing lies between .* and .*, which comes before it$/,
      )
    })
  }
})

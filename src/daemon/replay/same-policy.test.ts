import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { DECIDER, decide } from '#core/decide.ts'
import type { DomainName } from '#core/model/ids.ts'
import { type Knowledge, NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import type { Observation } from '#core/model/observation.ts'
import { type JournalReader, journalPath, readJournal } from '#daemon/journal/reader.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { recordedPolicies } from './again.ts'
import { AT, alter, LAST_TURN, recordRun } from './recorded-run.fixture.ts'
import { replaySamePolicy } from './same-policy.ts'

type Test = Parameters<typeof temporaryDir>[0]

/** Enough turns for what is changed in the first of them. */
const SOME = 160
const NO_DIFFERENCE = { turns: 0, checkpoints: 0, segments: 0 }
let recorded = ''

before(async () => {
  recorded = await recordRun(mkdtempSync(join(tmpdir(), 'reeve-replay-')))
})
after(() => rmSync(join(recorded, '..'), { recursive: true, force: true }))

/** A record of one's own, to be changed at will. */
function copyOf(t: Test): string {
  const dir = temporaryDir(t)
  cpSync(recorded, dir, { recursive: true })
  return dir
}

function sql(dir: string, text: string): void {
  const database = new DatabaseSync(journalPath(dir))
  database.exec(text)
  database.close()
}

function open(t: Test, dir: string): JournalReader {
  const journal = readJournal(journalPath(dir))
  assert.ok(journal !== null)
  t.after(() => journal.close())
  return journal
}

function replay(t: Test, dir: string, from = 1, to = SOME) {
  return replaySamePolicy(open(t, dir), { from, to })
}

/** The observation with one domain's own counters. */
function withCounters(observation: Observation, name: string, counters: Record<string, number>): Observation {
  return {
    ...observation,
    domains: observation.domains.map((its) =>
      its.name === name ? { ...its, counters: { ...its.counters, ...counters } } : its,
    ),
  }
}
const counterOf = ({ domains }: Observation, name: string, counter: string): number =>
  domains.find((its) => its.name === name)?.counters[counter] as number

/** The turns of the checkpoints. */
const checkpointsOf = (journal: JournalReader) => [...journal.checkpoints(1, SOME)]

describe('a record that is decided again', () => {
  it('comes out the same, bit for bit, whatever happened in it', (t) => {
    const journal = open(t, recorded)
    const all = journal.turns(1, LAST_TURN)
    assert.ok(all.length >= 600)
    assert.equal(new Set(all.map(({ policyHash }) => policyHash)).size, 2, 'there was a reload')
    assert.ok(all.filter(({ decision }) => decision.plan.length > 0).length > 30, 'much was changed')
    const statuses = new Set(all.flatMap(({ observation }) => observation.outcomes.map(({ status }) => status)))
    for (const status of ['applied', 'failed', 'not-tried', 'vanished'] as const)
      assert.ok(statuses.has(status), status)
    assert.ok(
      all.some(({ decision }) => decision.drift.length > 0),
      'somebody else changed something',
    )

    const report = replaySamePolicy(journal, { from: 1, to: LAST_TURN })
    assert.deepEqual(report, {
      kind: 'same-policy',
      span: {
        firstTurn: 1,
        lastTurn: LAST_TURN,
        fromUtcMs: all[0]?.observation.at.utcMs,
        toUtcMs: all.at(-1)?.observation.at.utcMs,
      },
      decider: DECIDER,
      turns: LAST_TURN,
      same: LAST_TURN,
      differing: NO_DIFFERENCE,
      differences: [],
      gaps: 0,
      startedAnew: 0,
      otherVersions: null,
    })
  })

  it('is decided again from any turn to any other', (t) => {
    for (const [from, to] of [
      [1, 1],
      [10, 12],
      [33, 33],
      [AT.reload - 3, AT.reload + 40],
      [AT.restart, LAST_TURN],
    ] as const) {
      const { turns, same, span } = replay(t, recorded, from, to)
      assert.deepEqual([turns, same, span?.firstTurn, span?.lastTurn], [to - from + 1, to - from + 1, from, to])
    }
  })

  it('takes one segment at a time out of the journal', (t) => {
    const journal = open(t, recorded)
    const segment = journal.segment.bind(journal)
    const lengths: number[] = []
    journal.turns = () => assert.fail('all turns at once')
    journal.segment = (checkpoint, to) => {
      const records = segment(checkpoint, to)
      lengths.push(records.length)
      return records
    }
    assert.equal(replaySamePolicy(journal, { from: 1, to: LAST_TURN }).same, LAST_TURN)
    assert.ok(Math.max(...lengths) <= 25)
    assert.equal(
      lengths.reduce((sum, length) => sum + length, 0),
      LAST_TURN,
    )
  })
})

describe('a record that was changed after the fact', () => {
  it('shows a use that was altered in one turn', (t) => {
    const dir = copyOf(t)
    const turn = 60
    alter(dir, turn, ({ observation }) => ({
      observation: withCounters(observation, 'shop', { cpu: counterOf(observation, 'shop', 'cpu') + 150 }),
    }))
    const journal = open(t, dir)
    const { differing, differences, same, turns } = replaySamePolicy(journal, { from: 1, to: SOME })
    assert.ok(differing.turns > 0)
    assert.equal(same, turns - differing.turns)
    const [first] = differences
    assert.equal(first?.turn, turn)
    assert.ok(first?.kind === 'decision')
    assert.match(first.path, /^(goals|resources)\[\d\]/)
    assert.notEqual(first.recorded, first.now)
    const next = checkpointsOf(journal).find((checkpoint) => checkpoint > turn) as number
    assert.deepEqual(replay(t, dir, next).differing, NO_DIFFERENCE, 'from the next checkpoint on all is well')
    assert.deepEqual(replay(t, dir, 1, turn - 1).differing, NO_DIFFERENCE)
  })

  it('shows one that was altered at a checkpoint', (t) => {
    const dir = copyOf(t)
    const turn = checkpointsOf(open(t, dir))[4] as number
    alter(dir, turn, ({ observation, knowledge }) => {
      assert.ok(knowledge !== null)
      return { observation: withCounters(observation, 'shop', { cpu: counterOf(observation, 'shop', 'cpu') + 150 }) }
    })
    const [first] = replay(t, dir).differences
    assert.deepEqual([first?.kind, first?.turn], ['decision', turn])
  })

  it('shows what changes no decision, but what is known at the next checkpoint', (t) => {
    const dir = copyOf(t)
    const checkpoint = checkpointsOf(open(t, dir))[3] as number
    alter(dir, checkpoint - 1, ({ observation }) => ({
      observation: withCounters(observation, 'api', { 'memory.oomKills': 7 }),
    }))
    const { differing, differences } = replay(t, dir)
    assert.deepEqual(differing, { turns: 0, checkpoints: 1, segments: 0 })
    assert.deepEqual(differences, [
      {
        kind: 'knowledge',
        turn: checkpoint,
        path: 'domains.api.counters["memory.oomKills"]',
        recorded: '0',
        now: '7',
      },
    ])
  })

  it('shows knowledge that was altered', (t) => {
    const dir = copyOf(t)
    const checkpoint = checkpointsOf(open(t, dir))[2] as number
    alter(dir, checkpoint, ({ knowledge }) => {
      const known = knowledge as Knowledge
      const shop = known.domains['shop' as DomainName]
      return {
        knowledge: {
          ...known,
          domains: { ...known.domains, ['shop' as DomainName]: { ...shop, turns: 0 } },
        } as Knowledge,
      }
    })
    const found = replay(t, dir).differences.find(({ kind }) => kind === 'knowledge')
    assert.ok(found?.kind === 'knowledge')
    assert.deepEqual([found.turn, found.path, found.recorded], [checkpoint, 'domains.shop.turns', '0'])
  })

  it('shows a decision that was altered, and nothing else', (t) => {
    const dir = copyOf(t)
    const plan = open(t, dir).turn(77)?.decision.plan
    alter(dir, 77, ({ decision }) => ({ decision: { ...decision, turn: 78 } }))
    assert.deepEqual(replay(t, dir).differences, [
      { kind: 'decision', turn: 77, path: 'turn', recorded: '78', now: '77' },
    ])
    assert.deepEqual(open(t, dir).turn(77)?.decision.plan, plan)
  })

  it('lists the first ten differences and counts all', (t) => {
    const dir = copyOf(t)
    for (let turn = 101; turn <= 112; turn++)
      alter(dir, turn, ({ decision }) => ({ decision: { ...decision, turn: -0 } }))
    const { differing, differences } = replay(t, dir)
    assert.equal(differing.turns, 12)
    assert.deepEqual(
      differences.map(({ turn }) => turn),
      [101, 102, 103, 104, 105, 106, 107, 108, 109, 110],
    )
    assert.ok(differences.every((its) => its.kind === 'decision' && its.recorded === '-0'))
  })

  it('tells the segments that cannot be used, and goes on behind them', (t) => {
    const dir = copyOf(t)
    const [, second = 0, third = 0] = checkpointsOf(open(t, dir))
    sql(dir, `UPDATE turns SET body = x'00' WHERE turn = ${second}`)
    const { turns, same, differing, differences, gaps } = replay(t, dir)
    assert.deepEqual([differing, gaps], [{ turns: 0, checkpoints: 0, segments: 1 }, 0])
    assert.equal(turns, SOME - (third - second))
    assert.equal(same, turns)
    const [its] = differences
    assert.ok(its?.kind === 'unusable')
    assert.match(its.message, new RegExp(`turn ${second} cannot be read from the journal, which is damaged there`))
  })
})

describe('a record that is not whole', () => {
  it('is followed up to where turns are missing, and from there on', (t) => {
    const dir = copyOf(t)
    const [, second = 0, third = 0] = checkpointsOf(open(t, dir))
    sql(dir, `DELETE FROM turns WHERE segment = ${second}`)
    const { turns, same, differing, gaps } = replay(t, dir)
    assert.equal(turns, SOME - (third - second))
    assert.deepEqual([same, differing, gaps], [turns, NO_DIFFERENCE, 1])
  })

  it('tells a start without what had been learned from knowledge that was altered', (t) => {
    const dir = copyOf(t)
    const journal = open(t, dir)
    const [, , third = 0, fourth = 0] = checkpointsOf(journal)
    const policies = recordedPolicies(journal)
    let known: Knowledge = { ...NO_KNOWLEDGE, turn: third - 1 }
    for (const record of journal.segment(third, fourth - 1)) {
      const { decision, knowledge } = decide(policies(record.policyHash), record.observation, known)
      alter(dir, record.turn, () => ({ decision, knowledge: record.turn === third ? known : null }))
      known = knowledge
    }
    const { differing, startedAnew } = replay(t, dir, 1, fourth - 1)
    assert.deepEqual([differing, startedAnew], [NO_DIFFERENCE, 1])
  })
})

describe('turns of another version', () => {
  it('are counted apart, and compared as those of another policy are', (t) => {
    const dir = copyOf(t)
    sql(dir, "UPDATE turns SET decider = 'reeve/0' WHERE turn BETWEEN 101 AND 260")
    // It is the same code in truth, so nothing may differ, over failures and a domain that is replaced.
    const { turns, same, differing, otherVersions } = replay(t, dir, 1, 300)
    assert.deepEqual([turns, same, differing], [140, 140, NO_DIFFERENCE])
    assert.deepEqual(otherVersions?.deciders, ['reeve/0'])
    const { comparison } = otherVersions ?? assert.fail()
    assert.deepEqual([comparison.turns, comparison.otherChanges.turns], [160, 0])
    assert.ok(comparison.changes.was > 0)
    assert.equal(comparison.changes.was, comparison.changes.now)
    assert.ok(comparison.amounts.every(({ greatest }) => greatest === null))
  })

  it('are not held against the knowledge that this one gains', (t) => {
    const dir = copyOf(t)
    sql(dir, "UPDATE turns SET decider = 'reeve/0'")
    const checkpoint = checkpointsOf(open(t, dir))[2] as number
    alter(dir, checkpoint - 1, ({ observation }) => ({
      observation: withCounters(observation, 'api', { 'memory.oomKills': 7 }),
    }))
    const { turns, differing, otherVersions } = replay(t, dir)
    assert.deepEqual([turns, differing, otherVersions?.comparison.turns], [0, NO_DIFFERENCE, SOME])
  })
})

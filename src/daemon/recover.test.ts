import assert from 'node:assert/strict'
import { truncateSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { DECIDER, decide } from '#core/decide.ts'
import type { Outcome } from '#core/model/decision.ts'
import { type Knowledge, NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { policyHash } from '#policy/hash.ts'
import { parsePolicy } from '#policy/parse.ts'
import { FakeHost, TWO_DOMAINS } from './fake-host.fixture.ts'
import { handClock } from './hand-clock.fixture.ts'
import { openJournal } from './journal/journal.ts'
import { journalPath, readJournal } from './journal/reader.ts'
import { observe } from './observe.ts'
import { recover } from './recover.ts'
import { decideTurnAgain } from './replay/again.ts'

/** Turns as the daemon records them, over a host whose use changes; returns what it knew after the last. */
async function recordTurns(dir: string, count: number, checkpointEvery: number, decider = DECIDER): Promise<Knowledge> {
  const parsed = parsePolicy(TWO_DOMAINS, { file: 'policy' })
  assert.ok(parsed.ok)
  const { policy } = parsed
  const clock = handClock()
  const host = new FakeHost(clock)
  await host.prepare(policy)
  const journal = openJournal(dir, { checkpointEvery })
  const hash = policyHash(TWO_DOMAINS)
  let knowledge = NO_KNOWLEDGE
  for (let i = 0; i < count; i++) {
    clock.ms += 1000 + i / 3
    host.use['shop'] = 400 + 37 * (i % 5)
    const sources = { host: 'h', driver: host, clock, metrics: { latest: () => [] } }
    const seen = await observe(sources, { policy, paused: false, events: [], reclaimed: [], outcomes: [], slow: true })
    const decided = decide(policy, seen, knowledge)
    const before = journal.needsCheckpoint(hash) ? knowledge : null
    const { decision } = decided
    journal.commit(
      { turn: decision.turn, policyHash: hash, decider, observation: seen, knowledge: before, decision },
      TWO_DOMAINS,
    )
    for (const change of decision.plan) await host.apply(change, new AbortController().signal)
    knowledge = decided.knowledge
  }
  journal.close()
  return knowledge
}

describe('recovery', () => {
  for (const count of [1, 4, 5, 13]) {
    it(`brings back exactly what was known after ${count} turns with a checkpoint every 5`, async (t) => {
      const dir = temporaryDir(t)
      const known = await recordTurns(dir, count, 5)
      const journal = openJournal(dir)
      t.after(() => journal.close())
      const recovered = recover(journal)
      assert.equal(recovered.problem, null)
      assert.deepStrictEqual(recovered.knowledge, known)
      assert.equal(recovered.turnsDecidedAgain, ((count - 1) % 5) + 1)
      assert.equal(decideTurnAgain(journal, count)?.isSame, true)
    })
  }

  it('starts empty, but goes on counting, where the record cannot be used', async (t) => {
    const dir = temporaryDir(t)
    await recordTurns(dir, 3, 5)
    const journal = openJournal(dir)
    t.after(() => journal.close())
    journal.policyText = () => 'apiVersion: reeve/v0'
    const recovered = recover(journal)
    assert.match(recovered.problem ?? '', /cannot bring back what was learned until turn 3/)
    assert.deepStrictEqual(recovered.knowledge, { ...NO_KNOWLEDGE, turn: 3 })
  })

  it('starts empty where another version decided: it would have set other amounts', async (t) => {
    const dir = temporaryDir(t)
    await recordTurns(dir, 3, 5, 'reeve/0')
    const journal = openJournal(dir)
    t.after(() => journal.close())
    const { problem, knowledge } = recover(journal)
    assert.match(problem ?? '', /turn 1 was decided by reeve\/0, this is reeve\//)
    assert.deepStrictEqual(knowledge, { ...NO_KNOWLEDGE, turn: 3 })
  })

  it('blames nobody for what it was about to set when it died, nor for what was put back since', async (t) => {
    const dir = temporaryDir(t)
    const known = await recordTurns(dir, 3, 5)
    const set = Object.entries(known.set).flatMap(([node, knobs]) =>
      Object.keys(knobs).map((knob) => `${node} ${knob}`),
    )
    assert.ok(set.length > 0)
    const journal = openJournal(dir)
    t.after(() => journal.close())
    // No outcome is on record, and nothing is remembered that could be put back.
    const { outcomes } = recover(journal)
    assert.deepEqual(new Set(outcomes.map(({ node, knob }) => `${node} ${knob}`)), new Set(set))
    assert.ok(outcomes.every(({ status }) => status === 'given-up'))
    const [node, knob] = (set[0] as string).split(' ') as [never, 'cpu.weight']
    const values = { original: 100, lastSet: 200, mayBe: [100] }
    journal.remember({ driver: 'fake', node, knob, domain: null, identity: 'x', ...values })
    const planned = (journal.turn(3)?.decision.plan ?? []).map((change): Outcome => ({ status: 'applied', ...change }))
    journal.outcomes(3, planned)
    assert.ok(!recover(journal).outcomes.some((its) => `${its.node} ${its.knob}` === set[0]))
  })

  it('does not know what became of what it was about to set when it died, where it may have set it', async (t) => {
    const dir = temporaryDir(t)
    await recordTurns(dir, 2, 5)
    const journal = openJournal(dir)
    t.after(() => journal.close())
    const [one, other] = journal.turn(2)?.decision.plan ?? []
    assert.ok(one !== undefined && other !== undefined)
    const { node, knob, to } = one
    const values = { original: 100, lastSet: to, mayBe: [100] }
    journal.remember({ driver: 'fake', node, knob, domain: null, identity: 'x', ...values })
    const { outcomes } = recover(journal)
    assert.deepEqual(outcomes[0], { status: 'unknown', node, knob })
    assert.ok(outcomes.slice(1).every(({ status }) => status === 'given-up'))
    assert.ok(outcomes.some((its) => its.node === other.node && its.knob === other.knob))
  })

  it('starts empty where the last turns cannot be read', async (t) => {
    const dir = temporaryDir(t)
    await recordTurns(dir, 3, 5)
    const database = new DatabaseSync(journalPath(dir))
    database.exec("UPDATE turns SET body = x'00' WHERE turn = 1")
    database.close()
    const journal = openJournal(dir)
    t.after(() => journal.close())
    const recovered = recover(journal)
    assert.match(recovered.problem ?? '', /turn 1 cannot be read from the journal, which is damaged there/)
    assert.equal(recovered.knowledge.turn, 3)
  })

  it('says of a file that is cut off what is lost, and what to do', async (t) => {
    const dir = temporaryDir(t)
    await recordTurns(dir, 3, 5)
    truncateSync(journalPath(dir), 6000)
    assert.throws(
      () => openJournal(dir),
      /cannot open the journal .*: it is damaged \(.*\)\..* move journal\.db\* away/,
    )
    assert.throws(() => readJournal(journalPath(dir)), /cannot read the journal .*: it is damaged/)
    truncateSync(journalPath(dir), 0)
    assert.throws(() => readJournal(journalPath(dir)), /it is empty: no daemon has written to it/)
  })

  it('has nothing to bring back from an empty journal', (t) => {
    const journal = openJournal(temporaryDir(t))
    t.after(() => journal.close())
    assert.deepEqual(recover(journal).knowledge, NO_KNOWLEDGE)
  })
})

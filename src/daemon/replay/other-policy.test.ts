import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import type { Decision } from '#core/model/decision.ts'
import { journalPath, readJournal } from '#daemon/journal/reader.ts'
import { policyHash } from '#policy/hash.ts'
import { parsePolicy } from '#policy/parse.ts'
import type { TurnRecord } from '#ports.ts'
import { decideAgain, recordedPolicies } from './again.ts'
import { observationsFor } from './for-policy.ts'
import { replayOtherPolicy } from './other-policy.ts'
import { OtherRun } from './other-run.ts'
import { AT, FIRST_POLICY, LAST_TURN, recordRun, SECOND_POLICY } from './recorded-run.fixture.ts'

let recorded = ''
before(async () => {
  recorded = await recordRun(mkdtempSync(join(tmpdir(), 'reeve-replay-')))
})
after(() => rmSync(join(recorded, '..'), { recursive: true, force: true }))

function policyOf(text: string) {
  const parsed = parsePolicy(text, { file: 'new.yaml' })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return { policy: parsed.policy, file: 'new.yaml', hash: policyHash(text) }
}

function openRecord(t: { after(work: () => void): void }) {
  const journal = readJournal(journalPath(recorded))
  assert.ok(journal !== null)
  t.after(() => journal.close())
  return journal
}

type Test = Parameters<typeof openRecord>[0]

function replay(t: Test, text: string, from = 1, to = LAST_TURN) {
  return replayOtherPolicy(openRecord(t), { from, to }, policyOf(text))
}

/** Every decision of a run by another policy from the first turn on. */
function decisionsBy(
  t: Test,
  text: string,
  to: number,
): { readonly record: TurnRecord; readonly decision: Decision }[] {
  const journal = openRecord(t)
  const { policy } = policyOf(text)
  const asSeen = observationsFor(policy)
  const records = journal.turns(1, to)
  const [first] = decideAgain(recordedPolicies(journal), records)
  const run = new OtherRun(first?.known ?? assert.fail())
  return records.map((record) => ({ record, decision: run.decide(record, policy, asSeen(run.see(record))) }))
}

describe('a record by the policy that it has', () => {
  for (const [what, text, from, to] of [
    ['from its first turn', FIRST_POLICY, 1, AT.reload - 1],
    ['from the middle of a segment, over failures and one that vanishes', FIRST_POLICY, 113, AT.reload - 1],
    ['over a stranger, a resume and a restart', SECOND_POLICY, AT.reload + 1, LAST_TURN],
  ] as const) {
    it(`comes out the same ${what}`, (t) => {
      const { comparison, span, notOnRecord, unusable } = replay(t, text, from, to)
      assert.deepEqual([span?.firstTurn, span?.lastTurn, comparison.turns], [from, to, to - from + 1])
      assert.deepEqual(comparison.otherChanges, { turns: 0, firstTurn: null })
      assert.ok(comparison.changes.was > 5)
      assert.equal(comparison.changes.now, comparison.changes.was)
      for (const { was, now } of comparison.verdicts) assert.equal(now, was)
      for (const { was, now, greatest } of comparison.amounts) {
        assert.deepEqual(now, was)
        assert.equal(greatest, null)
      }
      for (const { short } of comparison.goals) assert.equal(short.now, short.was)
      assert.deepEqual(notOnRecord, { domains: [], metrics: [], resources: [] })
      assert.equal(unusable.segments, 0)
    })
  }
})

/** The shop, which had priority 1, is held to little. */
const HELD_SHOP = FIRST_POLICY.replace(
  'shop: { driver: simulator }',
  'shop: { driver: simulator, cpu: { limit: 300m } }',
)

describe('a record by another policy', () => {
  it('says what would have differed, then and now', (t) => {
    const { comparison } = replay(t, HELD_SHOP, 1, AT.reload - 1)
    const shop = comparison.amounts.find(({ domain, resource }) => domain === 'shop' && resource === 'cpu')
    assert.ok(shop?.was != null && shop.now != null && shop.greatest !== null)
    assert.ok(shop.was.allocation > 600, `${shop.was.allocation}`)
    // Turns in which the knob fails stay at what was in force.
    assert.ok(shop.now.allocation < 400, `${shop.now.allocation}`)
    assert.equal(shop.unit, 'millicores')
    const shopIn = ({ resources }: Decision) =>
      resources[0]?.rows.find(({ domain }) => domain === 'shop')?.allocation ?? 0
    const both = decisionsBy(t, HELD_SHOP, AT.reload - 1).map(({ record, decision }) => {
      return { turn: record.turn, was: shopIn(record.decision), now: shopIn(decision) }
    })
    const most = Math.max(...both.map(({ was, now }) => Math.abs(now - was)))
    assert.deepEqual(
      shop.greatest,
      both.find(({ was, now }) => Math.abs(now - was) === most),
    )
    assert.ok(most > 300, `${most}`)
    assert.ok(comparison.otherChanges.turns > 0)
    assert.ok((comparison.otherChanges.firstTurn ?? 0) <= 3)
    const counted = (key: 'was' | 'now') => comparison.verdicts.reduce((sum, its) => sum + its[key], 0)
    assert.deepEqual([counted('was'), counted('now')], [AT.reload - 1, AT.reload - 1])
    assert.match(comparison.limit, /does not answer back/)
  })

  it('has goals stand as they stood, beside what their domains would have had', (t) => {
    const { comparison } = replay(t, HELD_SHOP, 1, AT.reload - 1)
    const journal = openRecord(t)
    const goals = journal.turns(1, AT.reload - 1).flatMap(({ decision }) => decision.goals)
    const met = goals.filter(({ goal, status }) => goal === 'shop-performance-1' && status.kind === 'met').length
    const shop = comparison.goals.find(({ goal }) => goal === 'shop-performance-1')
    assert.equal(shop?.recorded?.met, met)
    assert.ok((shop?.short.now ?? 0) > (shop?.short.was ?? 0), 'it is granted less than it needs')
    const [cpu] = shop?.entitlements ?? []
    assert.ok((cpu?.was ?? 0) > 600 && (cpu?.now ?? 0) < 310, JSON.stringify(cpu))
  })

  it('takes nothing that Reeve set for the doing of somebody else', (t) => {
    const decided = decisionsBy(t, HELD_SHOP, AT.reload - 1)
    assert.deepEqual(
      decided.flatMap(({ decision }) => decision.drift),
      [],
    )
    const differing = decided.filter(({ record, decision }) => record.decision.plan.length !== decision.plan.length)
    assert.ok(differing.length > 0, 'its changes are others')
    assert.deepEqual(
      decided.flatMap(({ decision }) => decision.violations),
      [],
    )
  })

  it('sees what somebody else did', (t) => {
    const policy = SECOND_POLICY.replace(
      'shop: { driver: simulator }',
      'shop: { driver: simulator, cpu: { limit: 300m } }',
    )
    const drifted = decisionsBy(t, policy, AT.resume).filter(({ decision }) => decision.drift.length > 0)
    assert.deepEqual(
      drifted[0]?.decision.drift.map(({ domain, knob, found }) => [domain, knob, found]),
      [['shop', 'cpu.weight', 321]],
    )
    assert.equal(drifted[0]?.record.turn, AT.stranger + 1)
  })

  it('sets again at once what it is to, where the record has it left so', (t) => {
    const policy = SECOND_POLICY.replace('cooldown: 3s', 'cooldown: 3s, drift: reassert')
    const drifted = decisionsBy(t, policy, AT.resume).filter(({ decision }) => decision.drift.length > 0)
    assert.deepEqual(
      drifted.map(({ record }) => record.turn),
      [AT.stranger + 1],
    )
    const journal = openRecord(t)
    assert.ok((journal.turn(AT.stranger + 5)?.decision.drift.length ?? 0) > 0, 'by the record it lasted')
  })

  it('lets a knob fail that failed, and tries it again', (t) => {
    const decided = decisionsBy(t, HELD_SHOP, 40)
    const tries = decided.filter(({ decision }) => decision.plan.some(({ node }) => node === '/batch'))
    assert.ok(tries.length >= 2, `${tries.length} tries`)
  })

  it('shows advice where nothing would be set', (t) => {
    const policy = HELD_SHOP.replace('mode: manage', 'mode: advise')
    const { comparison } = replay(t, policy, 1, AT.reload - 1)
    assert.equal(comparison.changes.now, 0)
    const shop = comparison.amounts.find(({ domain, resource }) => domain === 'shop' && resource === 'cpu')
    assert.ok((shop?.now?.entitlement ?? 0) < 310, `${shop?.now?.entitlement}`)
  })

  it('names what the record knows nothing of', (t) => {
    const policy = FIRST_POLICY.replace('metrics:', 'metrics:\n  errors: { source: push, domain: shop, unit: errors }')
      .replace('api: { driver: simulator }', 'api: { driver: simulator }\n  mail: { driver: simulator }')
      .replace('goals:', 'goals:\n  - { domain: shop, kind: performance, metric: errors, below: 5, priority: 3 }')
    const { notOnRecord } = replay(t, policy, 1, 30)
    assert.deepEqual(notOnRecord, { domains: ['mail'], metrics: ['errors'], resources: [] })
  })

  it('knows a counter for what is on record of domains themselves', (t) => {
    const counter = (name: string, of: string) => `  ${name}: { source: counter, counter: ${of}, unit: packets/s }\n`
    const metrics = `metrics:\n${counter('sent', 'net.txPackets')}${counter('read', 'io.readOps')}`
    const goals = ['sent', 'read'].map(
      (name) => `  - { domain: shop, kind: throughput, metric: ${name}, atLeast: 5, priority: 3 }\n`,
    )
    const policy = FIRST_POLICY.replace('metrics:\n', metrics).replace('goals:\n', `goals:\n${goals.join('')}`)
    const { notOnRecord } = replay(t, policy, 1, 30)
    assert.deepEqual(notOnRecord, { domains: [], metrics: ['read'], resources: [] })
  })

  it('leaves domains that it does not name to themselves', (t) => {
    const policy = FIRST_POLICY.replace(/^ {2}api: .*\n/m, '')
      .replace(/^ {2}api-p95.*\n/m, '')
      .replace(/^.*domain: api.*\n/m, '')
    const { comparison } = replay(t, policy, 1, 100)
    const api = comparison.amounts.find(({ domain, resource }) => domain === 'api' && resource === 'cpu')
    assert.equal(api?.now, null)
    assert.equal(comparison.goals.find(({ domain }) => domain === 'api')?.short.now, null)
  })

  /** A copy of the record on which that was done. */
  function altered(t: Test, sql: string) {
    const dir = mkdtempSync(join(tmpdir(), 'reeve-replay-'))
    t.after(() => rmSync(dir, { recursive: true, force: true }))
    const original = new DatabaseSync(journalPath(recorded))
    original.exec(`VACUUM INTO '${journalPath(dir)}'`)
    original.close()
    const copy = new DatabaseSync(journalPath(dir))
    copy.exec(sql)
    copy.close()
    const journal = readJournal(journalPath(dir)) ?? assert.fail()
    t.after(() => journal.close())
    return journal
  }

  it('begins anew where turns are missing', (t) => {
    const [, second = 0, third = 0] = openRecord(t).checkpoints(1, 100)
    const journal = altered(t, `DELETE FROM turns WHERE segment = ${second}`)
    const other = FIRST_POLICY.replace('priority: 1', 'priority: 2')
    const over = (from: number, to: number) => replayOtherPolicy(journal, { from, to }, policyOf(other))
    const [whole, before, behind] = [over(1, 100), over(1, second - 1), over(third, 100)]
    assert.equal(whole.gaps, 1)
    assert.ok(behind.comparison.changes.now > 0)
    assert.equal(whole.comparison.changes.now, before.comparison.changes.now + behind.comparison.changes.now)
    assert.equal(
      whole.comparison.otherChanges.turns,
      before.comparison.otherChanges.turns + behind.comparison.otherChanges.turns,
    )
  })

  it('leaves out segments that cannot be used', (t) => {
    const journal = altered(t, "UPDATE turns SET body = x'00' WHERE turn = 26")
    const [, second = 0, third = 0] = journal.checkpoints(1, 100)
    const { comparison, unusable } = replayOtherPolicy(journal, { from: 1, to: 100 }, policyOf(FIRST_POLICY))
    assert.equal(comparison.turns, 100 - (third - second))
    assert.deepEqual([unusable.segments, unusable.first[0]?.turn], [1, second])
  })
})

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it, type TestContext } from 'node:test'
import { startFake, turnWhere } from '#daemon/fake-host.fixture.ts'
import { AT, alter, FIRST_POLICY, LAST_TURN, recordRun } from '#daemon/replay/recorded-run.fixture.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { reeveIn } from '#test/system/reeve.ts'

let dir = ''
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reeve-replay-'))
  await recordRun(dir)
})
after(() => rmSync(dir, { recursive: true, force: true }))

const replay = (...args: readonly string[]) => reeveIn(dir).reeve('replay', ...args)

/** A policy's file as `up` takes it. */
function policyFile(t: TestContext, text: string): string {
  const file = join(temporaryDir(t), 'new.yaml')
  writeFileSync(file, text, { mode: 0o644 })
  return file
}

describe('reeve replay', () => {
  it('says that everything on record comes out the same, and how fast', async () => {
    const { code, stdout, stderr } = await replay()
    assert.deepEqual([code, stderr], [0, ''])
    const lines = stdout.split('\n')
    assert.match(
      lines[0] ?? '',
      new RegExp(`^Turns 1 to ${LAST_TURN}, 2026-01-05 08:00:0\\d UTC to 2026-01-05 08:10:\\d\\d UTC$`),
    )
    assert.match(
      lines[1] ?? '',
      /^640 turns decided again by reeve\/\d+, .* every one came out the same, bit for bit\.$/,
    )
    assert.match(lines[2] ?? '', /^It took [\d.]+ s: [\d.]+ turns a second\.$/)
    const report = await reeveIn(dir).ask<{ turns: number; same: number; turnsPerSecond: number }>('replay')
    assert.deepEqual([report.turns, report.same], [LAST_TURN, LAST_TURN])
    assert.ok(report.turnsPerSecond > 1)
  })

  it('decides a part again, by turns and by times', async () => {
    const { reeve } = reeveIn(dir)
    assert.match((await reeve('replay', '--since', '100', '--until', '120')).stdout, /^Turns 100 to 120, /)
    const { stdout } = await reeve('replay', '--since', '2026-01-05T08:05', '--until', '2026-01-05 08:06:00 UTC')
    assert.match(stdout, /, 2026-01-05 08:05:00 UTC to 2026-01-05 08:05:59 UTC\n60 turns decided again/)
  })

  it('finds a record that was changed, and ends with 1', async (t) => {
    const copy = temporaryDir(t)
    cpSync(join(dir, 'state'), join(copy, 'state'), { recursive: true })
    alter(join(copy, 'state'), 60, ({ observation }) => ({
      observation: {
        ...observation,
        domains: observation.domains.map((its) => ({
          ...its,
          counters: { ...its.counters, cpu: (its.counters['cpu'] as number) + 100 },
        })),
      },
    }))
    const { code, stdout } = await reeveIn(copy).reeve('replay')
    assert.equal(code, 1)
    assert.match(stdout, /^ {2}turn 60: \S+ is .* on record and .* now$/m)
    assert.match(stdout, /Either the record was changed after the fact, or this is a defect in Reeve/)
    const data = await reeveIn(copy).reeve('replay', '--json')
    assert.equal(data.code, 1)
    assert.equal(JSON.parse(data.stdout).differences[0].turn, 60)
  })

  it('counts turns of another version apart, and says where turns are missing', async (t) => {
    const copy = temporaryDir(t)
    cpSync(join(dir, 'state'), join(copy, 'state'), { recursive: true })
    const database = new DatabaseSync(join(copy, 'state', 'journal.db'))
    database.exec("UPDATE turns SET decider = 'reeve/0' WHERE turn <= 100; DELETE FROM turns WHERE segment = 151")
    database.close()
    const { code, stdout } = await reeveIn(copy).reeve('replay')
    assert.equal(code, 0)
    assert.match(stdout, /^515 turns decided again by .* every one came out the same/m)
    assert.match(stdout, /^At 1 place turns are missing from the record\.$/m)
    assert.match(
      stdout,
      /^100 turns were decided by reeve\/0, which reeve\/\d+ need not decide the same bit for bit\./m,
    )
    assert.match(stdout, /^The same changes would have been made in every turn: (\d+) changes on record, \1 now\.$/m)
  })

  it('works beside a daemon that goes on', async (t) => {
    const own = temporaryDir(t)
    const { daemon } = await startFake(t, { dir: own })
    await turnWhere(daemon, ({ turn }) => turn > 20)
    const { turns, same } = await reeveIn(own).ask<{ turns: number; same: number }>('replay')
    assert.ok(turns > 20 && same === turns, `${same} of ${turns}`)
  })

  for (const [what, args, code, says] of [
    ['bad bounds, both at once', ['--since', 'noon', '--until', 'late'], 2, /--since .*'noon'; --until .*'late'/],
    ['a period without a turn', ['--since', '5000'], 1, /no turn since turn 5000 is on record; turns 1 \(2026/],
    ['a file that is not there', ['--policy', '/nonexistent/p.yaml'], 78, /cannot read the policy/],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const ran = await replay(...args)
      assert.deepEqual([ran.code, ran.stdout], [code, ''])
      assert.match(ran.stderr, says)
    })
  }

  it('refuses a state directory without a journal', async (t) => {
    const { code, stderr } = await reeveIn(temporaryDir(t)).reeve('replay')
    assert.equal(code, 1)
    assert.match(stderr, /^reeve: there is no journal in .*state \(see --state\)$/m)
  })
})

describe('reeve replay --policy', () => {
  it('compares what was with what would have been, and says what it cannot tell', async (t) => {
    const text = FIRST_POLICY.replace(
      'shop: { driver: simulator }',
      'shop: { driver: simulator, cpu: { limit: 300m } }',
    )
    const args = ['--policy', policyFile(t, text), '--until', String(AT.reload - 1)]
    const { code, stdout, stderr } = await replay(...args)
    assert.equal(code, 0, stderr)
    for (const sentence of [
      /^299 turns decided again by .*new\.yaml \(policy [0-9a-f]{12}\)\.$/m,
      /^Other changes would have been made in \d+ turns, first in turn \d: \d+ changes on record, \d+ now\.$/m,
      /^changed something +\d+ +\d+$/m,
      /^shop +cpu +[\d.]+ cores +0\.\d+ cores .* in turn \d+$/m,
      /^shop-performance-1 +shop +[\d.]+ % of \d+ turns +\d+ +\d+ +[\d.]+ cores of cpu +0\.\d+ cores$/m,
      /^The world does not answer back/m,
    ]) {
      assert.match(stdout, sentence)
    }
    const { comparison } = await reeveIn(dir).ask<{ comparison: { turns: number; limit: string } }>('replay', ...args)
    assert.deepEqual([comparison.turns, /does not answer back/.test(comparison.limit)], [AT.reload - 1, true])
  })

  it('lets what was learned answer, says how good that is, and needs a policy for it', async (t) => {
    const text = FIRST_POLICY.replace(
      'shop: { driver: simulator }',
      'shop: { driver: simulator, cpu: { limit: 300m } }',
    )
    const args = ['--policy', policyFile(t, text), '--simulate', '--until', String(AT.reload - 1)]
    const { code, stdout, stderr } = await replay(...args)
    assert.equal(code, 0, stderr)
    for (const sentence of [
      /^shop +[\d.]+ cores +0\.\d+ cores$/m,
      /^shop-performance-1 +shop +[\d.]+ % of \d+ turns +[\d.]+ % +[\d.]+ % +1\.\d+ +[\d.]+ % of \d+ turns.* +[\d.]+ +[\d.]+$/m,
      /^all goals +[\d.]+ % of \d+ turns +[\d.]+ % of \d+ turns$/m,
      /^Of these nothing is known in some turns, .*metric shop-p95 of shop \(\d+ turns\)/m,
      /^These are answers of models, not of the world/m,
    ]) {
      assert.match(stdout, sentence)
    }
    assert.doesNotMatch(stdout, /does not answer back/)
    const without = await replay('--simulate')
    assert.deepEqual([without.code, without.stdout], [2, ''])
    assert.match(without.stderr, /--simulate needs --policy/)
  })

  it('refuses one that cannot be used, every fault at its line', async (t) => {
    const text = FIRST_POLICY.replace('priority: 1', 'prioritty: 1').replace('batch: { driver', 'batch: { drivver')
    const { code, stdout, stderr } = await replay('--policy', policyFile(t, text))
    assert.deepEqual([code, stdout], [78, ''])
    assert.match(
      stderr,
      /the policy is malformed:\n.*new\.yaml:\d+:\d+: unknown key `drivver`.*\n(.*\n)*.*unknown key `prioritty`/,
    )
    const tooMuch = FIRST_POLICY.replace(
      'shop: { driver: simulator }',
      'shop: { driver: simulator, cpu: { reservation: 3 } }',
    )
    const infeasible = await replay('--policy', policyFile(t, tooMuch))
    assert.equal(infeasible.code, 78)
    assert.match(infeasible.stderr, /the policy is infeasible:\n.*new\.yaml:\d+:\d+: /)
  })
})

describe('reeve history --grades', () => {
  const history = (...args: readonly string[]) => reeveIn(dir).reeve('history', ...args)

  it('shows promises beside what came, of a period and of a domain', async () => {
    const { code, stdout } = await history('shop', '--grades', '--since', '1', '-n', '2')
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`^Turns 1 to ${LAST_TURN}, `))
    assert.match(stdout, /^DOMAIN +GOAL +ESTIMATOR +PROMISED +KEPT +BROKEN +WORSE BY$/m)
    assert.match(stdout, /^shop +shop-performance-1 +(?:feedback|a model of its queue) +\d+ +\d+ +\d+ +[\d.]+ %$/m)
    assert.equal([...stdout.matchAll(/^turn \d+, graded .*: [\d.]+ ms promised by .*, [\d.]+ ms came: /gm)].length, 2)
    assert.doesNotMatch(stdout, /^api/m)
  })

  it('refuses a period without it, and a domain that no goal names', async () => {
    assert.equal((await history('--since', '1')).code, 2)
    const { code, stderr } = await history('batchh', '--grades', '--since', '1')
    assert.deepEqual([code, /no goal names a domain 'batchh'/.test(stderr)], [1, true])
  })
})

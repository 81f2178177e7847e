import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Change } from '#core/model/decision.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { createClock } from './clock.ts'
import { FakeHost, nodeOf, startFake, TWO_DOMAINS, turnWhere } from './fake-host.fixture.ts'
import { handClock } from './hand-clock.fixture.ts'
import { journalPath } from './journal/reader.ts'
import { AlreadyRunning } from './lock.ts'
import { PolicyRefused } from './main.ts'

const hasChanged = ({ outcomes }: { outcomes: readonly unknown[] }) => outcomes.length > 0
const weightOf = (host: FakeHost, name: string) => host.settings.get(nodeOf(name))?.['cpu.weight']
/** The fixed amounts are 1200 and 300 millicores, a ratio of four. */
const OTHER_AMOUNTS = TWO_DOMAINS.replace('300m', '600m')

describe('the daemon', () => {
  it('observes first, then sets what its policy says, and records it', async (t) => {
    const { daemon, host } = await startFake(t, { dir: temporaryDir(t) })
    const { decision, outcomes, isRecorded } = await turnWhere(daemon, hasChanged)
    assert.equal(decision.violations.length, 0)
    assert.equal(isRecorded, true)
    assert.ok(outcomes.every(({ status }) => status === 'applied'))
    assert.equal(Number(weightOf(host, 'shop')) / Number(weightOf(host, 'batch')), 4)
    const { journal, problems } = daemon.status()
    assert.ok(journal.lastTurn >= decision.turn)
    assert.deepEqual(problems, { journal: null, turn: null })
  })

  it('records a turn before it touches anything', async (t) => {
    const host = new FakeHost(createClock())
    const seen: { turn: number; applied: number }[] = []
    const { daemon } = await startFake(t, { dir: temporaryDir(t), host })
    host.beforeApply = () => {
      seen.push({ turn: daemon.status().journal.lastTurn, applied: host.applied.length })
      return undefined
    }
    const { turn } = await turnWhere(daemon, hasChanged)
    assert.deepEqual(seen[0], { turn, applied: 0 })
  })

  it('changes nothing by being started again, and goes on counting', async (t) => {
    const dir = temporaryDir(t)
    const host = new FakeHost(createClock())
    const first = await startFake(t, { dir, host })
    await turnWhere(first.daemon, hasChanged)
    const { turn } = await turnWhere(first.daemon, ({ outcomes }) => outcomes.length === 0)
    await first.daemon.stop()
    const made = host.applied.length
    const { daemon } = await startFake(t, { dir, host })
    const again = await turnWhere(daemon, () => true)
    assert.ok(again.turn > turn, `turn ${again.turn} after ${turn}`)
    await turnWhere(daemon, (its) => its.turn >= again.turn + 10)
    assert.equal(host.applied.length, made)
  })

  it('keeps nothing of what it set on a domain that is gone', async (t) => {
    const clock = handClock()
    const host = new FakeHost(clock)
    const policyText = TWO_DOMAINS.replace('20ms', '10s')
    const { daemon } = await startFake(t, { dir: temporaryDir(t), host, clock, policyText })
    const { turn } = await turnWhere(daemon, hasChanged)
    host.identities.delete(nodeOf('batch'))
    await turnWhere(daemon, (its) => its.turn > turn + 8)
    const { settings } = await daemon.release()
    assert.deepEqual(
      settings.map(({ domain }) => domain),
      ['shop'],
    )
  })

  it('puts back what a new policy no longer names, but not while paused', async (t) => {
    const dir = temporaryDir(t)
    const { daemon, host } = await startFake(t, { dir })
    await turnWhere(daemon, hasChanged)
    const set = weightOf(host, 'batch')
    assert.notEqual(set, 100)
    const without = (name: string) =>
      TWO_DOMAINS.split('\n')
        .filter((line) => !line.includes(name))
        .join('\n')
    daemon.pause()
    assert.ok((await daemon.reload(without('batch'))).ok)
    assert.equal(weightOf(host, 'batch'), set)
    daemon.resume()
    await turnWhere(daemon, () => weightOf(host, 'batch') === 100)
    assert.notEqual(weightOf(host, 'shop'), 100)
    const back = await daemon.reload(TWO_DOMAINS)
    assert.ok(back.ok)
    const { decision } = await turnWhere(daemon, hasChanged)
    const triggers = decision.verdict.kind === 'changes' ? decision.verdict.triggers : []
    assert.deepEqual(
      triggers.filter(({ kind }) => kind === 'drift'),
      [],
    )
    const dropped = await daemon.reload(without('shop'))
    assert.ok(
      dropped.ok && dropped.warnings.some((line) => line.includes('1 of 1 settings were put back')),
      `${JSON.stringify(dropped)}`,
    )
    assert.equal(weightOf(host, 'shop'), 100)
  })

  it('puts back later what could not be put back when a new policy no longer named it', async (t) => {
    const { daemon, host } = await startFake(t, { dir: temporaryDir(t) })
    await turnWhere(daemon, hasChanged)
    let attempts = 0
    host.beforeApply = async (change) => {
      if (change.because.kind !== 'release' || ++attempts > 2) return undefined
      return { status: 'failed', node: change.node, knob: change.knob, code: 'EBUSY', message: 'EBUSY: it is busy' }
    }
    const reloaded = await daemon.reload(TWO_DOMAINS.replaceAll(/^.*batch.*\n/gm, ''))
    assert.ok(reloaded.ok && reloaded.warnings.includes('EBUSY: it is busy'), `${JSON.stringify(reloaded)}`)
    await turnWhere(daemon, () => weightOf(host, 'batch') === 100)
    assert.equal(attempts, 3)
    assert.notEqual(weightOf(host, 'shop'), 100)
  })

  const MIB = 1024 * 1024
  const FROZEN = `
apiVersion: reeve/v1
host: { interval: 20ms, mode: manage, cooldown: 0s }
domains:
  shop: {}
  batch: { pauseBelow: 200m }
goals:
  - { domain: shop, kind: fixed, amounts: { cpu: 2000m }, priority: 1 }
  - { domain: batch, kind: fixed, amounts: { cpu: 800m }, priority: 2 }
`
  for (const [title, policyText, weight] of [
    ['pauses it no more', FROZEN.replace('{ pauseBelow: 200m }', '{}'), false],
    ['leaves it as it is', FROZEN.replace('{ pauseBelow: 200m }', '{ role: fixed, pauseBelow: 200m }'), true],
    ['only observes it', FROZEN.replace('{ pauseBelow: 200m }', '{ mode: observe, pauseBelow: 200m }'), true],
    ['only observes', FROZEN.replace('mode: manage', 'mode: observe'), true],
  ] as const) {
    it(`lets a domain go on that it has paused, where a new policy ${title}`, async (t) => {
      const host = new FakeHost(createClock())
      const settings = { 'cpu.weight': 100, 'cpu.quota': null, freeze: 0 }
      host.settings.set(nodeOf('batch'), { ...settings })
      const { daemon } = await startFake(t, { dir: temporaryDir(t), host, policyText: FROZEN })
      await turnWhere(daemon, () => host.settings.get(nodeOf('batch'))?.['freeze'] === 1)
      const reloaded = await daemon.reload(policyText)
      const lines = reloaded.ok ? reloaded.warnings.join() : ''
      assert.match(lines, /of what is no longer managed, (\d) of \1 settings were put back as found/)
      const { turn } = await turnWhere(daemon, () => true)
      await turnWhere(daemon, (its) => its.turn > turn + 3)
      assert.equal(host.settings.get(nodeOf('batch'))?.['freeze'], 0)
      assert.equal(weightOf(host, 'batch') === 100, weight)
    })
  }

  it('lets a domain go on that it has paused, where nothing is known of that after a restart', async (t) => {
    const dir = temporaryDir(t)
    const host = new FakeHost(createClock())
    host.settings.set(nodeOf('batch'), { 'cpu.weight': 100, 'cpu.quota': null, freeze: 0 })
    const first = await startFake(t, { dir, host, policyText: FROZEN })
    await turnWhere(first.daemon, () => host.settings.get(nodeOf('batch'))?.['freeze'] === 1)
    await first.daemon.stop()
    assert.equal(host.settings.get(nodeOf('batch'))?.['freeze'], 1)
    const database = new DatabaseSync(journalPath(join(dir, 'state')))
    database.exec("UPDATE turns SET decider = 'reeve/0'")
    database.close()
    const { daemon } = await startFake(t, { dir, host, policyText: FROZEN.replace('2000m', '1000m') })
    await turnWhere(daemon, ({ decision }) => decision.verdict.kind === 'changes')
    await turnWhere(daemon, () => host.settings.get(nodeOf('batch'))?.['freeze'] === 0)
    const { settings } = await daemon.release()
    assert.ok(settings.length > 0)
    assert.deepEqual(host.settings.get(nodeOf('batch')), { 'cpu.weight': 100, 'cpu.quota': null, freeze: 0 })
  })

  it('puts back the soft limit of a domain that a new policy caps', async (t) => {
    const host = new FakeHost(createClock())
    host.settings.set(nodeOf('shop'), {
      'cpu.weight': 100,
      'cpu.quota': null,
      'memory.soft': null,
      'memory.limit': null,
    })
    const held = (name: string, of: number) =>
      TWO_DOMAINS.replace(
        'shop: {}',
        `shop: { enforcement: ${name}, memory: { reservation: ${of}MiB, limit: ${of}MiB } }`,
      )
    const { daemon } = await startFake(t, { dir: temporaryDir(t), host, policyText: held('guarantee', 200) })
    const its = () => host.settings.get(nodeOf('shop'))
    await turnWhere(daemon, () => its()?.['memory.soft'] === 200 * MIB)
    assert.ok((await daemon.reload(held('cap', 800))).ok)
    await turnWhere(daemon, () => its()?.['memory.limit'] === 800 * MIB)
    assert.equal(its()?.['memory.soft'], null)
    // And what is not controlled any more goes back as a whole.
    assert.ok((await daemon.reload(TWO_DOMAINS)).ok)
    assert.equal(its()?.['memory.limit'], null)
    const { turn } = await turnWhere(daemon, () => true)
    await turnWhere(daemon, ({ turn: now }) => now > turn + 3)
    assert.deepEqual([its()?.['memory.limit'], its()?.['memory.soft']], [null, null])
  })

  it('leaves alone what cannot be read, manages the rest, and can be started again', async (t) => {
    const dir = temporaryDir(t)
    const host = new FakeHost(createClock())
    host.unreadable.add(nodeOf('batch'))
    const { daemon } = await startFake(t, { dir, host })
    const { turn, outcomes } = await turnWhere(daemon, hasChanged)
    const failed = outcomes.find(({ status }) => status === 'failed')
    assert.match(failed?.status === 'failed' ? failed.message : '', /cannot be read: cpu.weight is nobody's business/)
    await turnWhere(daemon, (its) => its.turn > turn + 3)
    assert.equal(weightOf(host, 'batch'), 100)
    assert.notEqual(weightOf(host, 'shop'), 100)
    await daemon.stop()
    const again = await startFake(t, { dir, host })
    assert.ok((await turnWhere(again.daemon, () => true)).turn > turn + 3)
  })

  it('keeps going when its host cannot be seen: nothing is changed, and it says so', async (t) => {
    const host = new FakeHost(createClock())
    const { daemon } = await startFake(t, { dir: temporaryDir(t), host })
    await turnWhere(daemon, hasChanged)
    host.beforeObserve = () => {
      throw new Error('the mount is gone')
    }
    await sleep(60)
    assert.match(daemon.status().problems.turn ?? '', /settings stay as they are: the mount is gone/)
    host.beforeObserve = () => {}
    await turnWhere(daemon, () => true)
    assert.equal(daemon.status().problems.turn, null)
  })

  it('is not disturbed by a UTC clock that jumps', async (t) => {
    const dir = temporaryDir(t)
    let jumpMs = 0
    const hands = { monotonicMs: () => performance.now(), utcMs: () => Date.now() + jumpMs }
    const clock = createClock(hands, 'boot')
    const host = new FakeHost(clock)
    const { daemon } = await startFake(t, { dir, host, clock })
    await turnWhere(daemon, hasChanged)
    await turnWhere(daemon, ({ outcomes }) => outcomes.length === 0)
    const made = host.applied.length
    for (const jump of [3600_000, -7200_000]) {
      jumpMs = jump
      const from = performance.now()
      const { turn } = await turnWhere(daemon, () => true)
      await turnWhere(daemon, (its) => its.turn === turn + 5)
      const took = performance.now() - from
      assert.ok(took > 80 && took < 1000, `six turns of 20 ms took ${took} ms`)
    }
    assert.equal(host.applied.length, made)
  })
})

describe('two daemons', () => {
  it('on one host: the second refuses, in one line, until the first is gone', async (t) => {
    const dir = temporaryDir(t)
    const lockFile = join(dir, 'host.lock')
    const first = await startFake(t, { dir: join(dir, 'a'), lockFile })
    const second = () => startFake(t, { dir: join(dir, 'b'), lockFile })
    await assert.rejects(second, (error: Error) => {
      assert.ok(error instanceof AlreadyRunning)
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
    assert.ok(!existsSync(join(dir, 'b')), 'the one that was refused leaves nothing')
    await first.daemon.stop()
    await second()
  })

  it('on one journal: the second refuses', async (t) => {
    const dir = temporaryDir(t)
    await startFake(t, { dir, lockFile: join(dir, 'a.lock') })
    await assert.rejects(startFake(t, { dir, lockFile: join(dir, 'b.lock') }), AlreadyRunning)
  })
})

describe('reload', () => {
  it('takes a good policy and acts by it at once', async (t) => {
    const { daemon, host } = await startFake(t, { dir: temporaryDir(t) })
    await turnWhere(daemon, hasChanged)
    const before = daemon.status().policy.hash
    const result = await daemon.reload(OTHER_AMOUNTS)
    assert.ok(result.ok && result.changed)
    await turnWhere(daemon, () => Number(weightOf(host, 'shop')) / Number(weightOf(host, 'batch')) === 2)
    assert.notEqual(daemon.status().policy.hash, before)
  })

  for (const [kind, text] of [
    ['malformed', TWO_DOMAINS.replace('priority: 1', 'prioritty: 1')],
    ['infeasible', TWO_DOMAINS.replace('domain: batch, kind', 'domain: nobody, kind')],
  ] as const) {
    it(`keeps the last good policy where the new one is ${kind}, and says why`, async (t) => {
      const { daemon } = await startFake(t, { dir: temporaryDir(t) })
      const before = daemon.status().policy.hash
      const result = await daemon.reload(text)
      assert.ok(!result.ok)
      assert.equal(result.kind, kind)
      assert.match(result.faults.join('\n'), /policy:\d+:\d+: .*(prioritty|nobody)/)
      const { policy } = daemon.status()
      assert.equal(policy.hash, before)
      assert.deepEqual(policy.refused?.faults, result.faults)
      await turnWhere(daemon, () => true)
      assert.ok((await daemon.reload(OTHER_AMOUNTS)).ok)
      assert.equal(daemon.status().policy.refused, null)
    })
  }

  it('reads its file again, and keeps what it has where the file cannot be read', async (t) => {
    const dir = temporaryDir(t)
    const policyFile = join(dir, 'policy.yaml')
    const { daemon } = await startFake(t, { dir, policyFile })
    const missing = await daemon.reload()
    assert.ok(!missing.ok && missing.kind === 'unreadable')
    writeFileSync(policyFile, OTHER_AMOUNTS, { mode: 0o644 })
    assert.ok((await daemon.reload()).ok)
  })

  it('is what a daemon cannot start without: a bad policy is refused', async (t) => {
    await assert.rejects(startFake(t, { dir: temporaryDir(t), policyText: 'apiVersion: reeve/v2' }), PolicyRefused)
  })
})

describe('pause', () => {
  it('decides and changes nothing, also after a restart, until resumed', async (t) => {
    const dir = temporaryDir(t)
    const host = new FakeHost(createClock())
    const first = await startFake(t, { dir, host, policyText: TWO_DOMAINS.replace('20ms', '40ms') })
    first.daemon.pause()
    await turnWhere(first.daemon, ({ decision }) => decision.turn >= 4)
    assert.equal(host.applied.length, 0)
    await first.daemon.stop()
    const { daemon } = await startFake(t, { dir, host })
    const { turn, decision } = await turnWhere(daemon, () => true)
    assert.deepEqual(decision.verdict, { kind: 'no-beneficial-change', reason: 'paused' })
    await turnWhere(daemon, (its) => its.turn > turn + 3)
    assert.equal(host.applied.length, 0)
    daemon.resume()
    await turnWhere(daemon, hasChanged)
    assert.notEqual(host.applied.length, 0)
  })
})

describe('release', () => {
  it('puts back what was found and stays away until resumed', async (t) => {
    const { daemon, host } = await startFake(t, { dir: temporaryDir(t) })
    await turnWhere(daemon, hasChanged)
    assert.notEqual(weightOf(host, 'shop'), 100)
    const { settings } = await daemon.release()
    assert.deepEqual(
      settings.map(({ result }) => result.kind),
      ['restored', 'restored'],
    )
    assert.equal(weightOf(host, 'shop'), 100)
    assert.equal(weightOf(host, 'batch'), 100)
    const { turn } = await turnWhere(daemon, () => true)
    await turnWhere(daemon, (its) => its.turn > turn + 3)
    assert.equal(weightOf(host, 'shop'), 100)
    assert.deepEqual(await daemon.release(), { settings: [] })
  })

  it('skips what somebody else changed and what is another domain by now, and says so', async (t) => {
    const { daemon, host } = await startFake(t, { dir: temporaryDir(t) })
    await turnWhere(daemon, hasChanged)
    daemon.pause()
    await turnWhere(daemon, ({ decision }) => decision.verdict.kind !== 'changes')
    host.settings.set(nodeOf('shop'), { 'cpu.weight': 77, 'cpu.quota': null })
    host.identities.set(nodeOf('batch'), '2@batch')
    const { settings } = await daemon.release()
    const results = Object.fromEntries(settings.map(({ domain, result }) => [domain, result]))
    assert.deepEqual(results, { shop: { kind: 'changed-by-others', found: 77 }, batch: { kind: 'replaced' } })
    assert.equal(weightOf(host, 'shop'), 77)
  })

  it('reports what failed and keeps it for the next attempt', async (t) => {
    const { daemon, host } = await startFake(t, { dir: temporaryDir(t) })
    await turnWhere(daemon, hasChanged)
    const refuse = ({ node, knob }: Change) =>
      Promise.resolve({ status: 'failed' as const, node, knob, code: 'EPERM', message: 'not allowed' })
    host.beforeApply = refuse
    const { settings } = await daemon.release()
    assert.deepEqual(
      settings.map(({ result }) => result.kind),
      ['failed', 'failed'],
    )
    // It is Reeve's still, so that what somebody else makes of it shows.
    host.settings.set(nodeOf('shop'), { 'cpu.weight': 77, 'cpu.quota': null })
    const { decision } = await turnWhere(daemon, (its) => its.decision.drift.length > 0)
    assert.deepEqual(
      decision.drift.map(({ domain, found }) => [domain, found]),
      [['shop', 77]],
    )
    host.beforeApply = () => undefined
    assert.deepEqual(
      (await daemon.release()).settings.map(({ result }) => result.kind),
      ['changed-by-others', 'restored'],
    )
  })

  it('works from the journal of a daemon that was started anew', async (t) => {
    const dir = temporaryDir(t)
    const host = new FakeHost(createClock())
    const first = await startFake(t, { dir, host })
    await turnWhere(first.daemon, hasChanged)
    await first.daemon.stop()
    const { daemon } = await startFake(t, { dir, host })
    await daemon.release()
    assert.equal(weightOf(host, 'shop'), 100)
  })
})

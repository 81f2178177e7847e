import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Change } from '#core/model/decision.ts'
import type { DomainName, Identity } from '#core/model/ids.ts'
import { CPU } from '#core/model/resource.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { type Applying, applyPlan } from './apply.ts'
import { createClock } from './clock.ts'
import { FakeHost, nodeOf } from './fake-host.fixture.ts'
import { openJournal } from './journal/journal.ts'
import { SILENT } from './log.ts'
import { Originals } from './originals.ts'
import { Recorder } from './recorder.ts'

function change(name: string, to: number): Change {
  return {
    driver: 'cgroup',
    node: nodeOf(name),
    domain: name as DomainName,
    identity: `1@${name}` as Identity,
    knob: 'cpu.weight',
    resource: CPU,
    from: 100,
    to,
    direction: 'grow',
    because: { kind: 'scheduling' },
  }
}

const PLAN = ['a', 'b', 'c'].map((name, i) => change(name, 200 + i))

function applying(t: Parameters<typeof temporaryDir>[0], more: Partial<Applying> = {}) {
  const host = new FakeHost(createClock())
  for (const name of ['a', 'b', 'c']) {
    host.settings.set(nodeOf(name), { 'cpu.weight': 100 })
    host.identities.set(nodeOf(name), `1@${name}`)
  }
  const journal = openJournal(temporaryDir(t))
  t.after(() => journal.close())
  const originals = new Originals(new Recorder(journal, SILENT))
  const stopping = new AbortController()
  return {
    host,
    journal,
    stopping,
    its: { driver: host, originals, clock: createClock(), deadlineMs: 50, stopping: stopping.signal, ...more },
  }
}

const statuses = (outcomes: readonly { status: string }[]) => outcomes.map(({ status }) => status)

describe('applying a plan', () => {
  it('makes the changes in their order, with every original on record before the first', async (t) => {
    const { host, journal, its } = applying(t)
    let onRecord = -1
    host.beforeApply = () => {
      if (onRecord < 0) onRecord = journal.remembered().length
      return undefined
    }
    assert.deepEqual(statuses(await applyPlan(PLAN, its)), ['applied', 'applied', 'applied'])
    assert.deepEqual(host.applied, PLAN)
    assert.equal(onRecord, 3)
    assert.deepEqual(
      journal.remembered().map(({ original, lastSet }) => [original, lastSet]),
      [
        [100, 200],
        [100, 201],
        [100, 202],
      ],
    )
  })

  it('remembers what was read back, so that a release knows it for its own', async (t) => {
    const { host, journal, its } = applying(t)
    host.beforeApply = async ({ node, knob }) =>
      node === nodeOf('b') ? { status: 'applied', node, knob, to: 199 } : undefined
    await applyPlan(PLAN, its)
    assert.deepEqual(
      journal.remembered().map(({ lastSet }) => lastSet),
      [200, 199, 202],
    )
  })

  it('ends at the first step that fails, which may yet be made, and takes back the announcement of the rest', async (t) => {
    const { host, journal, its } = applying(t)
    host.beforeApply = async ({ node, knob }) =>
      node === nodeOf('b') ? { status: 'failed', node, knob, code: 'EPERM', message: 'no' } : undefined
    assert.deepEqual(statuses(await applyPlan(PLAN, its)), ['applied', 'failed', 'not-tried'])
    assert.deepEqual(
      journal.remembered().map(({ lastSet, mayBe }) => [lastSet, mayBe]),
      [
        [200, [100]],
        [201, [100]],
        [100, []],
      ],
    )
    await applyPlan([change('b', 300)], its)
    await applyPlan([change('b', 400)], its)
    host.beforeApply = () => undefined
    assert.deepEqual(journal.remembered()[1]?.mayBe, [100, 201, 300])
    await applyPlan([change('b', 500)], its)
    await applyPlan([change('b', 600)], its)
    assert.deepEqual(journal.remembered()[1]?.mayBe, [500])
  })

  it('goes on past a domain that vanished, before it or while it is changed', async (t) => {
    const { host, its } = applying(t)
    host.identities.delete(nodeOf('a'))
    host.beforeApply = ({ node }) => {
      if (node === nodeOf('b')) host.identities.delete(node)
      return undefined
    }
    assert.deepEqual(statuses(await applyPlan(PLAN, its)), ['vanished', 'vanished', 'applied'])
  })

  it('does not wait longer than the deadline for a driver that hangs, nor break with one that throws', async (t) => {
    const { host, its } = applying(t)
    let isAborted = false
    host.beforeApply = (_change, signal) => {
      signal.addEventListener('abort', () => {
        isAborted = true
      })
      return new Promise(() => {})
    }
    const [hung] = await applyPlan(PLAN, its)
    assert.ok(hung?.status === 'failed' && hung.code === 'ETIMEDOUT')
    assert.ok(isAborted)
    host.beforeApply = () => Promise.reject(new Error('boom'))
    const [broken] = await applyPlan(PLAN, its)
    assert.ok(broken?.status === 'failed' && /boom/.test(broken.message))
  })

  it('tries nothing more once it is to stop', async (t) => {
    const { host, its, stopping } = applying(t)
    host.beforeApply = () => {
      stopping.abort()
      return undefined
    }
    assert.deepEqual(statuses(await applyPlan(PLAN, its)), ['applied', 'not-tried', 'not-tried'])
  })

  it('takes nothing back of what it could not announce, as after a restart that cannot read', async (t) => {
    const { host, journal, its } = applying(t)
    await applyPlan([change('a', 200), change('b', 201)], its)
    await applyPlan([change('a', 300), change('b', 301)], its)
    host.read = () => Promise.reject(new Error('busy'))
    const originals = new Originals(new Recorder(journal, SILENT))
    const outcomes = await applyPlan([change('a', 400), change('b', 401)], { ...its, originals })
    assert.deepEqual(statuses(outcomes), ['failed', 'not-tried'])
    assert.deepEqual(
      originals.all().map(({ lastSet }) => lastSet),
      [300, 301],
    )
  })

  it('remembers anew where another domain has the name now', async (t) => {
    const { host, journal, its } = applying(t)
    await applyPlan([change('a', 200)], its)
    host.identities.set(nodeOf('a'), '2@a')
    host.settings.set(nodeOf('a'), { 'cpu.weight': 50 })
    await applyPlan([{ ...change('a', 300), identity: '2@a' as Identity }], its)
    const [its2] = journal.remembered()
    assert.deepEqual([its2?.identity, its2?.original, its2?.lastSet], ['2@a', 50, 300])
  })

  it('takes no original of another domain that had the name for its own, though it had the same value', async (t) => {
    const { host, journal, its } = applying(t)
    await applyPlan([change('a', 200)], its)
    host.identities.set(nodeOf('a'), '2@a')
    host.settings.set(nodeOf('a'), { 'cpu.weight': 100 })
    journal.rememberAll = () => {
      throw new Error('disk full')
    }
    const [outcome] = await applyPlan([{ ...change('a', 300), identity: '2@a' as Identity }], its)
    assert.ok(outcome?.status === 'failed' && outcome.code === 'ENOTREMEMBERED')
  })

  it('forgets what it has let go of before it remembers it anew, where the journal had refused to forget', async (t) => {
    const { host, journal, its } = applying(t)
    const place = { driver: 'cgroup', node: nodeOf('a'), knob: 'cpu.weight' } as const
    await applyPlan([change('a', 200)], its)
    const forget = journal.forget.bind(journal)
    journal.forget = () => {
      throw new Error('disk full')
    }
    its.originals.forget(place)
    host.settings.set(place.node, { 'cpu.weight': 50 })
    const [refused] = await applyPlan([change('a', 300)], its)
    assert.ok(refused?.status === 'failed' && refused.code === 'ENOTREMEMBERED')
    assert.equal(host.settings.get(place.node)?.['cpu.weight'], 50)
    journal.forget = forget
    assert.deepEqual(statuses(await applyPlan([change('a', 300)], its)), ['applied'])
    assert.deepEqual(
      journal.remembered().map(({ original, lastSet }) => [original, lastSet]),
      [[50, 300]],
    )
  })

  it('forgets what it set on what is gone or another by now, and nothing of what may be there', async (t) => {
    const { host, journal, its } = applying(t)
    const names = ['a', 'b', 'c', 'shown', 'elsewhere', 'unreadable']
    for (const name of names) {
      host.settings.set(nodeOf(name), { 'cpu.weight': 100 })
      host.identities.set(nodeOf(name), `1@${name}`)
    }
    await applyPlan(
      names.map((name, i) => ({ ...change(name, 200 + i), driver: name === 'elsewhere' ? name : 'cgroup' })),
      its,
    )
    for (const name of ['a', 'shown', 'elsewhere', 'unreadable']) host.identities.delete(nodeOf(name))
    host.identities.set(nodeOf('b'), '2@b')
    host.unreadable.add(nodeOf('unreadable'))
    its.originals.forgetGone(new Set([nodeOf('shown')]), (kind) => (kind === host.kind ? host : null))
    for (const remembered of [journal.remembered(), its.originals.all()]) {
      assert.deepEqual(remembered.map(({ domain }) => domain).sort(), ['c', 'elsewhere', 'shown', 'unreadable'])
    }
  })

  it('leaves alone a setting whose original cannot be recorded, and goes on with those that are', async (t) => {
    const { host, journal, its } = applying(t)
    await applyPlan([change('a', 200)], its)
    journal.rememberAll = () => {
      throw new Error('disk full')
    }
    const outcomes = await applyPlan([change('a', 300), change('b', 300), change('c', 300)], its)
    assert.deepEqual(statuses(outcomes), ['applied', 'failed', 'not-tried'])
    assert.equal(host.settings.get(nodeOf('b'))?.['cpu.weight'], 100)
  })
})

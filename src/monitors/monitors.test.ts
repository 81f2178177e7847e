import assert from 'node:assert/strict'
import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DomainName, NodeId } from '#core/model/ids.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import type { Clock } from '#ports.ts'
import { createFileSource, valueAt } from './file-source.ts'
import { domainAround, groupsOf, parseGroups } from './peer.ts'
import { createPushSource, type Pusher, RefusedReading } from './push-source.ts'
import { judgeValue, newTally } from './reading.ts'

const pushed = (name: string, domain: string | null = null, unit = 'ms'): MetricPolicy => ({
  name,
  unit,
  intervalMs: 10,
  staleMs: 50,
  source: { kind: 'push', domain: domain as DomainName | null },
})

describe('a value', () => {
  for (const [value, unit, expected] of [
    [12.5, 'ms', 'believed'],
    [0, 'ms', 'believed'],
    [-3, 'C', 'believed'],
    [-3, 'ms', 'negative'],
    [-0.1, 'requests/s', 'negative'],
    [-1, 'MiB', 'negative'],
    [Number.NaN, 'ms', 'not a finite'],
    [Number.POSITIVE_INFINITY, 'ms', 'not a finite'],
    [1e300, 'ms', 'too large'],
    ['12', 'ms', 'is not a number'],
    [null, 'ms', 'is not a number'],
    [undefined, 'ms', 'is not a number'],
    [{ toString: 1 }, 'ms', 'is not a number'],
  ] as const) {
    it(`${String(value === Object(value) ? 'an object' : value)} ${unit}: ${expected}`, () => {
      const judged = judgeValue(pushed('m', null, unit), value)
      if (expected === 'believed') assert.deepEqual(judged, { ok: true, value })
      else assert.ok(!judged.ok && judged.reason.includes(expected), JSON.stringify(judged))
    })
  }
})

/** A clock whose two hands are set by hand; sleeping lasts a millisecond of real time. */
function handClock() {
  const clock = {
    monotonicMs: 1000,
    utcMs: Date.parse('2026-11-20T12:00:00Z'),
    now: () => ({ bootId: 'b', monotonicMs: clock.monotonicMs, utcMs: clock.utcMs, zones: {}, openWindows: [] }),
    async sleepUntil(_ms: number, signal: AbortSignal) {
      await sleep(1, undefined, { signal }).catch(() => undefined)
    },
  }
  return clock satisfies Clock
}

describe('pushed values', () => {
  const operator: Pusher = { kind: 'operator' }
  const inside = (domain: string): Pusher => ({ kind: 'domain', domain: domain as DomainName })
  function source() {
    const tally = newTally()
    const clock = handClock()
    const push = createPushSource(clock, tally)
    for (const metric of [pushed('own'), pushed('shops', 'shop')]) push.start(metric)
    return { push, tally, clock }
  }

  for (const [what, reading, pusher, expected] of [
    ['the operator, for a domain', { metric: 'own', domain: 'api', value: 1 }, operator, 'api'],
    ['the operator, for no domain', { metric: 'own', value: 1 }, operator, null],
    ['the operator, for a metric with a domain', { metric: 'shops', value: 1 }, operator, 'shop'],
    ['a process, for its own domain', { metric: 'own', value: 1 }, inside('api'), 'api'],
    ['a process, which names its own domain', { metric: 'own', domain: 'api', value: 1 }, inside('api'), 'api'],
    ["a process of the metric's domain", { metric: 'shops', value: 1 }, inside('shop'), 'shop'],
    ['a process, for another domain', { metric: 'own', domain: 'api', value: 1 }, inside('shop'), RefusedReading],
    ['a process, for the metric of another', { metric: 'shops', value: 1 }, inside('api'), RefusedReading],
    [
      'the operator, for a domain that the policy denies',
      { metric: 'shops', domain: 'api', value: 1 },
      operator,
      RefusedReading,
    ],
    ['anybody, for no metric', { metric: 'nothing', value: 1 }, operator, RefusedReading],
    ['anybody, without a value', { metric: 'own' }, operator, RefusedReading],
  ] as const) {
    it(`by ${what}: ${expected === RefusedReading ? 'refused' : `bound to ${expected}`}`, () => {
      const { push, tally } = source()
      if (expected === RefusedReading) {
        assert.throws(() => push.push([reading], pusher), RefusedReading)
        assert.deepEqual([tally.accepted, tally.refused], [0, 1])
        assert.deepEqual(push.latest(), [])
      } else {
        push.push([reading], pusher)
        assert.deepEqual(push.latest(), [{ metric: reading.metric, domain: expected, takenAtMs: 1000, value: 1 }])
        assert.deepEqual([tally.accepted, tally.refused], [1, 0])
      }
    })
  }

  it('are taken all or none', () => {
    const { push } = source()
    assert.throws(
      () =>
        push.push(
          [
            { metric: 'own', value: 1 },
            { metric: 'own', value: -1 },
          ],
          operator,
        ),
      RefusedReading,
    )
    assert.deepEqual(push.latest(), [])
  })

  it('keep the time of their arrival, so that a metric that stops grows old', () => {
    const { push, clock } = source()
    push.push([{ metric: 'own', value: 1 }], operator)
    clock.monotonicMs += 60_000
    assert.equal(push.latest()[0]?.takenAtMs, 1000)
  })

  it('of metrics that the policy no longer has are forgotten', () => {
    const { push } = source()
    push.push(
      [
        { metric: 'own', value: 1 },
        { metric: 'shops', value: 2 },
      ],
      operator,
    )
    push.keepOnly([pushed('own')])
    assert.deepEqual(
      push.latest().map(({ metric }) => metric),
      ['own'],
    )
    assert.throws(() => push.push([{ metric: 'shops', value: 2 }], operator), RefusedReading)
  })
})

describe('a file', () => {
  async function watched(t: Parameters<typeof temporaryDir>[0]) {
    const path = join(temporaryDir(t), 'metrics.json')
    const clock = handClock()
    const tally = newTally()
    const source = createFileSource(clock, tally)
    t.after(() => source.close())
    const write = (text: string, ageMs: number) => {
      writeFileSync(path, text)
      utimesSync(path, new Date(), new Date(clock.utcMs - ageMs))
    }
    const start = () => source.start({ ...pushed('p95'), source: { kind: 'file', path, key: 'latency.p95' } })
    return { path, clock, tally, source, write, start }
  }
  const until = async (isSo: () => boolean) => {
    for (let i = 0; i < 2000 && !isSo(); i++) await sleep(1)
    assert.ok(isSo())
  }

  it('gives the number at its key, as old as the file', async (t) => {
    const { source, write, start } = await watched(t)
    write('{"latency": {"p95": 12.5}}', 300)
    start()
    await until(() => source.latest().length === 1)
    assert.deepEqual(source.latest(), [{ metric: 'p95', domain: null, takenAtMs: 700, value: 12.5 }])
  })

  it('that is no longer written grows old, and one that is written is new, whatever UTC does meanwhile', async (t) => {
    const { source, write, start, clock, tally } = await watched(t)
    write('{"latency": {"p95": 1}}', 0)
    start()
    await until(() => source.latest().length === 1)
    clock.monotonicMs += 5000
    clock.utcMs += 3600_000
    await sleep(10)
    assert.equal(source.latest()[0]?.takenAtMs, 1000)
    // Written just now by a clock that has not jumped yet: an hour old by UTC, yet written since the last look.
    write('{"latency": {"p95": 2}}', 3599_000)
    await until(() => tally.accepted === 2)
    assert.equal(source.latest()[0]?.takenAtMs, 6000)
  })

  for (const [what, text] of [
    ['a text', '{"latency": {"p95": "NaN"}}'],
    ['a negative time', '{"latency": {"p95": -4}}'],
    ['no such key', '{"latency": {}}'],
    ['no JSON', '{"latency": {"p95": NaN}}'],
    ['a number beyond all bounds', '{"latency": {"p95": 1e999}}'],
  ] as const) {
    it(`with ${what} is not believed: what was read before stays, and grows old`, async (t) => {
      const { source, write, start, tally } = await watched(t)
      write('{"latency": {"p95": 7}}', 50)
      start()
      await until(() => tally.accepted === 1)
      write(text, 0)
      await until(() => tally.refused > 0)
      assert.deepEqual(
        source.latest().map(({ value, takenAtMs }) => [value, takenAtMs]),
        [[7, 950]],
      )
    })
  }

  it('that is missing or not a file is said, and read once it is there', async (t) => {
    const { source, write, start, tally, path } = await watched(t)
    start()
    await until(() => /ENOENT/.test(tally.lastRefusal ?? ''))
    write('{"latency": {"p95": 3}}', 0)
    await until(() => source.latest().length === 1)
    rmSync(path)
    await sleep(5)
    assert.equal(source.latest()[0]?.value, 3)
  })

  it('has its number found by a dotted key, whole keys first, and nothing inherited', () => {
    assert.equal(valueAt({ a: { b: 1 } }, 'a.b'), 1)
    assert.equal(valueAt({ 'a.b': 2, a: { b: 1 } }, 'a.b'), 2)
    assert.equal(valueAt({ a: [5, 6] }, 'a.1'), 6)
    assert.equal(valueAt({}, 'constructor.length'), undefined)
    assert.equal(valueAt(null, 'a'), undefined)
  })
})

describe('a peer', () => {
  it('is placed by the trees that carry CPU', () => {
    const first = '12:pids:/p\n4:cpu,cpuacct:/reeve/shop\n1:name=systemd:/s\n0::/u\n'
    assert.deepEqual(parseGroups(first), ['/reeve/shop', '/u'])
    assert.ok(groupsOf(process.pid).length > 0)
    assert.deepEqual(groupsOf(2 ** 22 + 1), [])
  })

  it('is in the innermost domain around it, and a longer name is not a place inside', () => {
    const domains = ['/reeve/shop', '/reeve/shop/inner', '/reeve/sho'].map((node) => ({
      name: node as DomainName,
      node: node as NodeId,
    }))
    assert.equal(domainAround(['/reeve/shop/inner/x'], domains), '/reeve/shop/inner')
    assert.equal(domainAround(['/reeve/shop'], domains), '/reeve/shop')
    assert.equal(domainAround(['/reeve/shopping'], domains), null)
    assert.equal(domainAround([], domains), null)
  })
})

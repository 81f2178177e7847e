import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DomainName, NodeId } from '#core/model/ids.ts'
import type { MetricPolicy } from '#core/model/policy.ts'
import { domainAround, groupsOf, parseGroups } from './peer.ts'
import { handClock } from './pull.fixture.ts'
import { createPushSource, type Pusher, RefusedReading } from './push-source.ts'
import { judgeValue, newTally } from './reading.ts'

const pushed = (name: string, domain: string | null = null, unit = 'ms', staleMs = 50): MetricPolicy => ({
  name,
  unit,
  intervalMs: 10,
  staleMs,
  source: { kind: 'push', domain: domain as DomainName | null },
})

describe('a value', () => {
  for (const [value, expected] of [
    [12.5, 'believed'],
    [0, 'believed'],
    [-3, 'negative'],
    [-0.1, 'negative'],
    [-1e300, 'negative'],
    [Number.NaN, 'not a finite'],
    [Number.POSITIVE_INFINITY, 'not a finite'],
    [1e300, 'too large'],
    ['12', 'is not a number'],
    [null, 'is not a number'],
    [undefined, 'is not a number'],
    [{ toString: 1 }, 'is not a number'],
  ] as const) {
    it(`${String(value === Object(value) ? 'an object' : value)}: ${expected}`, () => {
      const judged = judgeValue(value)
      if (expected === 'believed') assert.deepEqual(judged, { ok: true, value })
      else assert.ok(!judged.ok && judged.reason.includes(expected), JSON.stringify(judged))
    })
  }
})

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

  it('are refused below 0 in any unit, and are not even kept', () => {
    const { push, tally } = source()
    push.start(pushed('outside', null, 'C'))
    assert.throws(() => push.push([{ metric: 'outside', value: -3 }], operator), RefusedReading)
    assert.equal(tally.lastRefusal, 'outside: -3 is negative, and a reading is 0 or more')
    assert.deepEqual(push.latest(), [])
  })

  it('of domains of which nothing is told for long are forgotten', () => {
    const { push, clock } = source()
    const domains = () => push.latest().map(({ domain }) => domain)
    push.push([{ metric: 'own', domain: 'mistyped', value: 1 }], operator)
    clock.monotonicMs += 1000
    push.push([{ metric: 'own', domain: 'api', value: 1 }], operator)
    assert.deepEqual(domains(), ['mistyped', 'api'])
    clock.monotonicMs += 1
    push.push([{ metric: 'own', domain: 'api', value: 1 }], operator)
    assert.deepEqual(domains(), ['api'])
  })

  for (const [what, next, expected] of [
    ['the unit', pushed('own', null, 's'), []],
    ['the domain', pushed('own', 'api'), []],
    ['only when it is stale', pushed('own', null, 'ms', 70), [1]],
  ] as const) {
    it(`are ${expected.length > 0 ? 'kept' : 'forgotten'} where the policy changes ${what}`, () => {
      const { push } = source()
      push.push([{ metric: 'own', domain: 'api', value: 1 }], operator)
      push.keepOnly([next])
      push.start(next)
      assert.deepEqual(
        push.latest().map(({ value }) => value),
        expected,
      )
      push.push([{ metric: 'own', domain: 'api', value: 2 }], operator)
      assert.equal(push.latest()[0]?.value, 2)
    })
  }

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

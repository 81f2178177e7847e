import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DomainName } from '#core/model/ids.ts'
import type { MetricPolicy, MetricSourcePolicy } from '#core/model/policy.ts'
import { createBoard } from './board.ts'
import { createLastReadings, type LastReadings } from './last-readings.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

const metric = (source: MetricSourcePolicy): MetricPolicy => ({
  name: 'p95',
  unit: 'ms',
  intervalMs: SECOND,
  staleMs: 5 * SECOND,
  source,
})
const P95 = metric({ kind: 'file', path: '/p95', key: null })

interface Telling {
  readonly times: number
  readonly everyMs: number
  /** By the number of the reading, from 0. */
  readonly value: (number: number) => number
  readonly policy?: MetricPolicy
}

/** Has a metric tell values, from the time 0 on. */
function tell(
  last: LastReadings,
  { times, everyMs, value, policy = P95 }: Telling,
  domain: string | null = null,
): void {
  for (let number = 0; number < times; number++) {
    const takenAtMs = number * everyMs
    last.set(policy, { metric: 'p95', domain: domain as DomainName | null, takenAtMs, value: value(number) })
  }
}

const lineAfter = (telling: Telling) => {
  const last = createLastReadings()
  tell(last, telling)
  assert.equal(last.all().length, 1)
  return last.unmoving()[0]?.reason ?? null
}

describe('readings that may be stuck', () => {
  // The lies of `src/core/lying-metrics.test.ts` that a look at the values alone can find, and those that it cannot.
  for (const [what, value, isTold] of [
    ['a constant that misses', () => 900, true],
    ['a constant that is met', () => 1, true],
    ['seconds where milliseconds are meant', () => 0.05, true],
    ['a constant after a change', (n: number) => (n === 0 ? 5 : 900), true],
    ['nothing to do', () => 0, false],
    ['a coin', (n: number) => (n % 2 === 0 ? 5 : 5000), false],
    ['a constant that moved just now', (n: number) => (n === 301 ? 901 : 900), false],
    ['a value at work', (n: number) => 50 + (n % 7), false],
  ] as const) {
    it(`${what}: ${isTold ? 'told of' : 'not told of'}`, () => {
      assert.equal(lineAfter({ times: 302, everyMs: SECOND, value }) !== null, isTold)
    })
  }

  for (const [what, times, everyMs, isTold] of [
    ['often, for less than 5 minutes', 300, SECOND, false],
    ['often, for 5 minutes', 301, SECOND, true],
    ['seldom, 59 times', 59, MINUTE, false],
    ['seldom, 60 times', 60, MINUTE, true],
  ] as const) {
    it(`told the same ${what}: ${isTold ? 'told of' : 'not told of'}`, () => {
      assert.equal(lineAfter({ times, everyMs, value: () => 900 }) !== null, isTold)
    })
  }

  const window = { quantile: 0.99, windowMs: 10 * MINUTE, samplesLeast: 1 }
  for (const [what, source] of [
    ['probes', { kind: 'http', url: 'http://x/', status: 200, timeoutMs: 1, ...window }],
    ['timers', { kind: 'statsd', port: 1, bucket: 'x', take: { kind: 'timer', ...window } }],
  ] as const) {
    it(`of ${what} are one and the same slow one for as long as their window has it`, () => {
      const row = (times: number) => lineAfter({ times, everyMs: SECOND, value: () => 900, policy: metric(source) })
      assert.equal(row(15 * 60), null)
      assert.notEqual(row(15 * 60 + 1), null)
    })
  }

  it('are told of in one line for a metric, and all of them count', () => {
    const last = createLastReadings()
    const constant: Telling = { times: 301, everyMs: SECOND, value: () => 900 }
    tell(last, constant, 'shop')
    const seen = 'its last 301 readings, over 5 min, were all 900 (of domain shop'
    const judged = ': whatever measures it may be stuck; the readings count all the same'
    assert.deepEqual(last.unmoving(), [{ metric: 'p95', reason: `${seen})${judged}` }])
    tell(last, constant, 'api')
    tell(last, { ...constant, value: (n) => n }, 'alive')
    assert.deepEqual(last.unmoving(), [{ metric: 'p95', reason: `${seen}, and 1 more like it)${judged}` }])
    assert.deepEqual(
      last.all().map(({ domain, value }) => [domain, value]),
      [
        ['shop', 900],
        ['api', 900],
        ['alive', 300],
      ],
    )
    last.forget('p95')
    assert.deepEqual([last.unmoving(), last.all()], [[], []])
  })

  it('are not counted twice when the same one is told again', () => {
    const last = createLastReadings()
    tell(last, { times: 59, everyMs: MINUTE, value: () => 900 })
    for (let again = 0; again < 10; again++) {
      last.set(P95, { metric: 'p95', domain: null, takenAtMs: 58 * MINUTE, value: 900 })
    }
    assert.deepEqual(last.unmoving(), [])
  })

  it('are a problem of what is looked at, and no failure of it', () => {
    const warned: string[] = []
    const board = createBoard({ info() {}, warn: (message) => void warned.push(message) })
    for (let takenAtMs = 0; takenAtMs <= 5 * MINUTE; takenAtMs += SECOND) {
      board.take(P95, { kind: 'values', values: [{ domain: null, takenAtMs, value: 900 }], problem: null })
    }
    assert.match(board.problems()[0]?.reason ?? '', /were all 900: .* count all the same$/)
    assert.deepEqual([board.readings()[0]?.value, warned], [900, []])
    board.fail(P95, 'it is gone')
    assert.equal(board.problems().length, 2)
    board.forget('p95')
    assert.deepEqual(board.problems(), [])
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from './failure.ts'
import { writtenPeriod } from './period.ts'

const NOW = Date.UTC(2026, 10, 21, 12)

describe('a period as it is written', () => {
  for (const [text, point] of [
    ['4711', { turn: 4711 }],
    ['1h', { utcMs: NOW - 3_600_000 }],
    ['1.5m', { utcMs: NOW - 90_000 }],
    ['2026-11-21', { utcMs: Date.UTC(2026, 10, 21) }],
    ['2026-11-21T09:30', { utcMs: Date.UTC(2026, 10, 21, 9, 30) }],
    ['2026-11-21T09:30:05.25Z', { utcMs: Date.UTC(2026, 10, 21, 9, 30, 5, 250) }],
    ['2026-11-21 09:30:05 UTC', { utcMs: Date.UTC(2026, 10, 21, 9, 30, 5) }],
  ] as const) {
    it(`takes ${text}`, () => {
      assert.deepEqual(writtenPeriod({ since: text }, NOW), { since: point, until: null })
      assert.deepEqual(writtenPeriod({ until: text }, NOW), { since: null, until: point })
    })
  }

  for (const text of ['0', '-5', 'yesterday', '2026-13-01', '2026-11-21T25:00', '2026-11-21T09:30+01:00', '']) {
    it(`refuses '${text}'`, () => assert.throws(() => writtenPeriod({ since: text }, NOW), Failure))
  }

  it('tells all that is wrong at once', () => {
    assert.throws(
      () => writtenPeriod({ since: 'noon', until: 'late' }, NOW),
      (error) =>
        error instanceof Failure && error.exitCode === 2 && /--since .*'noon'; --until .*'late'/.test(error.message),
    )
  })
})

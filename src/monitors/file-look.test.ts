import assert from 'node:assert/strict'
import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import { valueAt } from './file-look.ts'
import { handClock, pulled, until } from './pull.fixture.ts'

describe('a file', () => {
  function watched(t: Parameters<typeof temporaryDir>[0], key: string | null = 'latency.p95') {
    const path = join(temporaryDir(t), 'metrics.json')
    const clock = handClock()
    const write = (text: string, ageMs: number) => {
      writeFileSync(path, text)
      utimesSync(path, new Date(), new Date(clock.utcMs - ageMs))
    }
    const start = () => pulled(t, { kind: 'file', path, key }, { intervalMs: 10 }, clock)
    return { path, clock, write, start }
  }

  it('gives the number at its key, as old as the file', async (t) => {
    const { write, start } = watched(t)
    write('{"latency": {"p95": 12.5}}', 300)
    const { pull } = start()
    await until(() => pull.latest().length === 1)
    assert.deepEqual(pull.latest(), [{ metric: 'm', domain: null, takenAtMs: 700, value: 12.5 }])
  })

  for (const [what, text, expected] of [
    ['a line', '12.5\n', 12.5],
    ['no end of line', '12.5', 12.5],
    ['blanks around it', ' 3e1 \n\n', 30],
  ] as const) {
    it(`without a key gives the number that is all of it, with ${what}`, async (t) => {
      const { write, start } = watched(t, null)
      write(text, 0)
      const { value } = start()
      await until(() => value() === expected, value)
    })
  }

  it('that is no longer written grows old, and one that is written is new, whatever UTC does meanwhile', async (t) => {
    const { write, start, clock } = watched(t)
    write('{"latency": {"p95": 1}}', 0)
    const { reading, value } = start()
    await until(() => value() === 1)
    clock.monotonicMs += 5000
    clock.utcMs += 3600_000
    await sleep(20)
    assert.equal(reading()?.takenAtMs, 1000)
    // Written just now by a clock that has not jumped yet: an hour old by UTC, yet written since the last look.
    write('{"latency": {"p95": 2}}', 3599_000)
    await until(() => value() === 2)
    assert.equal(reading()?.takenAtMs, 6000)
  })

  for (const [what, key, text, reason] of [
    ['a text', 'latency.p95', '{"latency": {"p95": "NaN"}}', /string, not a number, at latency\.p95/],
    ['a negative time', 'latency.p95', '{"latency": {"p95": -4}}', /-4 is negative/],
    ['no such key', 'latency.p95', '{"latency": {}}', /nothing at latency\.p95/],
    [
      'no JSON',
      'latency.p95',
      '{"latency": {"p95": NaN}}',
      /is not JSON: it has NaN or Infinity, which JSON does not know/,
    ],
    ['half of its JSON', 'latency.p95', '{"latency": {"p9', /is not JSON/],
    ['a number beyond all bounds', 'latency.p95', '{"latency": {"p95": 1e999}}', /not a finite/],
    ['NaN and no key', null, 'NaN\n', /is not one number/],
    ['two numbers and no key', null, '1\n2\n', /is not one number/],
    ['nothing and no key', null, '', /is not one number/],
    ['too much', null, `1${' '.repeat(300_000)}`, /300001 bytes/],
  ] as const) {
    it(`with ${what} is not believed: what was read before stays, and grows old`, async (t) => {
      const { write, start, path } = watched(t, key)
      write(key === null ? '7' : '{"latency": {"p95": 7}}', 50)
      const { pull, problem, told, value } = start()
      await until(() => value() === 7)
      write(text, 0)
      await until(() => problem() !== null)
      assert.match(problem() ?? '', reason)
      assert.deepEqual(
        pull.latest().map(({ value, takenAtMs }) => [value, takenAtMs]),
        [[7, 950]],
      )
      await sleep(20)
      assert.equal(told.length, 1, 'it is told once')
      write(key === null ? '8' : '{"latency": {"p95": 8}}', -1000)
      await until(() => value() === 8 && problem() === null, problem)
      assert.deepEqual(told.slice(1), ['metric m is read again'], path)
    })
  }

  it('that is missing or not a file is said, and read once it is there', async (t) => {
    const { write, start, path } = watched(t)
    const { value, problem } = start()
    await until(() => problem()?.includes('ENOENT') === true)
    assert.ok(problem()?.includes(path))
    write('{"latency": {"p95": 3}}', 0)
    await until(() => value() === 3)
    rmSync(path)
    await until(() => problem()?.includes('ENOENT') === true)
    assert.equal(value(), 3)
    write('{"latency": {"p95": 3}}', 0)
    await until(() => problem() === null, problem)
  })

  it('has its number found by a dotted key, whole keys first, and nothing inherited', () => {
    assert.equal(valueAt({ a: { b: 1 } }, 'a.b'), 1)
    assert.equal(valueAt({ 'a.b': 2, a: { b: 1 } }, 'a.b'), 2)
    assert.equal(valueAt({ a: [5, 6] }, 'a.1'), 6)
    assert.equal(valueAt({}, 'constructor.length'), undefined)
    assert.equal(valueAt(null, 'a'), undefined)
  })
})

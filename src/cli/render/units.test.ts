import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { amount, listed, measure, percent, setting } from './units.ts'

describe('numbers for people', () => {
  for (const [value, unit, text] of [
    [1250, 'millicores', '1.25 cores'],
    [1000, 'millicores', '1 core'],
    [1000.4, 'millicores', '1 core'],
    [0, 'millicores', '0 cores'],
    [512 * 1024 * 1024, 'bytes', '512 MiB'],
    [1536 * 1024 ** 2, 'bytes', '1.5 GiB'],
    [100, 'bytes', '100 B'],
    [2 ** 20, 'bytes/s', '1 MiB/s'],
    [3, 'count', '3'],
    [12.34, 'packets/s', '12.3 packets/s'],
    [Infinity, 'count', 'without limit'],
  ] as const) {
    it(`${value} ${unit}: ${text}`, () => assert.equal(amount(value, unit), text))
  }

  it('shares, measures, settings and lists', () => {
    assert.equal(percent(0.95), '95 %')
    assert.equal(measure(240.4, 'ms'), '240 ms')
    assert.equal(measure(1.5, ''), '1.5')
    assert.equal(setting('cpu.quota', 1500), '1.5 cores')
    assert.equal(setting('cpu.quota', null), 'no limit')
    assert.equal(setting('cpu.set', '0-1'), '0-1')
    assert.equal(setting('cpu.weight', 6000), '6000')
    assert.equal(listed(['a', 'b', 'c']), 'a, b and c')
  })
})

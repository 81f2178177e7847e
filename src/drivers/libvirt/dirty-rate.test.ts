import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dirtyRateOf } from './dirty-rate.ts'

const stats = (status: number, mib: number) =>
  new Map([
    ['dirtyrate.calc_status', status],
    ['dirtyrate.megabytes_per_second', mib],
  ])

test('a rate counts when it was measured, not before and not while it is', () => {
  assert.equal(dirtyRateOf(stats(2, 3)), 3 * 1024 * 1024)
  assert.equal(dirtyRateOf(stats(2, 0)), 0)
  assert.equal(dirtyRateOf(stats(1, 3)), undefined)
  assert.equal(dirtyRateOf(new Map([['dirtyrate.calc_status', 0]])), undefined)
})

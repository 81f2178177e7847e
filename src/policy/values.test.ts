import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amount, convert, cpuList, fraction, milliseconds, showAmount } from './values.ts'

test('durations are milliseconds', () => {
  assert.deepEqual(
    ['500ms', '0.5ms', '1s', '1.5s', '5m', '2h', '1d'].map(milliseconds),
    [500, 0.5, 1000, 1500, 300_000, 7_200_000, 86_400_000],
  )
})

test('percentages are fractions', () => {
  assert.deepEqual(['75%', '0%', '0.5%', '7%', '100%'].map(fraction), [0.75, 0, 0.005, 0.07, 1])
})

test('amounts are in the unit of the resource', () => {
  assert.equal(amount(0.5, 'millicores'), 500)
  assert.equal(amount(1.005, 'millicores'), 1005)
  assert.equal(amount('250m', 'millicores'), 250)
  assert.equal(amount(4096, 'bytes'), 4096)
  assert.equal(amount('1.5GiB', 'bytes'), 1_610_612_736)
  assert.equal(amount('10MiB', 'bytes/s'), 10_485_760)
  assert.equal(amount(3, 'count'), 3)
})

test('CPU lists are ascending and without repetition', () => {
  assert.deepEqual(cpuList('3,0-1,1'), [0, 1, 3])
  assert.deepEqual(cpuList(5), [5])
  assert.deepEqual(cpuList('10-9'), null)
})

test('targets convert inside a family of units only', () => {
  assert.equal(convert(0.2, 's', 'ms'), 200)
  assert.equal(convert(250, 'us', 'ms'), 0.25)
  assert.equal(convert(2, 'GiB', 'MiB'), 2048)
  assert.equal(convert(7, 'requests/s', 'requests/s'), 7)
  assert.equal(convert(1, 'GiB', 'ms'), null)
  assert.equal(convert(1, 'constructor', 'ms'), null)
})

test('amounts are shown as people write them', () => {
  assert.deepEqual(
    [
      showAmount(250, 'millicores'),
      showAmount(1000, 'millicores'),
      showAmount(1500, 'millicores'),
      showAmount(3 * 2 ** 30, 'bytes'),
      showAmount(100, 'bytes'),
      showAmount(10 * 2 ** 20, 'bytes/s'),
      showAmount(4, 'count'),
    ],
    ['250m of a CPU', '1 CPU', '1.5 CPUs', '3 GiB', '100 bytes', '10 MiB/s', '4'],
  )
})

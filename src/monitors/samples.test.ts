import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSampleWindow } from './samples.ts'

const filled = (values: readonly number[], windowMs = 1000, most = 100) => {
  const window = createSampleWindow(windowMs, most)
  for (const [i, value] of values.entries()) window.add(value, i)
  return window
}
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

for (const [values, quantile, expected] of [
  [upTo(20), 0.95, 19],
  [upTo(20), 0.5, 10],
  [upTo(20), 0.999, 20],
  [upTo(100), 0.95, 95],
  [upTo(100), 0.01, 1],
  [upTo(100), 0.07, 7],
  [[7], 0.5, 7],
  [[30, 1, 200], 0.5, 30],
  // As numbers, not as text.
  [[9, 10, 100], 0.9, 100],
] as const)
  test(`the quantile ${quantile} of ${values.length} samples is ${expected}`, () =>
    assert.equal(filled(values).quantile(quantile, values.length), expected))

test('samples leave the window by their age', () => {
  const window = createSampleWindow(100, 10)
  window.add(1, 0)
  window.add(2, 50)
  assert.equal(window.count(100), 2)
  assert.equal(window.count(101), 1)
  assert.equal(window.quantile(0.01, 101), 2)
  assert.equal(window.count(151), 0)
  assert.ok(Number.isNaN(window.quantile(0.5, 151)))
})

test('beyond the most that are kept the oldest goes, round and round', () => {
  const window = filled(upTo(1000), 1e6, 10)
  assert.equal(window.count(1000), 10)
  assert.equal(window.quantile(0.01, 1000), 991)
  assert.equal(window.quantile(0.999, 1000), 1000)
})

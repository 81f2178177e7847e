import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { curve, fitted } from './curve.ts'

describe('a curve', () => {
  it('has a block of its height for each point', () => {
    assert.equal(curve([0, 1, 4, 8, 9, null], 8), ' ▁▄██·')
    assert.equal(curve([0.01, 0, 7.9], 8), '▁ █')
    assert.equal(curve([0, 0], 0), '  ')
  })

  it('has a column for each point where there is room, else means', () => {
    assert.deepEqual(fitted([1, 2], 5), [1, 2])
    assert.deepEqual(fitted([1, 3, 5, null], 2), [2, 5])
    assert.deepEqual(fitted([1, 3, 5, 7, 9], 2), [2, 7])
    assert.deepEqual(fitted([null, null, 1], 1), [1])
    assert.deepEqual(fitted([null, null, 1, 1], 2), [null, 1])
  })
})

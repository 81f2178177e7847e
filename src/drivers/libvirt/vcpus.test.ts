import assert from 'node:assert/strict'
import { test } from 'node:test'
import { steps } from './vcpus.ts'

const four = { online: [0, 1, 2, 3], parked: [], offlinable: [1, 2, 3] }

test('the highest are parked first, and the first never', () => {
  assert.deepEqual(steps(four, 2), { list: [2, 3], use: false })
  assert.deepEqual(steps({ ...four, offlinable: [0, 1, 2, 3] }, 1), { list: [1, 2, 3], use: false })
})

test('the lowest are woken first', () => {
  assert.deepEqual(steps({ online: [0, 3], parked: [1, 2], offlinable: [1, 2, 3] }, 3), { list: [1], use: true })
})

test('what is so already needs nothing', () => assert.deepEqual(steps(four, 4), { list: [], use: true }))

test('a guest that cannot park so many is not asked to park some', () => {
  assert.throws(() => steps({ ...four, offlinable: [1] }, 2), /of the 4 that the guest uses it can park 1/)
})

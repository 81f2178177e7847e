import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guestVcpusOf } from './agent.ts'

const said = (vcpus: string, online: string, offlinable: string) =>
  new Map([
    ['vcpus', vcpus],
    ['online', online],
    ['offlinable', offlinable],
  ])

test('vCPUs are in use or parked', () => {
  const expected = { online: [0, 2, 3], parked: [1], offlinable: [1, 2, 3] }
  assert.deepEqual(guestVcpusOf(said('0-3', '0,2-3', '1-3')), expected)
})

test('a guest whose only vCPU cannot be parked', () => {
  assert.deepEqual(guestVcpusOf(said('0', '0', '')), { online: [0], parked: [], offlinable: [] })
})

test('what is no list of vCPUs is refused', () => {
  for (const wrong of ['0-', '-1', '0,,1', '0,', 'a', '0 1', '99999', '\n0', `${'1,'.repeat(20_000)}1`]) {
    assert.throws(() => guestVcpusOf(said('0-1', wrong, '1')), /the agent's list online is no list of vCPUs: .{1,210}$/)
  }
  assert.throws(() => guestVcpusOf(said('0-1', '', '1')), /no vCPU at all/)
  assert.throws(() => guestVcpusOf(new Map()), /no vCPU at all/)
})

test('no range is so long that it takes up memory', () => {
  assert.equal(guestVcpusOf(said('0-9999', '0-9999', '')).online.length, 4096)
})

test('what was said instead is shown cut, and cannot move a cursor', () => {
  assert.throws(() => guestVcpusOf(said('0', '\u001b[2J', '')), /no list of vCPUs: \\u\{1b\}\[2J$/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { coalesced } from './coalesced.ts'

test('what is asked for many times while it is under way is done once more, with what is so then', async () => {
  let [begun, most, underWay] = [0, 0, 0]
  const work = coalesced(async () => {
    begun++
    most = Math.max(most, ++underWay)
    const its = begun
    await sleep(20)
    underWay--
    return its
  })
  const first = work()
  await sleep(5)
  const others = Array.from({ length: 30 }, work)
  assert.equal(await first, 1)
  assert.deepEqual(new Set(await Promise.all(others)), new Set([2]))
  assert.deepEqual([begun, most], [2, 1])
})

test('one that failed keeps no other from being done', async () => {
  let calls = 0
  const work = coalesced(async () => {
    if (++calls === 1) throw new Error('the first')
  })
  await assert.rejects(work(), /the first/)
  await work()
  assert.equal(calls, 2)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { EVENTS_TOGETHER_MS, earlyTurns } from './early-turns.ts'

test('events without end begin a turn soon, and one more in each interval', async () => {
  const intervalMs = 600
  const begunMs: number[] = []
  const third = Promise.withResolvers<void>()
  const early = earlyTurns(
    () => intervalMs,
    () => {
      if (begunMs.push(performance.now()) === 3) third.resolve()
    },
  )
  const startedMs = performance.now()
  const events = setInterval(early.hear, 10)
  await third.promise
  clearInterval(events)
  early.stop()
  const waitedMs = begunMs.map((ms, i) => ms - (begunMs[i - 1] ?? startedMs))
  assert.ok(
    waitedMs.every((ms, i) => ms > (i === 0 ? EVENTS_TOGETHER_MS : intervalMs) - 5),
    `${waitedMs}`,
  )
  assert.ok((waitedMs[0] as number) < intervalMs, `${waitedMs}`)
})

test('after its end no turn is begun', async () => {
  let begun = 0
  const early = earlyTurns(
    () => 0,
    () => begun++,
  )
  early.hear()
  early.stop()
  await pause(EVENTS_TOGETHER_MS + 50)
  assert.equal(begun, 0)
})

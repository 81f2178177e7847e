import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClock } from '#daemon/clock.ts'
import { every } from './every.ts'
import { until } from './pull.fixture.ts'

describe('work at every interval', () => {
  it('is done at once, then at its rate, and no more once it is stopped', async () => {
    let times = 0
    const stop = every(createClock(), 20, async () => void times++)
    assert.equal(times, 1)
    const startedMs = performance.now()
    await until(() => times >= 4)
    const elapsedMs = performance.now() - startedMs
    await stop()
    const done = times
    assert.ok(done <= elapsedMs / 20 + 2, `${done} times in ${elapsedMs} ms`)
    await sleep(50)
    assert.equal(times, done)
  })

  it('never runs beside itself, and does not catch up with what it missed', async () => {
    let running = 0
    let most = 0
    let times = 0
    const startedMs = performance.now()
    const stop = every(createClock(), 10, async () => {
      most = Math.max(most, ++running)
      if (times++ === 0) await sleep(105)
      running--
    })
    await until(() => times >= 3)
    const elapsedMs = performance.now() - startedMs
    await stop()
    assert.equal(most, 1)
    assert.ok(times <= (elapsedMs - 105) / 10 + 3, `${times} times in ${elapsedMs} ms`)
  })

  it('is told to end, and has ended when stopping is done', async () => {
    let hasEnded = false
    const stop = every(createClock(), 10, async (signal) => {
      await sleep(5000, undefined, { signal }).catch(() => undefined)
      hasEnded = true
    })
    await stop()
    assert.ok(hasEnded)
  })
})

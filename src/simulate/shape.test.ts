import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Load } from '#drivers/simulator/load.ts'
import type { LoadShape, ScenarioDomain } from './scenario.ts'
import { changeOf, isNearly, loadBefore, loadOver } from './shape.ts'

const HOUR_MS = 3_600_000
const MIDNIGHT = Date.UTC(2026, 0, 5)
const OPEN: Load = { kind: 'open', arrivalsPerSecond: 100, demandMs: 4, parallelism: 4 }

function domain(changes: readonly LoadShape[], load: Load = OPEN): ScenarioDomain {
  return { name: 'shop', load, memory: null, weight: null, cpus: null, metrics: {}, changes }
}

function levels(changes: readonly LoadShape[], seconds: readonly number[], seed = 1): number[] {
  const at = loadOver(domain(changes), { startUtcMs: MIDNIGHT, durationMs: 24 * HOUR_MS, seed })
  return seconds.map((second) => Number(at(second * 1000).level.toFixed(9)))
}

const STEP = { kind: 'step', level: null, demandMs: null, thinkMs: null, memory: null } as const

describe('a load', () => {
  it('steps at a time, and what is not mentioned stays', () => {
    const at = loadOver(
      domain([
        { ...STEP, atMs: 2000, level: 300 },
        { ...STEP, atMs: 3000, demandMs: 8 },
      ]),
      {
        startUtcMs: 0,
        durationMs: 10_000,
        seed: 1,
      },
    )
    assert.deepEqual([0, 1999, 2000, 3000].map(at), [
      { level: 100, demandMs: 4, thinkMs: null, memory: null },
      { level: 100, demandMs: 4, thinkMs: null, memory: null },
      { level: 300, demandMs: 4, thinkMs: null, memory: null },
      { level: 300, demandMs: 8, thinkMs: null, memory: null },
    ])
  })

  it('goes evenly from one level to another', () => {
    const ramp = { kind: 'ramp', fromMs: 10_000, toMs: 20_000, level: 300 } as const
    assert.deepEqual(levels([ramp], [0, 10, 15, 20, 99]), [100, 100, 200, 300, 300])
  })

  it('swings about its level', () => {
    const sine = { kind: 'sine', periodMs: 40_000, amplitude: 0.5, peakMs: 10_000 } as const
    assert.deepEqual(levels([sine], [0, 10, 20, 30, 50]), [100, 150, 100, 50, 150])
  })

  it('follows the time of the day, whenever the scenario begins', () => {
    const daily = { kind: 'daily', peakMs: 15 * HOUR_MS, least: 0.2 } as const
    assert.deepEqual(levels([daily], [15 * 3600, 3 * 3600, 9 * 3600]), [100, 20, 60])
    const at = loadOver(domain([daily]), { startUtcMs: MIDNIGHT + 14 * HOUR_MS, durationMs: HOUR_MS, seed: 1 })
    assert.equal(at(HOUR_MS).level, 100)
  })

  it('has bursts like clockwork, and none at the beginning', () => {
    const bursts = { kind: 'bursts', everyMs: 60_000, lastsMs: 5000, factor: 3, isRandom: false } as const
    assert.deepEqual(levels([bursts], [0, 4, 59, 60, 64, 65, 120]), [100, 100, 100, 300, 300, 100, 300])
  })

  it('has bursts by chance, as many as asked for, the same for the same seed only', () => {
    const bursts = { kind: 'bursts', everyMs: 600_000, lastsMs: 30_000, factor: 3, isRandom: true } as const
    const seconds = Array.from({ length: 24 * 3600 }, (_, second) => second)
    const inBurst = (seed: number) => levels([bursts], seconds, seed).filter((level) => level === 300).length
    // 144 of 30 s in the mean, less where they overlap; the standard deviation is 12 of them.
    assert.ok(Math.abs(inBurst(1) - 144 * 29.3) < 5 * 12 * 30, `${inBurst(1)}`)
    assert.deepEqual(levels([bursts], seconds, 2), levels([bursts], seconds, 2))
    assert.notDeepEqual(levels([bursts], seconds, 1), levels([bursts], seconds, 2))
  })

  it('is as a trace has it, and other shapes apply to that', () => {
    const trace = { kind: 'trace', trace: { atMs: Float64Array.of(0, 60_000), level: Float64Array.of(7, 9) } } as const
    const sine = { kind: 'sine', periodMs: 40_000, amplitude: 1, peakMs: 0 } as const
    assert.deepEqual(levels([trace], [0, 60, 1e5]), [7, 9, 9])
    assert.deepEqual(levels([trace, sine], [0, 80]), [14, 18])
    assert.deepEqual(levels([sine, trace], [0, 80]), [7, 9])
  })
})

describe('what is changed in the simulated host', () => {
  it('waits until it makes a difference', () => {
    const before = loadBefore({ load: OPEN, memory: null })
    const nearly = (its: Partial<typeof before>) => isNearly(before, { ...before, ...its })
    assert.deepEqual(
      [100, 100.19, 99.81, 100.21, 99.7, 0].map((level) => nearly({ level })),
      [true, true, true, false, false, false],
    )
    assert.equal(nearly({ demandMs: 4.001 }), false)
    assert.equal(isNearly({ ...before, level: 0 }, { ...before, level: 0.001 }), false)
  })

  it('is only what became another', () => {
    const before = loadBefore({ load: OPEN, memory: null })
    assert.equal(changeOf(OPEN, before, before), null)
    assert.deepEqual(changeOf(OPEN, before, { ...before, level: 5 }), { arrivalsPerSecond: 5 })
    assert.deepEqual(changeOf(OPEN, before, { ...before, demandMs: 5 }), { demandMs: 5 })
  })

  it('is clients and threads of other loads, whole ones', () => {
    const closed: Load = { kind: 'closed', clients: 4, thinkMs: 100, demandMs: 4, parallelism: 4 }
    const before = loadBefore({ load: closed, memory: null })
    assert.deepEqual(changeOf(closed, before, { ...before, level: 2.6, thinkMs: 50 }), { clients: 3, thinkMs: 50 })
    const batch: Load = { kind: 'batch', threads: 4 }
    const batchBefore = loadBefore({ load: batch, memory: null })
    assert.deepEqual(changeOf(batch, batchBefore, { ...batchBefore, level: 0.4 }), { threads: 0 })
  })
})

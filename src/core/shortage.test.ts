import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ResourceKey } from './model/ids.ts'
import { CPU, MEMORY } from './model/resource.ts'
import { shortageAfter, stalledPart, workingSetOf } from './shortage.ts'

const MIB = 1024 * 1024
const HOUR_MS = 3_600_000

/** Of two disks, 16,384,000 bytes a second, for which it waits 400 ms of it. */
const reading = {
  'io.read:8:0': 12_288_000,
  'io.read:8:16': 4_096_000,
  'io.write:8:0': 50_000_000,
  'io.pressureMs': 400,
}

const rates = (its: Readonly<Record<string, number>>) => (counter: string) => its[counter]

describe('the time that a domain stands still', () => {
  const cases: readonly [string, ResourceKey, Readonly<Record<string, number>>, number | undefined][] = [
    ['is that under pressure', MEMORY, { 'memory.pressureMs': 120, 'memory.refaults': 9000 }, 0.12],
    [
      'is that in which it waits for disks, as far as those read again what was taken from it',
      MEMORY,
      { ...reading, 'memory.refaults': 1000, 'memory.pressureMs': 30 },
      0.1,
    ],
    [
      'is that under pressure where that is more',
      MEMORY,
      { ...reading, 'memory.refaults': 1000, 'memory.pressureMs': 400 },
      0.4,
    ],
    [
      'is not that for disks where nothing is read again',
      MEMORY,
      { ...reading, 'memory.refaults': 0, 'memory.pressureMs': 30 },
      0.03,
    ],
    ['is told by refaults where there is no pressure to read', MEMORY, { 'memory.refaults': 1200 }, 0.12],
    ['is never more than all of it', MEMORY, { 'memory.refaults': 90_000 }, 1],
    ['is told for a node of memory as for all', 'memory@node0' as ResourceKey, { 'memory.pressureMs': 50 }, 0.05],
    ['is told for I/O of a device', 'io.read:8:0' as ResourceKey, { 'io.pressureMs': 300 }, 0.3],
    ['is not told where nothing was read', MEMORY, {}, undefined],
    ['is told elsewhere for CPU', CPU, { 'cpu.pressureMs': 300 }, undefined],
  ]
  for (const [title, key, counters, part] of cases) {
    it(title, () => assert.equal(stalledPart(key, Object.keys(counters), rates(counters)), part))
  }
})

describe('a shortage', () => {
  const calm = { inForce: 100 * MIB, total: 100 * MIB, stalled: 0, kills: 0, atMs: 5000 }
  const short = { amount: 100 * MIB, atMs: 5000 }

  it('is where a domain stands still with all that it was given taken', () => {
    assert.deepEqual(shortageAfter(null, { ...calm, stalled: 0.3 }), short)
    assert.equal(shortageAfter(null, calm), null)
    assert.equal(shortageAfter(null, { ...calm, total: 80 * MIB, stalled: 0.3 }), null)
  })

  it('is where a domain was killed, however little it uses then', () => {
    assert.deepEqual(shortageAfter(null, { ...calm, total: 5 * MIB, kills: 1 }), { ...short, killed: true })
  })

  it('is remembered at its most for an hour after it was seen last', () => {
    const later = { ...calm, total: 20 * MIB, atMs: 5000 + HOUR_MS - 1 }
    assert.equal(shortageAfter(short, later), short)
    assert.equal(shortageAfter(short, { ...later, atMs: 5000 + HOUR_MS }), null)
    const less = { ...calm, inForce: 60 * MIB, kills: 1, atMs: 9000 }
    const killed = { amount: 100 * MIB, atMs: 9000, killed: true } as const
    assert.deepEqual(shortageAfter(short, less), killed)
    assert.deepEqual(shortageAfter(killed, { ...calm, stalled: 0.3 }), { ...killed, atMs: 5000 })
  })

  it('raises the working set above what was not enough', () => {
    assert.equal(workingSetOf(40 * MIB, short), 120 * MIB)
    assert.equal(workingSetOf(150 * MIB, short), 150 * MIB)
    assert.equal(workingSetOf(40 * MIB, null), 40 * MIB)
  })
})

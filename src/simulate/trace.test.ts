import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { levelIn, readTrace, type TraceOptions } from './trace.ts'

const OPTIONS: TraceOptions = { time: 'slot', unitMs: 1000, column: 'load', scale: 1, where: {}, isCut: false }
const read = (text: string, its: Partial<TraceOptions> = {}) => readTrace(text, { ...OPTIONS, ...its })

function whole(text: string, its: Partial<TraceOptions> = {}) {
  const found = read(text, its)
  assert.ok(found.ok, JSON.stringify(found))
  return { points: [...found.trace.atMs].map((atMs, at) => [atMs, found.trace.level[at]]), cutAt: found.cutAt }
}

describe('a trace', () => {
  it('is read by the names of its columns, from the time of its first line', () => {
    assert.deepEqual(whole('load,slot\n5,100\n7,101\n9,103\n'), {
      points: [
        [0, 5],
        [1000, 7],
        [3000, 9],
      ],
      cutAt: null,
    })
  })

  it('may hold several of a kind, in other units', () => {
    const text = 'vm,slot,cpu_mhz,load\n2,0,9,100\n3,0,9,200\n2,1,9,300\r\n3,1,9,400\n'
    const { points } = whole(text, { where: { vm: '3' }, unitMs: 300_000, scale: 0.5 })
    assert.deepEqual(points, [
      [0, 100],
      [300_000, 200],
    ])
  })

  it('that is cut off in the middle ends with its last whole line', () => {
    assert.deepEqual(whole('slot,load\n0,5\n1,7\n2'), {
      points: [
        [0, 5],
        [1000, 7],
      ],
      cutAt: 4,
    })
    // In the middle of a number, too, or where one would begin.
    for (const rest of ['1,7', '1,71', '1,']) {
      assert.deepEqual(whole(`slot,load\n0,5\n${rest}`), { points: [[0, 5]], cutAt: 3 })
    }
    assert.deepEqual(whole('slot,load\n0,5\n1,71', { isCut: true }).points, [[0, 5]])
    assert.equal(whole('slot,load\n0,5\n1,71', { isCut: true }).cutAt, 3)
    assert.equal(whole('slot,load\n0,5\n1,71\n', { isCut: true }).cutAt, 4)
  })

  for (const [what, text, its, at, says] of [
    ['is empty', '', {}, 'file', /first line names no columns/],
    ['lacks a column', 'slot,loud\n0,5\n', {}, 'column', /no column `load`; its first line names slot, loud/],
    ['lacks the time', 'time,load\n0,5\n', {}, 'time', /no column `slot`/],
    ['lacks a column to choose by', 'slot,load\n0,5\n', { where: { vm: '1' } }, 'where', /no column `vm`/],
    [
      'has something else than a number',
      'slot,load\n0,5\n1,five\n2,6\n',
      {},
      'file',
      /line 3 .*`five` in column `load`/,
    ],
    ['is short of a field in the middle', 'slot,load\n0,5\n1\n2,6\n', {}, 'file', /line 3 .*`` in column `load`/],
    ['has less than nothing', 'slot,load\n0,-5\n', {}, 'file', /line 2 .*`-5`/],
    ['has more than any load', 'slot,load\n0,5\n1,1100000\n', {}, 'file', /line 3 .*is above 1000000/],
    ['goes back in time', 'slot,load\n0,5\n0,6\n', {}, 'file', /line 3 .*not after .* `where`/],
    ['has no line that counts', 'slot,load,vm\n0,5,1\n', { where: { vm: '2' } }, 'file', /no line/],
  ] as const) {
    it(`that ${what} is refused`, () => {
      const found = read(text, its)
      assert.ok(!found.ok)
      assert.equal(found.at, at)
      assert.match(found.message, says)
    })
  }

  it('holds each level until the next, and the last one for ever', () => {
    const found = read('slot,load\n10,5\n20,7\n30,9\n')
    assert.ok(found.ok)
    const at = (seconds: number) => levelIn(found.trace, seconds * 1000)
    assert.deepEqual([0, 9, 10, 19.9, 20, 1e6].map(at), [5, 5, 7, 7, 9, 9])
  })
})

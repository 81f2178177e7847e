import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { firstDifference } from './difference.ts'

describe('the first difference', () => {
  for (const [one, other, path, ofOne, ofOther] of [
    [1, 2, '', 1, 2],
    [{ a: [1, 2] }, { a: [1, 3] }, 'a[1]', 2, 3],
    [{ a: 0 }, { a: -0 }, 'a', 0, -0],
    [[1], [1, { b: 2 }], '[1]', undefined, { b: 2 }],
    [{ a: 1, b: 2 }, { b: 3 }, 'a', 1, undefined],
    [{ b: 2 }, { a: 1, b: 2 }, 'a', undefined, 1],
    [
      { set: { '/a.b': { 'cpu.weight': 5 } } },
      { set: { '/a.b': { 'cpu.weight': 6 } } },
      'set["/a.b"]["cpu.weight"]',
      5,
      6,
    ],
    [{ a: [] }, { a: {} }, 'a', [], {}],
    [{ a: null }, { a: {} }, 'a', null, {}],
  ] as const) {
    it(`of ${JSON.stringify(one)} and ${JSON.stringify(other)} is at '${path}'`, () => {
      assert.deepStrictEqual(firstDifference(one, other), { path, one: ofOne, other: ofOther })
    })
  }

  it('is none for equal values, whatever the order of their keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(firstDifference(value, structuredClone(value)), null)
      }),
    )
    assert.equal(firstDifference({ a: 1, b: Number.NaN }, { b: Number.NaN, a: 1 }), null)
    assert.equal(firstDifference({ a: undefined }, {}), null)
  })

  it('is found wherever one number is another', () => {
    const numbers = fc.array(fc.record({ n: fc.double({ noNaN: true }), rest: fc.jsonValue() }), { minLength: 1 })
    fc.assert(
      fc.property(numbers, fc.nat(), (list, at) => {
        const index = at % list.length
        const other = list.map((its, i) => (i === index ? { ...its, n: its.n === 1 ? 2 : 1 } : its))
        assert.equal(firstDifference({ list }, { list: other })?.path, `list[${index}].n`)
      }),
    )
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { applyDelta, delta } from './delta.ts'

/** What the model is made of: text, numbers without NaN, booleans, null, arrays and objects of these. */
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ maxLength: 3 }),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value

describe('delta', () => {
  it('brings back exactly what was written, for any two values', () => {
    fc.assert(
      fc.property(plain, plain, (before, after) => {
        const previous = { value: before }
        const next = { value: after }
        const read = applyDelta(previous, delta(previous, next))
        assert.deepStrictEqual(read, next)
        assert.equal(JSON.stringify(read), JSON.stringify(next), 'keys are in their order')
      }),
      { numRuns: 1000 },
    )
  })

  it('writes nothing for equal values', () => {
    fc.assert(
      fc.property(plain, (value) => {
        const written = delta({ value }, { value: structuredClone(value) })
        assert.equal(written.bytes.length, 0)
        assert.equal(written.parts.length, 0)
      }),
    )
  })

  for (const [before, after, size] of [
    [5, 6, 3],
    [5, 6.5, 10],
    [0, -0, 10],
    [1, Infinity, 10],
    [2 ** 52, 2 ** 52 + 1, 3],
    [0.1, 0.1 + Number.EPSILON, 10],
  ] as const) {
    it(`makes ${after} of ${before} in ${size} bytes`, () => {
      const written = delta({ n: before }, { n: after })
      assert.equal(written.bytes.length, size)
      assert.ok(Object.is(applyDelta({ n: before as number }, written).n, after))
    })
  }

  it('appends to an array without repeating it', () => {
    const before = { rows: Array.from({ length: 100 }, (_, i) => ({ name: `row ${i}`, value: i })) }
    const after = { rows: [...before.rows, { name: 'new', value: 0 }] }
    const written = delta(before, after)
    assert.deepEqual(written.parts, [{ name: 'new', value: 0 }])
    assert.ok(written.bytes.length < 10)
    assert.deepEqual(applyDelta(before, written), after)
    assert.deepEqual(applyDelta(after, delta(after, before)), before)
  })
})

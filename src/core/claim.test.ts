import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { claimOf, deniedOf, isPlainlyDenied, wantsAll } from './claim.ts'
import { CPU } from './model/resource.ts'

const claim = (has: number, used: number, heldBack: number) =>
  claimOf({ inForce: { [CPU]: has }, use: { [CPU]: used }, heldBack: { [CPU]: heldBack } }, CPU)

describe('what a domain has, used and wanted', () => {
  it('counts as wanted what it would have used in the time that it waited', () => {
    assert.deepEqual(claim(500, 200, 0.6), { has: 500, used: 200, wanted: 500 })
    assert.deepEqual(claimOf({ inForce: {}, use: {}, heldBack: {} }, CPU), { has: 0, used: 0, wanted: 0 })
  })

  it('is bounded where it did nothing but wait', () => assert.equal(claim(500, 2, 1).wanted, 2000))

  const owed: readonly [owed: number, denied: number, isPlain: boolean][] = [
    [150, 0, false],
    [250, 50, false],
    [400, 200, true],
    [550, 350, true],
    [600, 0, false],
  ]
  for (const [amount, denied, isPlain] of owed) {
    it(`of 200 used and 500 wanted, ${denied} are denied where ${amount} are owed`, () => {
      const its = claim(700, 200, 0.6)
      assert.equal(deniedOf(its, amount), denied)
      assert.equal(isPlainlyDenied(its, amount), isPlain)
      assert.equal(wantsAll(its, amount), amount < 600)
    })
  }
})

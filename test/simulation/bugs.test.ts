import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BUGS } from './bugs.ts'
import { play } from './play.ts'

/** Each planted bug has to be found in this many runs, by the property that it breaks. */
const SEEDS_MOST = 60

describe('a bug that is planted in Reeve', () => {
  for (const [name, bug] of Object.entries(BUGS)) {
    it(`is found: ${name}, by ${bug.property}`, async () => {
      for (let seed = 1; seed <= SEEDS_MOST; seed++) {
        const { failures } = await play(seed, bug)
        if (failures.some(({ property }) => property === bug.property)) return
      }
      assert.fail(`${name} was not found in ${SEEDS_MOST} runs`)
    })
  }
})

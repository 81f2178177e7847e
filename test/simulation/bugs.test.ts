import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AT_THE_END } from './at-the-end.ts'
import { BUGS } from './bugs.ts'
import { ON_DECISION } from './on-decision.ts'
import { ON_WRITE } from './on-write.ts'
import { play } from './play.ts'

/** Those that are not of one decision, of one write, or of the end. */
const OTHERS = ['goesOn', 'describesItself']
/** Each planted bug has to be found in this many runs, by the property that it breaks. */
const SEEDS_MOST = 60

it('each property has a planted bug that breaks it', () => {
  const broken = new Set(Object.values(BUGS).map(({ property }) => property))
  const all = [...[...ON_DECISION, ...ON_WRITE, ...AT_THE_END].map(({ name }) => name), ...OTHERS]
  assert.deepEqual(
    all.filter((name) => !broken.has(name)),
    [],
  )
})

describe('a bug that is planted in Reeve', () => {
  for (const [name, bug] of Object.entries(BUGS)) {
    it(`is found: ${name}, by ${bug.property}`, async () => {
      const { from = 1 } = bug
      for (let seed = from; seed < from + SEEDS_MOST; seed++) {
        const { failures } = await play(seed, bug)
        if (failures.some(({ property }) => property === bug.property)) return
      }
      assert.fail(`${name} was not found in ${SEEDS_MOST} runs`)
    })
  }
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { soak } from './soak.ts'

it('a seed that throws has failed, and the next ones are played all the same', async () => {
  const said: string[] = []
  const failure = { property: 'conserves', atMs: 0, turn: 3, message: '5 of 4' }
  let left = 4
  const soaked = await soak(
    10,
    async (seed) => {
      if (seed === 11) throw new Error('it cannot be played')
      return { seed, turns: 20, failures: seed === 12 ? [failure] : [] }
    },
    () => --left === 0,
    (line) => void said.push(line),
  )
  assert.deepEqual(soaked, { played: 4, turns: 60, failed: [11, 12] })
  assert.deepEqual(said, ['seed 11: it cannot be played', 'seed 12: conserves at turn 3: 5 of 4 (and 0 more)'])
})

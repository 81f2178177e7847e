import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { serialize } from 'node:v8'
import { NO_KNOWLEDGE } from '#core/model/knowledge.ts'
import { knowledgeOf, turnRecord } from '#daemon/turns.fixture.ts'
import { decodeCheckpoint, encodeCheckpoint } from './codec.ts'

describe('a checkpoint', () => {
  const options = { domains: 2, changing: 1 }
  const { observation, decision } = turnRecord(1, options)
  const turn = { observation, decision }

  it('is read as it was written', () => {
    const knowledge = knowledgeOf(1, options)
    assert.deepEqual(decodeCheckpoint(encodeCheckpoint(turn, knowledge).body), { ...turn, knowledge })
  })

  it('of a version that forecast and promised nothing knows no forecast and no promise', () => {
    const { forecast: _, ...older } = knowledgeOf(1, options)
    const domains = Object.fromEntries(
      Object.entries(older.domains).map(([name, { promises: _, ...its }]) => [name, its]),
    )
    const { knowledge } = decodeCheckpoint(serialize({ ...turn, knowledge: { ...older, domains } }))
    assert.deepEqual(knowledge.forecast, NO_KNOWLEDGE.forecast)
    assert.deepEqual(knowledge, knowledgeOf(1, options))
  })
})

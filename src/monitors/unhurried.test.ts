import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Found, UNCHANGED } from './board.ts'
import { unhurried } from './unhurried.ts'

/** No file system that hangs can be had here, so these looks are made by hand. */
describe('a look at a file', () => {
  const NEVER = new AbortController().signal

  it('that hangs is waited for until its time is up, and looked at once only', async () => {
    const answers: PromiseWithResolvers<Found>[] = []
    const look = unhurried(
      '/stale/file',
      () => {
        const answer = Promise.withResolvers<Found>()
        answers.push(answer)
        return answer.promise
      },
      10,
    )
    const hangs = /^Error: cannot read \/stale\/file: no answer within 10 ms; its file system hangs$/
    await assert.rejects(look(NEVER), hangs)
    await assert.rejects(look(NEVER), hangs)
    assert.equal(answers.length, 1)
    // What comes in the end is told, and after that it is looked at anew.
    answers[0]?.resolve(UNCHANGED)
    assert.equal(await look(NEVER), UNCHANGED)
    const again = look(NEVER)
    answers[1]?.reject(new Error('it is gone'))
    await assert.rejects(again, /it is gone/)
    const last = look(NEVER)
    answers[2]?.resolve(UNCHANGED)
    assert.equal(await last, UNCHANGED)
  })

  it('that hangs keeps nobody from ending', async () => {
    const stopping = new AbortController()
    const looking = unhurried('/stale/file', () => new Promise<Found>(() => {}))(stopping.signal)
    stopping.abort()
    await assert.rejects(looking, /Reeve no longer asks/)
  })
})

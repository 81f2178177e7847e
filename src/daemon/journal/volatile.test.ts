import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { NodeId } from '#core/model/ids.ts'
import type { Setting } from '#core/model/observation.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'
import type { RememberedSetting } from '#ports.ts'
import { openJournal } from './journal.ts'
import { createVolatileJournal, type LoopJournal } from './volatile.ts'

const setting = (node: string, original: number, lastSet: number, mayBe: readonly Setting[]): RememberedSetting => ({
  driver: 'simulator',
  node: node as NodeId,
  domain: null,
  identity: `${node}@1`,
  knob: 'cpu.weight',
  original,
  lastSet,
  mayBe,
})

/** What the loop does to a journal, and what it finds in it after each step. */
function found(journal: LoopJournal) {
  const seen: unknown[] = []
  const look = () => seen.push(journal.remembered().toSorted((one, other) => (one.node < other.node ? -1 : 1)))
  journal.rememberAll([setting('/a', 100, 200, [100]), setting('/b', 100, 300, [100])])
  look()
  journal.rememberAll([setting('/a', 100, 200, [100]), setting('/b', 999, 400, [300, 100])])
  look()
  journal.rememberAll([setting('/a', 100, 250, [200])])
  journal.correct([setting('/a', 100, 210, []), setting('/c', 1, 2, [1])])
  look()
  // Nobody forgot it, and another one has its place by now.
  journal.rememberAll([{ ...setting('/a', 50, 60, [50]), identity: '/a@2' }])
  look()
  journal.forget('simulator', '/b' as NodeId, 'cpu.weight')
  look()
  seen.push(journal.wishOf('paused'))
  journal.wish('paused', true)
  seen.push(journal.wishOf('paused'))
  return seen
}

it('a journal that keeps nothing remembers settings and wishes as the one on disk does', (t) => {
  const onDisk = openJournal(temporaryDir(t))
  t.after(() => onDisk.close())
  const expected = found(onDisk)
  assert.equal((expected[0] as unknown[]).length, 2)
  assert.deepEqual((expected[3] as unknown[])[0], { ...setting('/a', 50, 60, [50]), identity: '/a@2' })
  assert.deepEqual(found(createVolatileJournal()), expected)
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkDonors, type RowToCheck } from './check-donors.ts'
import { pick, type Random, randomFrom } from './problems.fixture.ts'

describe('checkDonors', () => {
  test('accepts who gave what in the worked example', () => {
    const rows = [
      { domain: 'a', before: 300, allocation: 200, gains: [] },
      { domain: 'b', before: 100, allocation: 350, gains: [from('a', 100), from('c', 150)] },
      { domain: 'c', before: 200, allocation: 50, gains: [] },
      { domain: 'new', before: null, allocation: 50, gains: [] },
    ]
    assert.deepEqual(checkDonors(rows, 'cpu', 10), [])
  })

  test('accepts random accounts and rejects all of 1,000 with a donor swapped or an amount changed', () => {
    const random = randomFrom(3)
    for (let i = 0; i < 1000; ) {
      const rows = randomRows(random)
      assert.deepEqual(checkDonors(rows, 'cpu', 10), [])
      const wrong = (random() < 0.6 ? swapDonor : shiftAmount)(random, rows)
      if (wrong === null) continue
      i++
      assert.notDeepEqual(checkDonors(wrong, 'cpu', 10), [], JSON.stringify(wrong))
    }
  })
})

function from(domain: string, amount: number) {
  return { from: domain, amount }
}

function randomRows(random: Random): RowToCheck[] {
  const changes = Array.from({ length: 2 + Math.floor(random() * 6) }, () => 10 * Math.floor(random() * 21 - 10))
  const donors = [...changes.entries()].filter(([, by]) => by < 0).map(([at, by]) => ({ from: `d${at}`, left: -by }))
  donors.push({ from: 'unallocated', left: Infinity })
  return changes.map((by, at) => {
    const gains: { from: string; amount: number }[] = []
    for (let wanted = by; wanted > 0; ) {
      const donor = donors.find(({ left }) => left > 0)!
      const amount = Math.min(wanted, donor.left)
      gains.push(from(donor.from, amount))
      donor.left -= amount
      wanted -= amount
    }
    return { domain: `d${at}`, before: 200, allocation: 200 + by, gains }
  })
}

function swapDonor(random: Random, rows: readonly RowToCheck[]): RowToCheck[] | null {
  const names = [...rows.map((row) => row.domain), 'unallocated']
  return changeGain(random, rows, (gain) => {
    const other = pick(random, names)
    return other === gain.from ? null : { ...gain, from: other }
  })
}

function shiftAmount(random: Random, rows: readonly RowToCheck[]): RowToCheck[] | null {
  return changeGain(random, rows, (gain) => ({ ...gain, amount: gain.amount + pick(random, [-10, 10, 5]) }))
}

type Gain = RowToCheck['gains'][number]

function changeGain(random: Random, rows: readonly RowToCheck[], change: (gain: Gain) => Gain | null) {
  const receivers = [...rows.entries()].filter(([, row]) => row.gains.length > 0)
  if (receivers.length === 0) return null
  const [at, row] = pick(random, receivers)
  const which = Math.floor(random() * row.gains.length)
  const changed = change(row.gains[which]!)
  return changed && rows.with(at, { ...row, gains: row.gains.with(which, changed) })
}

/** Checks who is said to have given what somebody gained, against the amounts of the last turn and of this one. */
import type { Violation } from '#core/model/decision.ts'

/** One row of one resource, in input order; the rows of a decision are assignable once `before` is known. */
export interface RowToCheck {
  readonly domain: string
  /** In force at the last turn, in the resource's unit; null where nothing was, or for a parent, which gains nothing. */
  readonly before: number | null
  readonly allocation: number
  /** `from` names a row that shrank, or is `unallocated`. */
  readonly gains: readonly { readonly from: string; readonly amount: number }[]
}

const UNALLOCATED = 'unallocated'
/** Parts of a grain lost in arithmetic. */
const NEARLY = 1e-5

/**
 * Everybody's gains sum up to what it really gained, no donor gives more than it lost, and donors give in the order of
 * rows, each all of it before the next one, what was unallocated last. So every amount and every name is determined,
 * and a swapped donor is told from the right one even where both lost enough.
 * Example: 300, 100, 200 become 200, 350, 50: the second gained 100 from the first and 150 from the third.
 */
export function checkDonors(rows: readonly RowToCheck[], resource: string, grain: number): Violation[] {
  const found: Violation[] = []
  const slack = NEARLY * grain
  const add = (rule: string, domain: string, message: string) => {
    found.push({ rule, subject: `${domain} ${resource}`, message })
  }
  const position = new Map(rows.map((row, at) => [row.domain, at]))
  const left = rows.map((row) => Math.max(0, lossOf(row)))
  left.push(Infinity)
  // The first row that still has something to give; past the last row stands what was unallocated.
  let turn = 0
  for (const row of rows) {
    const gained = Math.max(0, -lossOf(row))
    const stated = row.gains.reduce((sum, { amount }) => sum + amount, 0)
    // Written so that NaN fails.
    if (!(Math.abs(stated - gained) <= slack * (1 + row.gains.length))) {
      add('gained', row.domain, `is said to have gained ${stated}, but gained ${gained}`)
    }
    for (const { from, amount } of row.gains) {
      while (left[turn]! <= slack) turn++
      const donor = from === UNALLOCATED ? rows.length : position.get(from)
      if (donor === undefined || donor > turn) {
        add('donor', row.domain, `got ${amount} from ${from}, before ${rows[turn]?.domain ?? UNALLOCATED} gave all`)
      } else if (!(amount > 0 && amount <= left[donor]! + slack)) {
        add('donor', row.domain, `got ${amount} from ${from}, which had ${left[donor]} to give`)
      } else left[donor]! -= amount
    }
  }
  return found
}

/** What a row lost since the last turn; negative where it gained. */
function lossOf({ before, allocation }: RowToCheck): number {
  return before === null ? 0 : before - allocation
}

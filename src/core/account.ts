import type { FrameRow } from './frame.ts'
import type { Transfer } from './model/decision.ts'
import type { ResourceKey } from './model/ids.ts'

/** Differences below this part of a grain are noise of the arithmetic. */
const SAME = 1e-6
const NONE: readonly Transfer[] = []

/**
 * Says who gave what each row gained since the last turn. Givers and gainers are matched in the order of rows; what no
 * domain gave came out of what was unallocated. A row that had nothing before it was known gains nothing.
 *
 * Worked: 300, 100, 200 become 200, 350, 50: the second gained 250, 100 from the first and 150 from the third.
 */
export function account(
  rows: readonly FrameRow[],
  resource: ResourceKey,
  allocation: Float64Array,
  grain: number,
): readonly (readonly Transfer[])[] {
  const gains: (readonly Transfer[])[] = rows.map(() => NONE)
  const changes = rows.map((row, index) =>
    row.view === null ? 0 : (allocation[index] ?? 0) - (row.view.inForce[resource] ?? allocation[index] ?? 0),
  )
  let giver = 0
  let left = Math.max(0, -(changes[0] ?? 0))
  for (let index = 0; index < changes.length; index++) {
    let wanted = changes[index] ?? 0
    if (wanted <= grain * SAME) continue
    const transfers: Transfer[] = []
    gains[index] = transfers
    while (wanted > grain * SAME) {
      while (left <= grain * SAME && giver < rows.length) {
        giver++
        left = Math.max(0, -(changes[giver] ?? 0))
      }
      const from = rows[giver]
      const amount = from === undefined ? wanted : Math.min(wanted, left)
      transfers.push({ from: from?.name ?? 'unallocated', amount })
      wanted -= amount
      left -= amount
    }
  }
  return gains
}

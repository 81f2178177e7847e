/**
 * The tree as groups of siblings. Rows get positions in which siblings stand side by side, so that dividing among them
 * runs over one stretch of memory: the top level first, then the children of each parent, in input order.
 */
import type { Workspace } from './workspace.ts'

export interface Groups {
  readonly count: number
  /** Group g takes the positions first[g] up to, but not including, first[g + 1]. */
  readonly first: Int32Array
  /** Row of each group's parent; -1 for the top level, which is group 0. */
  readonly parent: Int32Array
  /** Row at a position; may be longer than the rows are many, as the next two. */
  readonly rowAt: Int32Array
  /** Position of a row. */
  readonly positionOf: Int32Array
  /** The group inside the row at a position, -1 for a leaf. */
  readonly insideAt: Int32Array
}

/** A counting sort by parent: O(rows), and no object per domain. */
export function groupSiblings(parent: Int32Array, count: number, workspace: Workspace): Groups {
  let row = 0
  while (row < count && parent[row] === -1) row++
  return row === count ? groupFlat(count, workspace) : groupTree(parent, count)
}

/** Without parents, positions are rows. */
function groupFlat(count: number, { identity, noGroups }: Workspace): Groups {
  return {
    count: 1,
    first: Int32Array.of(0, count),
    parent: Int32Array.of(-1),
    rowAt: identity,
    positionOf: identity,
    insideAt: noGroups,
  }
}

function groupTree(parent: Int32Array, count: number): Groups {
  const children = new Int32Array(count + 1)
  for (let row = 0; row < count; row++) children[parent[row]! + 1]!++
  const parents = [-1]
  for (let row = 0; row < count; row++) if (children[row + 1]! > 0) parents.push(row)

  const first = new Int32Array(parents.length + 1)
  const next = new Int32Array(count + 1)
  for (const [group, row] of parents.entries()) {
    next[row + 1] = first[group]!
    first[group + 1] = first[group]! + children[row + 1]!
  }
  const rowAt = new Int32Array(count)
  const positionOf = new Int32Array(count)
  for (let row = 0; row < count; row++) {
    const position = next[parent[row]! + 1]!++
    rowAt[position] = row
    positionOf[row] = position
  }
  const insideAt = new Int32Array(count).fill(-1)
  for (let group = 1; group < parents.length; group++) insideAt[positionOf[parents[group]!]!] = group
  return { count: parents.length, first, parent: Int32Array.from(parents), rowAt, positionOf, insideAt }
}

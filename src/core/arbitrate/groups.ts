/** The tree as groups of siblings: the top level first, then the children of each parent, in input order. */

export interface Groups {
  readonly count: number
  /** Row of each group's parent; -1 for the top level, which is group 0. */
  readonly parent: Int32Array
  /** Group g holds members[first[g]] up to, but not including, members[first[g + 1]]. */
  readonly first: Int32Array
  /** Rows, group by group, in input order inside each. */
  readonly members: Int32Array
  /** The group inside a row, -1 for a leaf. */
  readonly inside: Int32Array
}

/** A counting sort by parent: O(rows), and no object per domain. */
export function groupSiblings(parent: Int32Array, count: number): Groups {
  const children = new Int32Array(count + 1)
  for (let row = 0; row < count; row++) children[parent[row]! + 1]!++
  let groups = 1
  for (let row = 0; row < count; row++) if (children[row + 1]! > 0) groups++

  const inside = new Int32Array(count)
  const parentOf = new Int32Array(groups)
  const first = new Int32Array(groups + 1)
  parentOf[0] = -1
  first[1] = children[0]!
  let group = 1
  for (let row = 0; row < count; row++) {
    if (children[row + 1] === 0) {
      inside[row] = -1
      continue
    }
    inside[row] = group
    parentOf[group] = row
    first[group + 1] = first[group]! + children[row + 1]!
    group++
  }
  return { count: groups, parent: parentOf, first, members: membersOf(parent, count, first, inside, groups), inside }
}

function membersOf(parent: Int32Array, count: number, first: Int32Array, inside: Int32Array, groups: number) {
  const members = new Int32Array(count)
  if (groups === 1) {
    for (let row = 0; row < count; row++) members[row] = row
    return members
  }
  const next = first.slice(0, groups)
  for (let row = 0; row < count; row++) {
    const group = parent[row] === -1 ? 0 : inside[parent[row]!]!
    members[next[group]!++] = row
  }
  return members
}

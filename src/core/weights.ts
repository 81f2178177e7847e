import type { FrameRow } from './frame.ts'
import type { View } from './look.ts'
import type { CapacityDecision } from './model/decision.ts'
import type { NodeId } from './model/ids.ts'
import type { SchedulingNode } from './model/observation.ts'
import { CPU } from './model/resource.ts'

/** The weight that a place in the hierarchy should carry, and the amounts that it follows from (millicores). */
export interface NodeWeight {
  readonly node: SchedulingNode
  readonly weight: number
  readonly inside: number
  readonly unmanaged: number
}

interface Place {
  readonly node: SchedulingNode
  readonly children: Place[]
  /** Millicores that it is to stand for among its siblings. */
  amount: number
  /** True where something managed lies on or below it, so that its weight is Reeve's to set. */
  touched: boolean
}

/**
 * Weights along the whole path: at every level of the real hierarchy the managed siblings get weights in proportion
 * to their allocations. The siblings that Reeve leaves alone keep theirs, and set the scale: those that nobody manages
 * are worth the headroom together, or what they use where that is more (what was taken off the capacity for them must
 * also reach them); a domain in `observe` is worth what is in force for it.
 *
 * Worked: unmanaged siblings of weight 200 stand in with a headroom of 100 millicores, so one millicore is worth 2, and
 * an allocation of 1500 becomes weight 3000. Without such siblings the whole capacity is worth the largest weight.
 */
export function weigh(
  view: View,
  rows: readonly FrameRow[],
  allocation: Float64Array,
  { total, headroom, unmanaged }: CapacityDecision,
): NodeWeight[] {
  const theirs = Math.max(headroom, unmanaged)
  const places = treeOf(view)
  const amounts = amountsByNode(view, rows, allocation)
  for (let index = places.length - 1; index >= 0; index--) fill(places[index] as Place, amounts, theirs)
  return places.flatMap((place) => weighChildren(place, theirs, total))
}

function treeOf(view: View): Place[] {
  const byId = new Map<NodeId, Place>()
  const places: Place[] = []
  for (const node of view.seen.nodes) {
    const place: Place = { node, children: [], amount: 0, touched: false }
    byId.set(node.id, place)
    places.push(place)
    if (node.parent !== null) byId.get(node.parent)?.children.push(place)
  }
  return places
}

interface NodeAmount {
  readonly amount: number
  readonly managed: boolean
}

/** What domains stand for at their own nodes: their allocation, or what is in force where they are not managed. */
function amountsByNode(view: View, rows: readonly FrameRow[], allocation: Float64Array): Map<NodeId, NodeAmount> {
  const amounts = new Map<NodeId, NodeAmount>()
  rows.forEach((row, index) => {
    const node = (row.view?.seen ?? view.seen.domains.find((domain) => domain.name === row.name))?.node
    if (node === undefined) return
    const isCapped = row.view?.standing === 'managed' && row.view.drifted[CPU]?.knob === 'cpu.quota'
    const managed = row.standing === 'managed' || isCapped
    const amount =
      row.standing === 'managed' || row.view === null ? (allocation[index] ?? 0) : (row.view.inForce[CPU] ?? 0)
    amounts.set(node, { amount, managed })
  })
  return amounts
}

/** Children are filled before their parent: a place stands for its own amount, or for all that is inside it. */
function fill(place: Place, amounts: ReadonlyMap<NodeId, NodeAmount>, theirs: number): void {
  const own = amounts.get(place.node.id)
  place.touched = own?.managed === true || place.children.some((child) => child.touched)
  if (own !== undefined) {
    place.amount = own.amount
    return
  }
  const inside = place.children.reduce((sum, child) => sum + child.amount, 0)
  place.amount = inside + (place.node.unmanagedWeight > 0 ? theirs : 0)
}

function weighChildren(parent: Place, theirs: number, total: number): NodeWeight[] {
  const touched = parent.children.filter((child) => child.touched)
  if (touched.length === 0) return []
  const { most } = (touched[0] as Place).node.weightRange
  let untouchedWeight = parent.node.unmanagedWeight
  let untouchedAmount = untouchedWeight > 0 ? theirs : 0
  for (const child of parent.children) {
    if (child.touched) continue
    untouchedWeight += child.node.weight
    untouchedAmount += child.amount
  }
  const largest = Math.max(...touched.map((child) => child.amount))
  const free = total > 0 ? most / total : 1
  const scale = Math.min(
    untouchedWeight > 0 && untouchedAmount > 0 ? untouchedWeight / untouchedAmount : free,
    largest > 0 ? most / largest : free,
  )
  return touched.map(({ node, amount }) => ({
    node,
    weight: Math.min(Math.max(Math.round(amount * scale), node.weightRange.least), most),
    inside: amount,
    unmanaged: untouchedAmount,
  }))
}

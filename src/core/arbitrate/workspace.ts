/**
 * Memory that one arbitration leaves to the next. Fresh columns for ten thousand domains cost as long as dividing among
 * them, since the system hands out zeroed pages one by one. Never holds anything that a result depends on.
 */
import type { Rising } from './level.ts'

export interface Workspace {
  amounts: Float64Array
  rising: Rising
  /** 0, 1, 2 and so on. */
  identity: Int32Array
  /** -1 throughout. */
  noGroups: Int32Array
}

/** An empty workspace, which grows with the problems that it serves; one for each that arbitrates at the same time. */
export function newWorkspace(): Workspace {
  const none = new Float64Array(0)
  return {
    amounts: none,
    rising: { floor: none, ceiling: none, weight: none },
    identity: new Int32Array(0),
    noGroups: new Int32Array(0),
  }
}

/** Makes room for `count` rows and so many amounts; what was inside is lost. */
export function growTo(workspace: Workspace, count: number, amounts: number): void {
  if (workspace.amounts.length < amounts) workspace.amounts = new Float64Array(amounts)
  if (workspace.identity.length >= count) return
  workspace.rising = {
    floor: new Float64Array(count),
    ceiling: new Float64Array(count),
    weight: new Float64Array(count),
  }
  workspace.identity = new Int32Array(count)
  for (let row = 0; row < count; row++) workspace.identity[row] = row
  workspace.noGroups = new Int32Array(count).fill(-1)
}

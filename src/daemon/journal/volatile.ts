import type { RememberedSetting } from '#ports.ts'
import type { SqliteJournal } from './journal.ts'

/** What the loop needs of a journal. */
export type LoopJournal = Pick<
  SqliteJournal,
  | 'needsCheckpoint'
  | 'commit'
  | 'breakChain'
  | 'outcomes'
  | 'rememberAll'
  | 'remembered'
  | 'correct'
  | 'forget'
  | 'wish'
  | 'wishOf'
  | 'firstTurn'
  | 'lastTurn'
>

/**
 * A journal for a host that is gone when the process ends: it keeps the settings as they were found, without which
 * nothing may be changed, and no turn.
 */
export function createVolatileJournal(): LoopJournal {
  const settings = new Map<string, RememberedSetting>()
  const wishes = new Map<string, unknown>()
  let firstTurn = 0
  let lastTurn = 0
  const keyOf = (driver: string, node: string, knob: string): string => `${driver} ${node} ${knob}`
  return {
    needsCheckpoint: () => false,
    commit({ turn }) {
      if (firstTurn === 0) firstTurn = turn
      lastTurn = turn
    },
    breakChain: () => {},
    outcomes: () => {},
    rememberAll(all) {
      for (const its of all) {
        const key = keyOf(its.driver, its.node, its.knob)
        const before = settings.get(key)
        const isSame = before?.identity === its.identity
        settings.set(key, isSame ? { ...before, lastSet: its.lastSet, mayBe: its.mayBe } : its)
      }
    },
    remembered: () => [...settings.values()],
    correct(all) {
      for (const its of all) {
        const key = keyOf(its.driver, its.node, its.knob)
        const before = settings.get(key)
        if (before !== undefined) settings.set(key, { ...before, lastSet: its.lastSet, mayBe: its.mayBe })
      }
    },
    forget: (driver, node, knob) => void settings.delete(keyOf(driver, node, knob)),
    wish: (name, value) => void wishes.set(name, value),
    wishOf: (name) => wishes.get(name) ?? null,
    firstTurn: () => firstTurn,
    lastTurn: () => lastTurn,
  }
}

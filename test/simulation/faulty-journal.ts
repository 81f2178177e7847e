import type { LoopJournal } from '#daemon/journal/volatile.ts'
import type { Chance } from './chance.ts'
import type { JournalFault } from './draw-story.ts'
import type { Hands } from './hands.ts'

/** The journal on a disk that is full at times, or that fails a write now and then. Reading goes well. */
export function faultyJournal(
  journal: LoopJournal,
  faults: readonly JournalFault[],
  hands: Hands,
  chance: Chance,
): LoopJournal {
  const writing = <Args extends unknown[]>(write: (...args: Args) => void) => {
    return (...args: Args): void => {
      const { nowMs } = hands
      const isFull = faults.some(
        ({ fromMs, untilMs, part }) => nowMs >= fromMs && nowMs < untilMs && chance.happens(part),
      )
      if (isFull) throw new Error('a planted fault: ENOSPC')
      write(...args)
    }
  }
  return {
    needsCheckpoint: (hash) => journal.needsCheckpoint(hash),
    breakChain: () => journal.breakChain(),
    remembered: () => journal.remembered(),
    wishOf: (name) => journal.wishOf(name),
    firstTurn: () => journal.firstTurn(),
    lastTurn: () => journal.lastTurn(),
    commit: writing((record, text) => journal.commit(record, text)),
    outcomes: writing((turn, outcomes) => journal.outcomes(turn, outcomes)),
    rememberAll: writing((settings) => journal.rememberAll(settings)),
    correct: writing((settings) => journal.correct(settings)),
    forget: writing((driver, node, knob) => journal.forget(driver, node, knob)),
    wish: writing((name, value) => journal.wish(name, value)),
  }
}

import type { LoopJournal } from '#daemon/journal/volatile.ts'
import type { Clock, Driver } from '#ports.ts'
import type { Life } from './life.ts'

/** The ways out of a daemon, each of which ends with its life: between any two of its calls it may be dead. */

export function clockFor(life: Life, clock: Clock): Clock {
  return {
    now: (windows) => clock.now(windows),
    sleepUntil: (monotonicMs, signal) => life.wait(() => clock.sleepUntil(monotonicMs, signal)),
  }
}

export function driverFor(life: Life, driver: Driver): Driver {
  const { kind, capabilities } = driver
  return {
    kind,
    capabilities,
    prepare: (policy) => life.wait(() => driver.prepare(policy)),
    observe: (slow) => life.wait(() => driver.observe(slow)),
    read: (node, knob) => life.wait(() => driver.read(node, knob)),
    identityOf: (node) => life.now(() => driver.identityOf(node)),
    apply: (change, signal) => life.wait(() => driver.apply(change, signal)),
    close: () => driver.close(),
  }
}

export function journalFor(life: Life, journal: LoopJournal): LoopJournal {
  return {
    ...journal,
    commit: (record, text) => life.now(() => journal.commit(record, text)),
    outcomes: (turn, outcomes) => life.now(() => journal.outcomes(turn, outcomes)),
    rememberAll: (settings) => life.now(() => journal.rememberAll(settings)),
    correct: (settings) => life.now(() => journal.correct(settings)),
    forget: (driver, node, knob) => life.now(() => journal.forget(driver, node, knob)),
    wish: (name, value) => life.now(() => journal.wish(name, value)),
  }
}

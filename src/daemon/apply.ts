import type { Change, Outcome } from '#core/model/decision.ts'
import type { Clock, Driver } from '#ports.ts'
import type { Announced, Originals } from './originals.ts'

/** How long one change may take unless said otherwise. */
export const CHANGE_MS_MAX = 5000
const NO_WINDOWS = [] as const

/** How long one change may take, and by which clock. */
export interface Deadline {
  readonly clock: Clock
  readonly deadlineMs: number
}

export interface Applying extends Deadline {
  readonly driver: Driver
  readonly originals: Originals
  /** The daemon is to stop: the step under way is finished and the rest is not tried. */
  readonly stopping: AbortSignal
}

/**
 * Carries out a plan, change by change and in its order. The first step that fails ends it, for what follows may count
 * on it (a grow on its shrink), and the next turn observes afresh. A domain that vanished meanwhile ends nothing: it
 * needs no resources any more.
 */
export async function applyPlan(plan: readonly Change[], applying: Applying): Promise<readonly Outcome[]> {
  if (plan.length === 0) return []
  const { driver, originals, stopping } = applying
  const announced = await originals.announce(plan, driver)
  const outcomes: Outcome[] = []
  let hasFailed = false
  for (const [i, change] of plan.entries()) {
    const { node, knob } = change
    if (hasFailed || stopping.aborted) {
      outcomes.push({ status: 'not-tried', node, knob })
      continue
    }
    const outcome = await applyOne(change, announced[i] as Announced, driver, applying)
    outcomes.push(outcome)
    hasFailed = outcome.status === 'failed'
  }
  originals.settle(plan, announced, outcomes)
  return outcomes
}

async function applyOne(change: Change, announced: Announced, driver: Driver, deadline: Deadline): Promise<Outcome> {
  const { node, knob } = change
  if (announced === 'vanished') return { status: 'vanished', node, knob }
  if (typeof announced === 'object') {
    const message = `${knob} of ${node} was left alone: its present value cannot be read: ${announced.unreadable}`
    return { status: 'failed', node, knob, code: 'EUNREADABLE', message }
  }
  if (announced === 'not-remembered') {
    const message = `${knob} of ${node} was left alone: its present value cannot be recorded, so it could not be put back`
    return { status: 'failed', node, knob, code: 'ENOTREMEMBERED', message }
  }
  return withDeadline(change, driver, deadline)
}

/** Also a driver that ignores its signal, or that throws, gives an outcome in time. */
export async function withDeadline(change: Change, driver: Driver, { clock, deadlineMs }: Deadline): Promise<Outcome> {
  const { node, knob } = change
  const abort = new AbortController()
  const answered = new AbortController()
  const dueMs = clock.now(NO_WINDOWS).monotonicMs + deadlineMs
  const late = clock.sleepUntil(dueMs, answered.signal).then((): Outcome => {
    if (!answered.signal.aborted) abort.abort(new Error(`deadline of ${deadlineMs} ms`))
    const message = `setting ${knob} of ${node} took longer than ${deadlineMs} ms; the next turn looks at what came of it`
    return { status: 'failed', node, knob, code: 'ETIMEDOUT', message }
  })
  try {
    return await Promise.race([driver.apply(change, abort.signal), late])
  } catch (error) {
    const message = `setting ${knob} of ${node} broke driver ${driver.kind}, which is a defect in Reeve: ${error}`
    return { status: 'failed', node, knob, code: 'EDRIVER', message }
  } finally {
    answered.abort()
  }
}

import type { Window } from '#demo/workloads/link.ts'
import { type Act, type Family, STEADY_ACT, type Step, termsAt } from './acts.ts'
import { DOMAINS, type Goal, type Service } from './cast.ts'
import type { Waits } from './stage.ts'

/** What one contender's play of one act came to, in figures. */

/** An act as it was played; UTC milliseconds. */
export interface PlayedAct {
  readonly act: Act
  /** Of its first second, a whole one. */
  readonly beganMs: number
}

export interface Played {
  readonly contender: string
  readonly family: Family
  readonly acts: readonly PlayedAct[]
  readonly windows: Readonly<Record<Service, readonly Window[]>>
  readonly changes: readonly { readonly atMs: number; readonly domain: string }[]
  /** Over all acts together: hashes of the batch jobs, and CPU that the contender's own processes used. */
  readonly seconds: number
  readonly work: number
  readonly ownCpuSeconds: number
  readonly stolenCpuSeconds: number
  readonly generatorWaits: Waits
}

export interface ActFigures {
  readonly act: string
  readonly held: readonly Held[]
  readonly reactions: readonly Reaction[]
  /** Changes of settings a minute of the domain that had the most. */
  readonly changesPerMinute: number
}

/** Windows of one service while its goal had this priority. */
export interface Held {
  readonly service: Service
  readonly priority: Goal['priority']
  /** Whether goals of this priority fit into the host in this act. */
  readonly fits: boolean
  /** Those in which the goal held, and all that count. */
  readonly held: number
  readonly counted: number
  /** The same, with the windows right behind a step. */
  readonly heldAll: number
  readonly countedAll: number
}

export interface Reaction {
  readonly service: Service
  /** Seconds from the step until the goal held again for `STEADY_WINDOWS`; null where it did not before the next step. */
  readonly seconds: number | null
}

/** What the act before left in queues is not counted. */
export const CHANGE_OVER_SECONDS = 3
/** Behind a step so many windows do not count for attainment: that is what reactions are measured for. */
export const REACTION_SECONDS = 3
const STEADY_WINDOWS = 2

export function figuresOf(played: Played): ActFigures[] {
  return played.acts.map((one) => ({
    act: one.act.name,
    held: heldOf(played, one),
    reactions: one.act.steps.map((step, index) => reactionOf(played, one, step, one.act.steps[index + 1])),
    changesPerMinute: changesPerMinute(played, one),
  }))
}

/** Whether a goal held in one second; a service that was asked nothing has no latency. */
export function holds(goal: Goal, window: Window): boolean {
  if (goal.kind === 'rate') return window.throughput >= goal.target
  return window.offered > 0 && window.p95Ms <= goal.target
}

function heldOf(played: Played, { act, beganMs }: PlayedAct): Held[] {
  const all = new Map<string, Held>()
  for (let second = CHANGE_OVER_SECONDS; second < act.seconds; second++) {
    const isSettled = !act.steps.some((step) => second >= step.second && second < step.second + REACTION_SECONDS)
    for (const goal of termsAt(act, second).goals) {
      const { service, priority } = goal
      const key = `${service} ${priority}`
      const before = all.get(key) ?? { ...NONE, service, priority, fits: act.fitting.includes(priority) }
      const window = windowAt(played, service, beganMs + second * 1000)
      const held = window !== undefined && holds(goal, window) ? 1 : 0
      const [settledHeld, settled] = isSettled ? [held, 1] : [0, 0]
      all.set(key, {
        ...before,
        held: before.held + settledHeld,
        counted: before.counted + settled,
        heldAll: before.heldAll + held,
        countedAll: before.countedAll + 1,
      })
    }
  }
  return [...all.values()]
}

const NONE = { held: 0, counted: 0, heldAll: 0, countedAll: 0 }

const windowAt = (played: Played, service: Service, startMs: number): Window | undefined =>
  played.windows[service].find((window) => window.startMs === startMs)

function reactionOf(played: Played, { act, beganMs }: PlayedAct, step: Step, next: Step | undefined): Reaction {
  const goal = termsAt(act, step.second).goals.find(({ service }) => service === step.service) as Goal
  const isHeld = (second: number): boolean => {
    const window = windowAt(played, step.service, beganMs + second * 1000)
    return window !== undefined && holds(goal, window)
  }
  const last = (next?.second ?? act.seconds) - STEADY_WINDOWS
  for (let second = step.second; second <= last; second++) {
    const isSteady = Array.from({ length: STEADY_WINDOWS }, (_, ahead) => isHeld(second + ahead)).every(Boolean)
    if (isSteady) return { service: step.service, seconds: second - step.second }
  }
  return { service: step.service, seconds: null }
}

/** Of the domain with the most; in the steady act without its first third, in which everybody still learns. */
function changesPerMinute({ changes }: Played, { act, beganMs }: PlayedAct): number {
  const fromMs = beganMs + (act.name === STEADY_ACT ? act.seconds / 3 : CHANGE_OVER_SECONDS) * 1000
  const untilMs = beganMs + act.seconds * 1000
  const during = changes.filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
  const most = Math.max(...DOMAINS.map((domain) => during.filter((change) => change.domain === domain).length))
  return (most * 60_000) / (untilMs - fromMs)
}

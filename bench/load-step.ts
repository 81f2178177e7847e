import { setTimeout as sleep } from 'node:timers/promises'
import type { BedGuest } from '#bed/host.ts'
import { setLoad } from '#bed/load.ts'

/** How soon a machine that suddenly wants more has the weight for it. */
export interface StepAnswer {
  /** From the step until its weight was half of the way to the new one, and nine tenths of it; `ANSWER_MS` for never. */
  readonly halfMs: number
  readonly mostMs: number
  /** What the new one is, relative to the one before. */
  readonly factor: number
}

const LOW = 0
const HIGH = 1
/** A weight that was left alone for so long stands. One that is not after so long moves with the noise of idling. */
const QUIET_MS = 10_000
const QUIET_WITHIN_MS = 45_000
/** What is in force after so long is the new weight. */
const ANSWER_MS = 5000
const LOOK_MS = 5

/** The step comes `phaseMs` after the machine has stood still. */
export async function answerToStep(guest: BedGuest, weight: () => number, phaseMs: number): Promise<StepAnswer> {
  await setLoad(guest, LOW)
  await untilQuiet(weight)
  await sleep(phaseMs)
  const before = weight()
  const fromMs = performance.now()
  await setLoad(guest, HIGH)
  const seen: { readonly atMs: number; readonly weight: number }[] = []
  while (performance.now() - fromMs < ANSWER_MS) {
    const now = weight()
    if (now !== (seen.at(-1)?.weight ?? before)) seen.push({ atMs: performance.now() - fromMs, weight: now })
    await sleep(LOOK_MS)
  }
  const after = seen.at(-1)?.weight ?? Number.NaN
  const reached = (part: number) =>
    seen.find((one) => one.weight >= before + part * (after - before))?.atMs ?? ANSWER_MS
  return { halfMs: reached(0.5), mostMs: reached(0.9), factor: after / before }
}

async function untilQuiet(weight: () => number): Promise<void> {
  const startedMs = performance.now()
  let [last, sinceMs] = [weight(), startedMs]
  while (performance.now() - sinceMs < QUIET_MS) {
    if (performance.now() - startedMs > QUIET_WITHIN_MS) return
    await sleep(LOOK_MS * 10)
    const now = weight()
    if (now !== last) [last, sinceMs] = [now, performance.now()]
  }
}

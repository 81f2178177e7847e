import { setTimeout as sleep } from 'node:timers/promises'
import { type Act, type Family, secondsOf, termsAt } from './acts.ts'
import { SERVICES, type Service, type Terms } from './cast.ts'
import type { Contender, Running } from './contender.ts'
import type { Played, PlayedAct } from './measure.ts'
import type { Stage } from './stage.ts'
import { watchSettings } from './watch.ts'

/** Before the first act: its load and terms, with the contender there, not counted. */
const WARM_UP_SECONDS = 4
/** Until the last requests have been answered or have missed, and the windows are told. */
const LAST_WINDOWS_MS = 3500

/** Plays all acts of a family under one contender, which stays there from the first to the last. */
export async function playFamily(
  stage: Stage,
  contender: Contender,
  family: Family,
  acts: readonly Act[],
): Promise<Played> {
  const first = acts[0] as Act
  stage.reset()
  const running = await contender.start(stage, termsAt(first, 0))
  try {
    offer(stage, first, 0)
    await sleep(WARM_UP_SECONDS * 1000)
    const watch = watchSettings(stage.layout, stage.pathOf)
    const before = countsOf(stage, running)
    const beganMs = nextSecond()
    const played = acts.map(
      (act, index): PlayedAct => ({ act, beganMs: beganMs + secondsOf(acts.slice(0, index)) * 1000 }),
    )
    let inForce = termsAt(first, 0)
    for (const one of played) inForce = await playAct(stage, running, one, inForce)
    await sleepUntil(beganMs + secondsOf(acts) * 1000)
    const after = countsOf(stage, running)
    watch.stop()
    for (const service of SERVICES) stage.demand(service, undefined)
    await sleep(LAST_WINDOWS_MS)
    stage.mustBeWhole()
    const windowsOf = (service: Service) => stage.windows(service).filter(({ startMs }) => startMs >= beganMs)
    return {
      contender: contender.name,
      family,
      acts: played,
      windows: {
        shop: windowsOf('shop'),
        api: windowsOf('api'),
        search: windowsOf('search'),
        store: windowsOf('store'),
      },
      changes: watch.changes,
      seconds: secondsOf(acts),
      work: after.work - before.work,
      ownCpuSeconds: after.own - before.own,
      stolenCpuSeconds: after.stolen - before.stolen,
      generatorWaits: {
        waitedMs: after.waits.waitedMs - before.waits.waitedMs,
        times: after.waits.times - before.waits.times,
      },
    }
  } finally {
    await running.stop().finally(async () => {
      stage.reset()
      await stage.shorten(null)
    })
  }
}

/** Returns the terms in force at its end. */
async function playAct(stage: Stage, running: Running, { act, beganMs }: PlayedAct, before: Terms): Promise<Terms> {
  let inForce = before
  for (let second = 0; second < act.seconds; second++) {
    await sleepUntil(beganMs + second * 1000)
    offer(stage, act, second)
    const terms = termsAt(act, second)
    if (terms === inForce) continue
    await stage.shorten(terms.fileBytes)
    await running.reload(terms)
    inForce = terms
  }
  return inForce
}

function offer(stage: Stage, act: Act, second: number): void {
  const demands = act.demands(second)
  for (const service of SERVICES) stage.demand(service, demands[service])
}

const countsOf = (stage: Stage, running: Running) => ({
  work: stage.work(),
  own: running.cpuSeconds(),
  stolen: stage.stolenCpuSeconds(),
  waits: stage.generatorWaits(),
})

/** Windows begin at whole seconds of UTC, and so do acts and steps. */
const nextSecond = (): number => (Math.floor(Date.now() / 1000) + 1) * 1000

/** By UTC, as windows are; timers may fire a little early. */
async function sleepUntil(utcMs: number): Promise<void> {
  while (Date.now() < utcMs) await sleep(utcMs - Date.now())
}

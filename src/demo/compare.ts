import { type Act, attainment, seconds } from './figures.ts'
import type { Live } from './live.ts'
import { SERVICES } from './plan.ts'
import type { Play } from './play.ts'
import { policyOf } from './policy.ts'
import type { StaticReport } from './report.ts'
import type { Stage } from './stage.ts'

/**
 * What weights that never change make of the same loads: a short search over a grid of splits, and the fixed map from
 * priority to weight that administrators use. They are shown also where they do as well as Reeve.
 */
const CANDIDATES: Readonly<Record<StaticReport['load'], readonly Weights[]>> = {
  steady: [
    weights(4096, 4096, 64, 1024),
    weights(8192, 4096, 256, 1024),
    weights(4096, 3072, 512, 1024),
    weights(2048, 1536, 128, 1024),
  ],
  crossed: [
    weights(4096, 4096, 64, 1024),
    weights(1024, 4096, 64, 1024),
    weights(4096, 1024, 64, 1024),
    weights(4096, 2048, 64, 1024),
  ],
}
/** Priority 1, priority 2, none. */
const PRIORITY_MAP = weights(4096, 2048, 256, 1024)
const LOADS = ['steady', 'crossed'] as const

type Weights = Readonly<Record<'shop' | 'api' | 'batch' | 'generator', number>>

function weights(shop: number, api: number, batch: number, generator: number): Weights {
  return { shop, api, batch, generator }
}

/** The 8 s after the crossing are left out for everybody, so a try of that load takes longer. */
const SHORTEST = { steady: 8, crossed: 26 } as const

/** Tries every candidate, longer where there is time, and returns the best and the map for each load. */
export async function compareStatic(live: Live, stage: Stage, play: Play, inSeconds: number): Promise<StaticReport[]> {
  const least = LOADS.reduce((sum, load) => sum + (CANDIDATES[load].length + 1) * SHORTEST[load], 0)
  const stretch = Math.max(1, inSeconds / (least + 10))
  const played: { readonly load: StaticReport['load']; readonly weights: Weights; readonly act: Act }[] = []
  for (const load of LOADS) {
    const each = SHORTEST[load] * stretch
    await play.policy(policyOf(stage.cast, stage.plan, 'observe', load))
    live.scene({
      title: `Static weights, ${load} load (${CANDIDATES[load].length + 1} tries of ${each.toFixed(0)} s)`,
      goals: goalsOf(load),
      plan: stage.plan,
    })
    for (const tried of [...CANDIDATES[load], PRIORITY_MAP]) {
      await stage.setWeights(tried)
      if (load === 'steady') play.steady()
      else play.crossed('api')
      const cross = load === 'crossed' ? () => play.crossed('shop') : undefined
      played.push({
        load,
        weights: tried,
        act: await play.act(`compare-${load}-${Object.values(tried).join(':')}`, goalsOf(load), each, cross),
      })
    }
  }
  await play.pass(3)
  return LOADS.flatMap((load) => {
    const reports = played
      .filter((one) => one.load === load)
      .map(({ weights: tried, act }) => reportOne(stage, load, tried, act))
    const map = reports.pop() as StaticReport
    return [best(reports), { ...map, name: 'fixed map from priority' }]
  })
}

const goalsOf = (load: StaticReport['load']): Act['goals'] => (load === 'steady' ? 'latency' : 'throughput')

function reportOne(stage: Stage, load: StaticReport['load'], tried: Weights, act: Act): StaticReport {
  const held = SERVICES.map((service) => [service, attainment(stage, service, act)])
  return {
    load,
    name: 'best of a short search',
    weights: tried,
    attainment: Object.fromEntries(held),
    batchWorkPerSecond: act.batchWork / seconds(act),
  }
}

/** The most important goal first, then the next, then the batch job's work. */
function best(reports: readonly StaticReport[]): StaticReport {
  return reports.reduce((one, other) => {
    for (const service of SERVICES) {
      const difference = (other.attainment[service] ?? 0) - (one.attainment[service] ?? 0)
      if (Math.abs(difference) > 0.02) return difference > 0 ? other : one
    }
    return other.batchWorkPerSecond > one.batchWorkPerSecond ? other : one
  })
}

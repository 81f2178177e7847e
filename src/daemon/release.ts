import type { ReleasedSetting, ReleaseReport } from '#api/contract.ts'
import { isOnItsWay } from '#core/drift.ts'
import { narrowed } from '#core/metadata.ts'
import type { Change } from '#core/model/decision.ts'
import type { ResourceKey } from '#core/model/ids.ts'
import type { Policy } from '#core/model/policy.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Driver, DriverObservation, RememberedSetting } from '#ports.ts'
import { type Deadline, withDeadline } from './apply.ts'
import { withMetadata } from './observe.ts'

/** The driver of a kind, or null where this host has none now. */
export type DriverOf = (kind: string) => Driver | null
type Result = ReleasedSetting['result']

/**
 * Puts back every remembered setting, unless somebody else changed it since or its domain is another by now. Settings
 * may depend on one another (a child's CPUs lie within its parent's), in either direction, so what failed is tried
 * again as long as a pass gets anything done. `settled` is called for each setting that needs no more remembering.
 */
export async function releaseSettings(
  settings: readonly RememberedSetting[],
  driverOf: DriverOf,
  deadline: Deadline,
  settled: (setting: RememberedSetting) => void,
): Promise<ReleaseReport> {
  const results = new Map<RememberedSetting, Result>()
  let left = [...settings]
  for (let isProgress = true; isProgress && left.length > 0; ) {
    const failed: RememberedSetting[] = []
    for (const setting of left) {
      const result = await putBack(setting, driverOf(setting.driver), deadline)
      results.set(setting, result)
      if (result.kind === 'failed') failed.push(setting)
      else settled(setting)
    }
    isProgress = failed.length < left.length
    left = failed
  }
  return {
    settings: settings.map((setting) => {
      const { node, knob, domain, original } = setting
      return { node, knob, domain, original, result: results.get(setting) as Result }
    }),
  }
}

/** Settings on nodes that carry no domain of this policy, or one that it leaves alone, nor lead to one. */
export function notManaged(
  settings: readonly RememberedSetting[],
  policy: Policy,
  seen: DriverObservation,
): RememberedSetting[] {
  const managed = new Set(seen.nodes.map(({ id }) => id))
  for (const domain of withMetadata(seen, policy)) {
    const its = policy.domains[domain.policyIndex]
    if (its !== undefined && narrowed(its, domain).role !== 'ignored') managed.add(domain.node)
  }
  return settings.filter(({ node }) => !managed.has(node))
}

async function putBack(setting: RememberedSetting, driver: Driver | null, deadline: Deadline): Promise<Result> {
  const { node, knob, original } = setting
  if (driver === null) {
    return { kind: 'failed', message: `cannot put back ${knob} of ${node}: no driver '${setting.driver}' runs here` }
  }
  const found = await driver.read(node, knob).catch((error: unknown) => reasonOf(error))
  if (typeof found === 'string') return { kind: 'failed', message: found }
  if (found === null) return { kind: 'gone' }
  if (found.identity !== setting.identity) return { kind: 'replaced' }
  if (found.value === original) return { kind: 'was-so' }
  const ours = [setting.lastSet, ...setting.mayBe]
  const isOurs = ours.includes(found.value) || isOnItsWay(knob, [original, ...ours], found.value)
  if (!isOurs) {
    return { kind: 'changed-by-others', found: found.value }
  }
  const outcome = await withDeadline(changeBack(setting, found.value), driver, deadline)
  if (outcome.status === 'applied') return { kind: 'restored' }
  if (outcome.status === 'vanished') return { kind: 'gone' }
  return { kind: 'failed', message: outcome.status === 'failed' ? outcome.message : 'was not tried' }
}

function changeBack(setting: RememberedSetting, from: Change['from']): Change {
  const { driver, node, domain, knob, original } = setting
  const resource = knob.split('.', 1)[0] as ResourceKey
  const because = { kind: 'release' } as const
  return { driver, node, domain, identity: null, knob, resource, from, to: original, direction: 'neutral', because }
}

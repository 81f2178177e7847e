import type { ReleasedSetting, ReleaseReport } from '#api/contract.ts'
import { isOnItsWay } from '#core/drift.ts'
import { knobsOf } from '#core/knobs.ts'
import { narrowed } from '#core/metadata.ts'
import type { Change } from '#core/model/decision.ts'
import type { NodeId, ResourceKey } from '#core/model/ids.ts'
import type { Knob } from '#core/model/observation.ts'
import type { Policy } from '#core/model/policy.ts'
import { reasonOf } from '#lib/reason-of.ts'
import type { Driver, DriverObservation, DriverOf, RememberedSetting } from '#ports.ts'
import { type Deadline, withDeadline } from './apply.ts'
import { withMetadata } from './observe.ts'

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

/**
 * Settings that this policy has turned no more: those of domains that it does not name or only looks at, knobs of the
 * others of which it says nothing any more, and the weights of places that lead to none that is managed.
 *
 * Worked: a domain that goes from a guarantee to a cap has `memory.soft` put back, as `memory.limit` holds it now.
 */
export function notManaged(
  settings: readonly RememberedSetting[],
  policy: Policy,
  seen: DriverObservation,
): RememberedSetting[] {
  const parentOf = new Map(seen.nodes.map(({ id, parent }) => [id, parent]))
  const parents = new Set(policy.domains.map(({ parent }) => parent))
  const turned = new Map<NodeId, ReadonlySet<Knob>>()
  const weighed = new Set<NodeId>()
  for (const domain of withMetadata(seen, policy)) {
    const its = policy.domains[domain.policyIndex]
    if (its === undefined || parents.has(domain.name)) continue
    const knobs = knobsOf(policy, narrowed(its, domain))
    turned.set(domain.node, knobs)
    if (!knobs.has('cpu.weight')) continue
    for (let node: NodeId | null = domain.node; node !== null; node = parentOf.get(node) ?? null) weighed.add(node)
  }
  return settings.filter(({ node, knob }) => {
    const isWeighed = knob === 'cpu.weight' && weighed.has(node)
    return !isWeighed && turned.get(node)?.has(knob) !== true
  })
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

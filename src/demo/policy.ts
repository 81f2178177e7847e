import { stringify } from 'yaml'
import { CROSSED, PLAN, SERVICES, type ServiceName } from './plan.ts'

/** Where each process of the demo comes from, as a policy says it. */
export interface Cast {
  readonly driver: 'cgroup' | 'simulator'
  /** How each domain is found or started: the keys of a policy's domain. */
  readonly domains: Readonly<Record<string, object>>
  /** The JSON file that the load generator writes; null where readings come from the simulator itself. */
  readonly monitorFile: string | null
}

/**
 * The policy of an act, as an administrator would write it: goals with priorities, a reservation for the generator so
 * that measuring does not depend on what is measured, and the batch job gets what is left.
 */
export function policyOf(cast: Cast, mode: 'observe' | 'manage', act: 'steady' | 'crossed'): string {
  const goals = SERVICES.map((service) => {
    const { priority, p95Ms } = PLAN[service]
    return act === 'steady'
      ? {
          name: `${service}-latency`,
          domain: service,
          kind: 'performance',
          metric: `${service}-p95`,
          below: `${p95Ms}ms`,
          priority,
        }
      : {
          name: `${service}-throughput`,
          domain: service,
          kind: 'throughput',
          metric: `${service}-rate`,
          atLeast: CROSSED.perSecond,
          priority,
        }
  })
  const policy = {
    apiVersion: 'reeve/v1',
    host: { mode, interval: '1s', headroom: { cpu: '5%' }, surplus: { default: ['batch'] }, cooldown: '3s' },
    metrics: Object.assign({}, ...SERVICES.map((service) => metricsOf(cast, service))),
    domains: Object.fromEntries(
      ['shop', 'api', 'batch', 'generator'].map((name) => [
        name,
        {
          driver: cast.driver,
          ...cast.domains[name],
          ...(name === 'generator' ? { cpu: { reservation: '100m' } } : {}),
        },
      ]),
    ),
    goals,
  }
  // Anchors are refused in policies: what is said of several domains is written out for each.
  return stringify(policy, { aliasDuplicateObjects: false })
}

/**
 * The shop is watched from outside, by a file; the API pushes its latency itself, so that both ways are seen. On a
 * simulated host every reading is as if pushed.
 */
function metricsOf({ monitorFile }: Cast, service: ServiceName): object {
  const pushed = { source: 'push', domain: service, staleAfter: '5s' }
  const file = { source: 'file', path: monitorFile, interval: '250ms', staleAfter: '5s' }
  const from = (key: string) => (monitorFile === null ? pushed : { ...file, key: `${service}.${key}` })
  return {
    [`${service}-p95`]: { ...(service === 'api' ? pushed : from('p95Ms')), unit: 'ms' },
    [`${service}-rate`]: { ...from('perSecond'), unit: 'requests/s' },
  }
}

import { stringify } from 'yaml'
import { type Plan, SERVICES, type ServiceName } from './plan.ts'

/** Where each process of the demo comes from, as a policy says it. */
export interface Cast {
  readonly driver: 'cgroup' | 'simulator'
  /** Where machines are looked for, where there are any. */
  readonly libvirt?: readonly string[]
  /** How each domain is found or started: the keys of a policy's domain. */
  readonly domains: Readonly<Record<string, object>>
  /** The JSON file that the load generator writes; null where readings come from the simulator itself. */
  readonly monitorFile: string | null
  /** Services that push their own latency; the file has that of the others. */
  readonly pushing: readonly ServiceName[]
}

/**
 * The policy of an act, as an administrator would write it: goals with priorities, a reservation for the generator so
 * that measuring does not depend on what is measured, and the batch job gets what is left.
 */
export function policyOf(cast: Cast, plan: Plan, mode: 'observe' | 'manage', act: 'steady' | 'crossed'): string {
  const goals = SERVICES.map((service) => {
    const { priority, p95Ms } = plan.services[service]
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
          atLeast: plan.crossed.perSecond,
          priority,
        }
  })
  const policy = {
    apiVersion: 'reeve/v1',
    host: {
      mode,
      interval: '1s',
      headroom: { cpu: '5%' },
      surplus: { default: ['batch'] },
      cooldown: '3s',
      ...(cast.libvirt && { libvirt: cast.libvirt }),
    },
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
 * Services are watched from outside, by a file, or push their latency themselves. On a simulated host every reading is
 * as if pushed.
 */
function metricsOf({ monitorFile, pushing }: Cast, service: ServiceName): object {
  const pushed = { source: 'push', domain: service, staleAfter: '5s' }
  const file = { source: 'file', path: monitorFile, interval: '250ms', staleAfter: '5s' }
  const from = (key: string) => (monitorFile === null ? pushed : { ...file, key: `${service}.${key}` })
  return {
    [`${service}-p95`]: { ...(pushing.includes(service) ? pushed : from('p95Ms')), unit: 'ms' },
    [`${service}-rate`]: { ...from('perSecond'), unit: 'requests/s' },
  }
}

import type { Policy } from '#core/model/policy.ts'

/**
 * The policy as it is played. Whoever its domains are on a real host, here they are the simulated ones of their names;
 * what it says of where readings come from is as good as said, for the simulated host has them all, counters too. A policy that only
 * advises manages here: there is nobody whom that could hurt, and nothing would be seen of it otherwise.
 */
export function played(policy: Policy): Policy {
  const { host } = policy
  return {
    ...policy,
    host: { ...host, mode: host.mode === 'advise' ? 'manage' : host.mode },
    domains: policy.domains.map((domain) => ({
      ...domain,
      mode: domain.mode === 'advise' ? 'manage' : domain.mode,
      driver: 'simulator',
      match: domain.match.kind === 'parent' ? domain.match : { kind: 'name' },
    })),
    metrics: policy.metrics.map((metric) =>
      metric.source.kind === 'counter' ? metric : { ...metric, source: { kind: 'push', domain: null } },
    ),
  }
}

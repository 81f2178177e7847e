/** Where the control socket answers; the version is part of every path. Apart from the contract, so that asking needs no schemas. */
export const PATHS = {
  status: '/v1/status',
  explain: '/v1/explain',
  history: '/v1/history',
  plan: '/v1/plan',
  reload: '/v1/reload',
  pause: '/v1/pause',
  resume: '/v1/resume',
  release: '/v1/release',
  metrics: '/v1/metrics',
  events: '/v1/events',
} as const

import type { Estimator } from './estimator.ts'

/** Fixed amounts need no estimate. */
export const fixed: Estimator<'fixed'> = (aim) => ({
  need: aim.amounts,
  least: aim.amounts,
  because: { kind: 'fixed' },
  measured: null,
  memory: {},
})

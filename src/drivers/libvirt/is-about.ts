import type { Setting } from '#core/model/observation.ts'

/** Whether what is in force is what was asked for: quotas are rounded to microseconds of a period. */
export function isAbout(inForce: Setting, to: Setting): boolean {
  if (typeof inForce !== 'number' || typeof to !== 'number') return inForce === to
  return Math.abs(inForce - to) <= Math.max(1, to * 0.01)
}

import type { Setting } from '#core/model/observation.ts'

/** What is in force after a change. @throws where that is not what was asked for. */
export function confirmed(inForce: Setting, to: Setting): Setting {
  if (isAbout(inForce, to)) return inForce
  throw Object.assign(new Error(`it was accepted, but ${inForce ?? 'no limit'} is in force`), { code: 'EREADBACK' })
}

/** Quotas are rounded to microseconds of a period. */
function isAbout(inForce: Setting, to: Setting): boolean {
  if (typeof inForce !== 'number' || typeof to !== 'number') return inForce === to
  return Math.abs(inForce - to) <= Math.max(1, to * 0.01)
}

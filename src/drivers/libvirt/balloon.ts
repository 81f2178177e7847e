/**
 * A balloon is asked, and the guest follows when it likes, or never: what was asked is in force in libvirt's eyes, what
 * the machine really has is another thing. Amounts are in bytes.
 */
export interface Asked {
  readonly from: number
  readonly to: number
}

/** libvirt counts in kibibytes, and guests give pages. */
const SAME = 1024 * 1024

/**
 * What the balloon is set to: what was asked, while the machine has no more and no less than what lies between that and
 * what it had; what it has, where somebody else must have asked for that.
 *
 * Worked: asked from 200 to 100, it has 150: set to 100. It has 250: set to 250.
 */
export function balloonSetting(asked: Asked | undefined, actual: number): number {
  if (asked === undefined) return actual
  const [least, most] = [Math.min(asked.from, asked.to), Math.max(asked.from, asked.to)]
  return actual >= least - SAME && actual <= most + SAME ? asked.to : actual
}

import type { Capability } from '#ports.ts'

export const NO_MEMORY_LIMIT: Capability = {
  name: 'memory.limit',
  available: false,
  reason: 'a machine that reaches a hard limit is killed',
  remedy: 'none is needed: its memory is limited by what it was given',
}

/** Of a look that came to nothing although libvirt answered. */
export function lookFailed(reason: string): Capability {
  return { name: 'libvirt', available: false, reason, remedy: 'what was found before stands; it is looked again' }
}

/** Of a domain that the policy lets say that it is to be ignored. */
export function notHeard(domain: string): Capability {
  const reason = 'libvirt has not told it yet, and the domain may want to be ignored: it is not managed until then'
  return { name: `metadata of ${domain}`, available: false, reason, remedy: 'see whether libvirtd answers' }
}

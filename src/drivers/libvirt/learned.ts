import type { Guest } from './inventory.ts'
import type { Machine } from './machine.ts'

/** What a change of a guest has come to, as read after it. */
export type Learned = Partial<Pick<Machine, 'isPaused' | 'cpus' | 'vcpus'>>

/** vCPUs are never pulled out: fewer are those from before the last of them was plugged in. */
export function withLearned(guest: Guest, learned: Learned = {}): Guest {
  if (guest.kind === 'container') return { ...guest, isPaused: learned.isPaused ?? guest.isPaused }
  return { ...guest, ...learned, vcpus: Math.max(guest.vcpus, learned.vcpus ?? 0) }
}

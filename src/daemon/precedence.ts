import { readdirSync } from 'node:fs'
import { makeRealTime, openScheduling } from '#processes/sched-attributes.ts'

/**
 * Lets this process run before others of the host, every thread of it, by the lowest real-time standing. Whoever moves
 * CPU must not wait for the CPU it moves: on a host whose domains were all busy, a manager of ordinary standing was seen
 * to wait 20 s for 20 ms of work, also at the best nice value. It needs one or two hundredths of a CPU, and the kernel
 * keeps a twentieth of every CPU from real-time tasks. Of what it starts, only its own
 * tools inherit. Returns why it could not be
 * had, or null.
 */
export async function takePrecedence(): Promise<string | null> {
  try {
    await openScheduling()
    for (const thread of readdirSync('/proc/self/task')) makeRealTime(Number(thread))
    return null
  } catch (error) {
    const why = (error as Error).message
    return `turns may come late while all CPUs are busy: this process cannot have precedence: ${why}; run it as root, outside of groups without real-time budget`
  }
}

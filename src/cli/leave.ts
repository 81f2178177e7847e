import { setTimeout as sleep } from 'node:timers/promises'
import { callsUnderWay } from '#drivers/libvirt/call.ts'

const GRACE_TRIES = 20
const GRACE_MS = 25

/**
 * Ends the process where a call into libvirt hangs, once what was printed is out: Node would wait for the call, and so
 * would `process.exit`. Does nothing where none hangs.
 */
export async function leaveHangingCalls(exitCode: number): Promise<void> {
  // The last of a connection that was closed are on their way back.
  for (let i = 0; i < GRACE_TRIES && callsUnderWay() > 0; i++) await sleep(GRACE_MS)
  if (callsUnderWay() === 0) return
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  const { default: koffi } = await import('koffi')
  koffi.load(null).func('void _exit(int code)')(exitCode)
}

import { callsUnderWay } from '#drivers/libvirt/library.ts'

/**
 * Ends the process where a call into libvirt hangs, once what was printed is out: Node would wait for the call, and so
 * would `process.exit`. Does nothing where none hangs.
 */
export async function leaveHangingCalls(exitCode: number): Promise<void> {
  if (callsUnderWay() === 0) return
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  const { default: koffi } = await import('koffi')
  koffi.load(null).func('void _exit(int code)')(exitCode)
}

import { hash } from 'node:crypto'
import koffi from 'koffi'

/**
 * Work that costs CPU and nothing else, counted in hashes of one block. It is native on purpose: a loop in JavaScript
 * is compiled again while it runs, after which the same iterations cost several times the CPU.
 */

const BLOCK = new Uint8Array(4096)

/** Does so many hashes, a few microseconds each. */
export function burn(hashes: number): void {
  for (let done = 0; done < hashes; done++) hash('sha256', BLOCK)
}

/**
 * Hashes until this thread has used so many milliseconds of CPU. Counted in CPU time and not in hashes, because the
 * speed of a shared machine changes from minute to minute, and the demo's load must be the same in all its acts.
 */
export function burnCpu(milliseconds: number): void {
  const until = threadCpuMs() + milliseconds
  while (threadCpuMs() < until) burn(FEW)
}

const FEW = 4
const CLOCK_THREAD_CPUTIME_ID = 3
const clockGettime = koffi.load(null).func('int clock_gettime(int, void *)')
const timespec = new BigInt64Array(2)

/** CPU that this thread has used, up to this instant: Node's own reading of it stands still between clock ticks. */
function threadCpuMs(): number {
  clockGettime(CLOCK_THREAD_CPUTIME_ID, timespec)
  return Number(timespec[0]) * 1000 + Number(timespec[1]) / 1e6
}

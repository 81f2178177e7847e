import { hash } from 'node:crypto'

/**
 * Work that costs CPU and nothing else, counted in hashes of one block. It is native on purpose: a loop in JavaScript
 * is compiled again while it runs, after which the same iterations cost several times the CPU.
 */

const BLOCK = new Uint8Array(4096)

/** Spends CPU on so many hashes, a few microseconds each. */
export function burn(hashes: number): void {
  for (let done = 0; done < hashes; done++) hash('sha256', BLOCK)
}

const ROUND = 50

/** Hashes that take a millisecond of CPU here, measured in CPU time of this thread, whoever else runs meanwhile. */
export function hashesPerMs(forMs = 300): number {
  burn(ROUND * 10)
  const before = process.threadCpuUsage()
  for (let hashes = ROUND; ; hashes += ROUND) {
    burn(ROUND)
    const { user, system } = process.threadCpuUsage(before)
    const spentMs = (user + system) / 1000
    if (spentMs >= forMs) return hashes / spentMs
  }
}

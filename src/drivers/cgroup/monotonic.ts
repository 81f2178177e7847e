/** Milliseconds on CLOCK_MONOTONIC, which every process of this boot shares. */
export function monotonicMs(): number {
  return OFFSET_MS + performance.now()
}

const OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now()

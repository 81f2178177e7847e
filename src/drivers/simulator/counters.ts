/** Cumulative: CPU milliseconds (which are millicore-seconds), and milliseconds summed over threads. */
export interface Counters {
  readonly usedMs: number
  readonly waitMs: number
  readonly throttledMs: number
  readonly oomKills: number
  /** Pages that had been taken away and were read again. */
  readonly refaults: number
  /** Milliseconds in which at least one thread stood still for a page. */
  readonly memoryPressureMs: number
  /** Bytes, and milliseconds in which at least one thread stood still for some; null of who reads none. */
  readonly disk: { readonly readBytes: number; readonly pressureMs: number } | null
  /** Received and sent by a domain that answers requests; null of others. */
  readonly packets: { readonly rx: number; readonly tx: number } | null
}

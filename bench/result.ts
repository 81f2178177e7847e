/** What one measurement of `npm run bench` found. */
export interface BenchResult {
  readonly name: string
  /** Median of the repeated measurement, in `unit`. */
  readonly median: number
  readonly unit: string
  /** What it must stay under, in `unit`. */
  readonly target?: number
  readonly met?: boolean
  readonly note?: string
}

/** How often each bound of a histogram was not exceeded: by bound, the last of which is infinite. */
export type Buckets = ReadonlyMap<number, number>

/**
 * The value that a quantile (0..1) of what was counted does not exceed, by linear interpolation inside its bucket, which
 * begins at the bound before, the first at 0. Beyond the last finite bound nothing is known, so that bound stands for
 * it. Source: `histogram_quantile` in the documentation of Prometheus.
 *
 * Worked: of 100, 50 are up to 0.1, all up to 0.2. The 95th is 45 of 50 into the second: 0.1 + 0.1 x 0.9 = 0.19.
 */
export function quantileOf(quantile: number, buckets: Buckets): number {
  const bounds = [...buckets].sort(([a], [b]) => a - b)
  const rank = quantile * (bounds.at(-1)?.[1] ?? 0)
  const at = bounds.findIndex(([, count]) => count >= rank)
  const [bound, count] = bounds[at] ?? [Number.NaN, 0]
  const [lower, below] = bounds[at - 1] ?? [Math.min(0, bound), 0]
  if (bound === Number.POSITIVE_INFINITY) return lower
  return count === below ? bound : lower + ((bound - lower) * (rank - below)) / (count - below)
}

/** Why these cannot be the buckets of a histogram, or null. */
export function faultOf(buckets: Buckets): string | null {
  const counts = [...buckets].sort(([a], [b]) => a - b).map(([, count]) => count)
  if (!buckets.has(Number.POSITIVE_INFINITY)) return 'has no bucket le="+Inf"'
  if (buckets.size < 2) return 'has no bucket with a finite bound'
  if (counts.some((count, i) => !(count >= (counts[i - 1] ?? 0)))) return 'counts less in a wider bucket'
  return null
}

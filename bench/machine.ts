import { cpus, release, totalmem } from 'node:os'

/** What the figures of a bench are of. */
export function machine(): string {
  const [first] = cpus()
  const gib = (totalmem() / 1024 ** 3).toFixed(0)
  return `${cpus().length} x ${first?.model.trim() ?? 'unknown CPU'}, ${gib} GiB, Linux ${release()}, Node ${process.version}`
}

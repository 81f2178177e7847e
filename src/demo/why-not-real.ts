import { mkdirSync, rmdirSync } from 'node:fs'
import { dirOf, findLayout } from '#drivers/cgroup/layout.ts'

/** Why the demo cannot use real control groups here, or null where it can: it tries to make one. */
export function whyNotReal(): string | null {
  if (process.platform !== 'linux') return `control groups need Linux, this is ${process.platform}`
  const layout = findLayout('reeve-demo-probe')
  if (layout === null) return 'no control groups are mounted'
  const dir = dirOf(layout, 'cpu', layout.rootPath)
  if (dir === null) return 'the CPU controller is not available to this process'
  try {
    mkdirSync(dir)
    rmdirSync(dir)
    return null
  } catch (error) {
    return `control groups cannot be written: ${(error as Error).message}; root could`
  }
}

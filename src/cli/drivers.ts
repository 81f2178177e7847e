import { join } from 'node:path'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import type { Driver } from '#ports.ts'
import type { CommonOptions } from './options.ts'

/** The drivers of this host. What its domains print is kept beside the journal. */
export async function hostDrivers({ state }: CommonOptions): Promise<readonly Driver[]> {
  return [await createCgroupDriver({ outputDir: join(state, 'output') })]
}

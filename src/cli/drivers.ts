import { join } from 'node:path'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import { DEFAULT_URIS } from '#policy/build-host.ts'
import type { Driver } from '#ports.ts'
import type { CommonOptions } from './options.ts'

/** What a policy may name as `driver`. */
export const DRIVER_KINDS = ['cgroup', 'libvirt'] as const

/**
 * The drivers of this host, in the order in which they look: a machine is a control group, too, and is found first.
 * What domains print is kept beside the journal. `uris` are libvirt connections, until a policy names others.
 */
export async function hostDrivers({ state }: CommonOptions, uris = DEFAULT_URIS): Promise<readonly Driver[]> {
  const groups = await createCgroupDriver({ outputDir: join(state, 'output') })
  return [createLibvirtDriver({ groups, uris }), groups]
}

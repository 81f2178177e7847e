import type { Connection } from '#drivers/libvirt/connection.ts'
import type { ParamValue } from '#drivers/libvirt/params.ts'
import type { ListedMachine } from './found.ts'

/** The machines that run on a connection. */
export async function machinesOn(connection: Connection): Promise<ListedMachine[]> {
  const listed: ListedMachine[] = []
  for (const { uuid, name, stats } of await connection.stats(['state', 'vcpu'])) {
    const vcpus = Number(stats.get('vcpu.current') ?? 1)
    // Not every hypervisor has one, and the machine may end meanwhile.
    const scheduler = await connection.scheduler(uuid).catch(() => new Map<string, ParamValue>())
    listed.push({ uri: connection.uri, uuid, machine: name, quota: quotaOf(scheduler, vcpus) })
  }
  return listed
}

/** libvirt shows what is not limited as -1 or as more than any host has. */
const NO_QUOTA_US = 1e12

/**
 * In millicores for the whole machine, or null without one: `vcpu_quota` is for each vCPU, `global_quota` for all of it.
 *
 * Worked: 50 ms of every 100 ms for each of 2 vCPUs is 1000; with 80 ms of every 100 ms for the whole it is 800.
 */
export function quotaOf(scheduler: ReadonlyMap<string, ParamValue>, vcpus: number): number | null {
  const part = (name: string): number => {
    const [quota, period] = [Number(scheduler.get(`${name}_quota`)), Number(scheduler.get(`${name}_period`))]
    return quota > 0 && quota < NO_QUOTA_US && period > 0 ? quota / period : Number.POSITIVE_INFINITY
  }
  const least = Math.min(part('vcpu') * vcpus, part('global'))
  return Number.isFinite(least) ? least * 1000 : null
}

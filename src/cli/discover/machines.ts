import type { Connection } from '#drivers/libvirt/connection.ts'
import type { ParamValue } from '#drivers/libvirt/params.ts'
import type { ListedMachine } from './found.ts'

/** The machines and containers that run on a connection. */
export async function machinesOn(connection: Connection): Promise<ListedMachine[]> {
  const { uri, hypervisor } = connection
  const listed: ListedMachine[] = []
  for (const { uuid, name, vcpus } of await connection.domains()) {
    // One that ends meanwhile has none.
    const scheduler = hypervisor === 'QEMU' ? await connection.scheduler(uuid).catch(() => null) : null
    listed.push({ uri, uuid, machine: name, vcpuQuota: scheduler === null ? null : vcpuQuotaOf(scheduler, vcpus) })
  }
  return listed
}

/** libvirt shows what is not limited as -1 or as more than any host has. */
const NO_QUOTA_US = 1e12

/**
 * In millicores for all vCPUs together, each of which has the quota; null without one.
 *
 * Worked: 40 ms of every 100 ms for each of 2 vCPUs is 800.
 */
export function vcpuQuotaOf(scheduler: ReadonlyMap<string, ParamValue>, vcpus: number): number | null {
  const [quota, period] = [Number(scheduler.get('vcpu_quota')), Number(scheduler.get('vcpu_period'))]
  return quota > 0 && quota < NO_QUOTA_US && period > 0 ? (1000 * vcpus * quota) / period : null
}

import type { Connection } from './connection.ts'
import type { ParamValue, WrittenParam } from './params.ts'

/**
 * What all disks of a machine together may read and write, in bytes per second: QEMU limits each disk, or a group of
 * disks as if they were one.
 */
export interface DiskLimits {
  /** null for no limit. */
  readonly read: number | null
  readonly write: number | null
}

/** The group that disks are put in, inside of one QEMU. It is gone when no disk of it is limited. */
const GROUP = 'reeve'

/** null where the machine has no disks, or where somebody limits them in a way that is not one limit for all. */
export async function readDiskLimits(
  connection: Connection,
  uuid: string,
  disks: readonly string[],
): Promise<DiskLimits | null> {
  const tunes: ReadonlyMap<string, ParamValue>[] = []
  for (const disk of disks) tunes.push(await connection.diskTune(uuid, disk))
  return limitsOf(tunes)
}

/** Of the fields of `virDomainGetBlockIoTune`, disk by disk. */
export function limitsOf(tunes: readonly ReadonlyMap<string, ParamValue>[]): DiskLimits | null {
  const [first, ...others] = tunes
  if (first === undefined) return null
  // Setting a limit of one direction would take away one of both.
  if (tunes.some((tune) => Number(tune.get('total_bytes_sec') ?? 0) > 0)) return null
  const [read, write] = [first.get('read_bytes_sec'), first.get('write_bytes_sec')].map(Number) as [number, number]
  const isSame = (field: string) => others.every((tune) => tune.get(field) === first.get(field))
  if (!isSame('read_bytes_sec') || !isSame('write_bytes_sec')) return null
  const areOne = others.length === 0 || (isSame('group_name') && (first.get('group_name') ?? '') !== '')
  if (!areOne && read + write > 0) return null
  return { read: read > 0 ? read : null, write: write > 0 ? write : null }
}

/** Leaves alone what the change does not name. Limits all disks or none: where libvirt refuses one disk, those before it are as they were. @throws {LibvirtError} */
export async function setDiskLimits(
  connection: Connection,
  uuid: string,
  disks: readonly string[],
  change: Partial<DiskLimits>,
): Promise<void> {
  const found = await readDiskLimits(connection, uuid, disks)
  if (found === null) throw new Error('it has no disks, or somebody else limits them one by one')
  const to = { ...found, ...change }
  const done: string[] = []
  try {
    for (const disk of disks) {
      await connection.setDiskTune(uuid, disk, paramsOf(to, disks.length > 1))
      done.push(disk)
    }
  } catch (error) {
    for (const disk of done) await connection.setDiskTune(uuid, disk, paramsOf(found, disks.length > 1))
    throw error
  }
}

/** Both directions at once, as libvirt takes a direction that it is not told of for unlimited. */
function paramsOf({ read, write }: DiskLimits, grouped: boolean): WrittenParam[] {
  const params: WrittenParam[] = [
    ['read_bytes_sec', 'ullong', read ?? 0],
    ['write_bytes_sec', 'ullong', write ?? 0],
  ]
  if (grouped && (read ?? write) !== null) params.push(['group_name', 'string', GROUP])
  return params
}

import { type BedGuest, bedAvailable, startHost } from '#bed/host.ts'
import type { Policy } from '#core/model/policy.ts'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { composeDrivers } from '#drivers/compose.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import { domain, lastCpus } from '../conformance/cgroup-harness.ts'
import { conformance, type Harness } from '../conformance/conformance.ts'

/** The libvirt driver on real machines: the suite that every driver passes. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`

/** Requests under way in each machine, so that it never waits for the next, and so large that asking costs little. */
const UNDER_WAY = 6
const UNITS = 2000

async function machinesHarness(): Promise<Harness> {
  const host = await startHost('conformance')
  const groups = await createCgroupDriver({ outputDir: '/nonexistent' })
  const machines = createLibvirtDriver({ groups, uris: [host.uri] })
  const driver = composeDrivers([machines, groups])
  const done = new Map<string, number>()
  const path = (name: string, id: number) => `${host.cgroup}/machine/qemu-${id}-${name}.libvirt-qemu`
  const ids = new Map<string, number>()

  async function keepBusy(guest: BedGuest): Promise<void> {
    for (;;) {
      await guest.work(UNITS)
      done.set(guest.name, (done.get(guest.name) ?? 0) + 1)
    }
  }

  return {
    driver,
    kind: machines.kind,
    async start() {
      for (const name of ['left', 'right']) {
        const guest = await host.start({ name })
        ids.set(name, Number(await host.virsh('domid', name)))
        // Ends when the machine or its channel does.
        for (let i = 0; i < UNDER_WAY; i++) keepBusy(guest).catch(() => {})
      }
      const domains = ['left', 'right'].map((name) => domain(name, { kind: 'name' }, { driver: 'libvirt' }))
      const prepared = await driver.prepare({
        domains,
        metrics: [],
        host: { libvirt: [host.uri] },
      } as unknown as Policy)
      const failed = prepared.filter((one) => one.status !== 'running')
      if (failed.length > 0) throw new Error(JSON.stringify(failed))
    },
    work: (name) => done.get(name) ?? 0,
    // Its other threads may not have run for long, and stay where they were.
    cpus: (name) => lastCpus(groups.layout, `${path(name, ids.get(name) as number)}/vcpu0`),
    async destroy(name) {
      await host.virsh('destroy', name)
    },
    async close() {
      await driver.close()
      await host.stop()
    },
  }
}

conformance('libvirt', machinesHarness, skip)

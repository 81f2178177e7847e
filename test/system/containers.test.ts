import { type BedContainer, CONTAINER_PROGRAMS } from '#bed/container.ts'
import { bedAvailable, startHost } from '#bed/host.ts'
import type { Policy } from '#core/model/policy.ts'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { composeDrivers } from '#drivers/compose.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import { BUSY, domain, EATER, lastCpus } from '../conformance/cgroup-harness.ts'
import { conformance, type Harness } from '../conformance/conformance.ts'

/** The libvirt driver on real containers of LXC: the suite that every driver passes. */

const bed = bedAvailable(CONTAINER_PROGRAMS)
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`

/** Threads of the keeper that libvirt puts beside each container. */
const OF_LIBVIRT = /^(libvirt_lxc|lxc-fuse)$/

async function containersHarness(): Promise<Harness> {
  const host = await startHost('containers')
  const uri = host.containersUri
  const groups = await createCgroupDriver({ outputDir: '/nonexistent' })
  const containers = createLibvirtDriver({ groups, uris: [uri] })
  const driver = composeDrivers([containers, groups])
  const started = new Map<string, BedContainer>()
  const nodes = new Map<string, string>()

  return {
    driver,
    kind: containers.kind,
    async start() {
      for (const [name, script] of [
        ['left', BUSY],
        ['right', BUSY],
        ['eater', EATER],
      ] as const) {
        started.set(name, await host.startContainer({ name, script }))
      }
      const domains = [...started.keys()].map((name) => domain(name, { kind: 'name' }, { driver: 'libvirt' }))
      const policy = { domains, metrics: [], host: { mode: 'manage', libvirt: [uri] } } as unknown as Policy
      const failed = (await driver.prepare(policy)).filter((one) => one.status !== 'running')
      if (failed.length > 0) throw new Error(JSON.stringify(failed))
      for (const { name, node } of (await driver.observe(true)).domains) nodes.set(name, node)
    },
    work: (name) => started.get(name)?.printed() ?? 0,
    cpus: (name) => lastCpus(groups.layout, nodes.get(name) as string, OF_LIBVIRT),
    async destroy(name) {
      await host.virsh('-c', uri, 'destroy', name)
    },
    async close() {
      await driver.close()
      await host.stop()
    },
  }
}

conformance('libvirt containers', containersHarness, skip)

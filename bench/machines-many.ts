/**
 * `machines-many.ts COUNT`: what a daemon of its own costs over COUNT machines of the driver that libvirt brings along
 * for tests, which answers little more than their state. Prints the CPU of a turn, slow looks included.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCgroupDriver } from '#drivers/cgroup/driver.ts'
import { createLibvirtDriver } from '#drivers/libvirt/driver.ts'
import type { Driver } from '#ports.ts'
import { startMeasured } from './measured-daemon.ts'

/** A daemon runs for months, its first minute is not the rule. */
const WARM_UP = 60
/** Rounds of so many turns, in which the slow look comes once. */
const TURNS = 10
const ROUNDS = 6

export interface ManyFigures {
  /** Of a turn, the mean of each round. */
  readonly cpuMs: readonly number[]
}

async function main(count: number): Promise<ManyFigures> {
  const dir = mkdtempSync(join(tmpdir(), 'reeve-bench-'))
  const file = join(dir, 'node.xml')
  writeFileSync(file, `<node>${Array.from({ length: count }, (_, i) => domainXml(`vm-${i}`)).join('\n')}</node>`)
  const uri = `test://${file}`
  const groups = await createCgroupDriver({ outputDir: dir })
  const drivers: readonly Driver[] = [createLibvirtDriver({ groups, uris: [uri] }), groups]
  const daemon = await startMeasured(policyText(uri), drivers)
  try {
    const warmUp = await daemon.turns(WARM_UP)
    const seen = warmUp.at(-1)?.summary.observation.domains.length
    if (seen !== count) throw new Error(`of ${count} machines on ${uri}, ${seen} are seen`)
    const cpuMs: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const turns = await daemon.turns(TURNS)
      cpuMs.push(turns.reduce((sum, turn) => sum + turn.cpuMs, 0) / TURNS)
    }
    return { cpuMs: cpuMs.toSorted((one, other) => one - other) }
  } finally {
    await daemon.stop()
    for (const driver of drivers) await driver.close()
    rmSync(dir, { recursive: true })
  }
}

const domainXml = (name: string) =>
  `<domain type='test'><name>${name}</name><memory>131072</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>`

const policyText = (uri: string) => `
apiVersion: reeve/v1
host: { mode: manage, interval: 1s, libvirt: ["${uri}"] }
domains:
  vm-*: { driver: libvirt }
goals:
  - { domain: vm-*, kind: utilization, target: 75%, priority: 1 }
`

process.stdout.write(`${JSON.stringify(await main(Number(process.argv[2])))}\n`)

import { createSimulator } from '#drivers/simulator/simulator.ts'
import { domain, policyOf } from './cgroup-harness.ts'
import { conformance, type Harness } from './conformance.ts'

const MIB = 1024 * 1024
const STEP_MS = 5

/** The suite waits in real time, so simulated time keeps pace with it. */
async function simulatorHarness(): Promise<Harness> {
  const load = { kind: 'batch', threads: 1 } as const
  const sim = createSimulator({
    cpus: 2,
    seed: 1,
    domains: [
      { name: 'left', load },
      { name: 'right', load },
      { name: 'eater', load, memory: 100 * MIB },
    ],
  })
  const { driver, clock } = sim
  const nowMs = () => clock.now([]).monotonicMs
  const beganMs = performance.now()
  const keepPace = setInterval(() => sim.advance(performance.now() - beganMs - nowMs()), STEP_MS)
  return {
    driver,
    kind: driver.kind,
    async start() {
      const domains = ['left', 'right', 'eater'].map((name) => domain(name, { kind: 'name' }, { driver: 'simulator' }))
      await driver.prepare(policyOf(...domains))
    },
    work: (name) => sim.workOf(name),
    cpus: (name) => sim.cpusOf(name),
    async destroy(name) {
      sim.plant({ kind: 'vanish', domain: name, atMs: nowMs() })
      sim.advance(2 * STEP_MS)
    },
    async close() {
      clearInterval(keepPace)
    },
  }
}

conformance('simulator', simulatorHarness, false)

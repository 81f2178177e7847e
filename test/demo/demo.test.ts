import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bedAvailable } from '#bed/host.ts'
import { DEMO_ROOT } from '#demo/real-stage.ts'
import type { DemoReport } from '#demo/report.ts'
import { whyNotReal } from '#demo/why-not-real.ts'
import { dirOf, findLayout } from '#drivers/cgroup/layout.ts'

/**
 * The demo as a user starts it. Directions only: what the figures should be is for `npm run bench demo` on a quiet
 * machine; here whoever else runs on this host takes CPU from everybody.
 */
const REEVE = fileURLToPath(new URL('../../bin/reeve', import.meta.url))
const reason = whyNotReal()
const bed = bedAvailable()
const isRequired = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = reason !== null && !isRequired ? `the real demo: ${reason}` : false

let started: ChildProcess[] = []
// A demo that does not end by itself fails its test, and keeps no other waiting.
afterEach(() => {
  for (const child of started) child.kill('SIGKILL')
  started = []
})

function start(...args: readonly string[]): { readonly child: ChildProcess; readonly output: () => string } {
  const child = spawn(REEVE, ['demo', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(child)
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return { child, output: () => text }
}

async function report(...args: readonly string[]): Promise<DemoReport> {
  const { child, output } = start('--json', ...args)
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 0)
  return JSON.parse(output()) as DemoReport
}

/** Processes in groups of the demo, by membership. */
function survivors(): number[] {
  const layout = findLayout(DEMO_ROOT)
  const dir = layout === null ? null : dirOf(layout, 'cpu', layout.rootPath)
  if (dir === null || !existsSync(dir)) return []
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) =>
      readFileSync(`${dir}/${entry.name}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number),
    )
}

describe('reeve demo', { skip }, () => {
  it('plays on real control groups where they can be written, and serves priority 1 better than the kernel alone', {
    timeout: 300_000,
  }, async () => {
    assert.equal(reason, null, 'control groups cannot be written here, and REEVE_REQUIRE_SYSTEM=1 wants them')
    const { driver, goals, batch } = await report('--seconds', '60')
    assert.equal(driver, 'cgroup', 'the demo fell back to the simulator although control groups can be written')
    const [shop, api] = goals
    assert.equal(shop?.priority, 1)
    assert.ok(
      (shop?.attainment['managed'] ?? 0) > (shop?.attainment['unmanaged'] ?? 1),
      `shop: ${JSON.stringify(shop)}`,
    )
    assert.ok((shop?.attainment['unmanaged'] ?? 1) < 0.5, `unmanaged the goal must be missed: ${JSON.stringify(shop)}`)
    assert.ok(Number.isFinite(api?.attainment['crossed']), `api: ${JSON.stringify(api)}`)
    assert.ok((batch.workPerSecond['managed'] ?? 0) > 0)
    assert.deepEqual(survivors(), [])
  })

  it('plays on real machines, too, and leaves none of them', {
    timeout: 300_000,
    skip: bed.available || isRequired ? false : bed.reason,
  }, async () => {
    const { driver, goals } = await report('--vms', '--seconds', '70')
    assert.equal(driver, 'libvirt')
    const [shop] = goals
    assert.ok(
      (shop?.attainment['managed'] ?? 0) > (shop?.attainment['unmanaged'] ?? 1),
      `shop: ${JSON.stringify(shop)}`,
    )
    assert.deepEqual(survivors(), [])
    assert.deepEqual(
      readdirSync('/run').filter((name) => name.startsWith('reeve-bed-demo')),
      [],
    )
  })

  it('leaves nothing behind after kill -9', { timeout: 120_000 }, async () => {
    const { child, output } = start('--seconds', '60')
    while (!output().includes('Act one')) await pause(100)
    assert.ok(survivors().length >= 4, 'the processes of the demo are in its groups')
    const pids = survivors()
    child.kill('SIGKILL')
    // They end by themselves, because the link to the demo is gone; the next start sweeps the groups.
    for (let tries = 0; tries < 100 && pids.some((pid) => existsSync(`/proc/${pid}`)); tries++) await pause(100)
    assert.deepEqual(
      pids.filter((pid) => existsSync(`/proc/${pid}`)),
      [],
    )
    const next = start('--seconds', '60')
    while (!next.output().includes('Act one')) await pause(100)
    next.child.kill('SIGINT')
    await once(next.child, 'close')
    assert.deepEqual(survivors(), [])
  })
})

describe('reeve demo on a simulated host', () => {
  it('says so in its first line, and meets the goals by the same code', { timeout: 120_000 }, async () => {
    const { driver, goals } = await report('--seconds', '90', '--simulate')
    assert.equal(driver, 'simulator')
    for (const { attainment, domain } of goals) {
      assert.ok(
        (attainment['managed'] ?? 0) > (attainment['unmanaged'] ?? 1),
        `${domain}: ${JSON.stringify(attainment)}`,
      )
    }
    const { child, output } = start('--seconds', '50', '--simulate')
    await once(child, 'close')
    assert.match(output().split('\n')[0] as string, /SIMULATED/)
  })

  it('refuses a time too short for three acts', async () => {
    const { child } = start('--seconds', '5')
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 2)
  })
})

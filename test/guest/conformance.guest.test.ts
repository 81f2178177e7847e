/**
 * cgroup v2 is proven on a real kernel: where this machine has none with all controllers, a guest has. The conformance
 * tests themselves are those of test/conformance, unchanged; they find out for themselves what they run on.
 */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { guestAvailable, runInGuest } from './guest.ts'

const checkout = join(import.meta.dirname, '..', '..')
const guest = guestAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = guest.available || required ? false : `no test guest: ${guest.reason}; ${guest.remedy}`

test('the cgroup driver on cgroup v2, in a guest', { skip }, async (t) => {
  assert.ok(guest.available, guest.available ? '' : `no test guest: ${guest.reason}; ${guest.remedy}`)

  await t.test('the guest is emulated and has cgroup v2 with cpu, cpuset, memory, io and pids', async (t) => {
    await passesInGuest(t, ['node', 'test/guest/probe.ts'], 90)
  })

  const suites = globSync('test/conformance/*.test.ts', { cwd: checkout }).sort()
  await t.test('the conformance tests pass there', { skip: suites.length === 0 && 'none are written' }, async (t) => {
    await passesInGuest(t, ['node', '--test', '--test-concurrency=1', '--test-reporter=spec', ...suites], 300)
  })
})

async function passesInGuest(
  t: { diagnostic: (message: string) => void },
  command: readonly string[],
  timeoutSeconds: number,
): Promise<void> {
  const { exitCode, output, seconds } = await runInGuest({ command, timeoutSeconds })
  assert.equal(exitCode, 0, `${command.join(' ')} ended with ${exitCode} in the guest:\n${output}`)
  t.diagnostic(`${seconds.toFixed(1)} s in the guest`)
}

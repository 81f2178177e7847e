import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bedAvailable } from '#bed/host.ts'

/** The command that brings a test bed up for a person. */

const bed = bedAvailable()
const required = process.env['REEVE_REQUIRE_SYSTEM'] === '1'
const skip = bed.available || required ? false : `no test bed: ${bed.reason}; ${bed.remedy}`
const COMMAND = fileURLToPath(new URL('../../scripts/bed', import.meta.url))

test('scripts/bed refuses a number of guests that is none', () => {
  for (const given of ['0', '17', 'many', '1.5']) {
    const { status, stderr } = spawnSync(COMMAND, ['--guests', given], { encoding: 'utf8' })
    assert.equal(status, 2)
    assert.equal(stderr, `--guests ${given}: it is a whole number from 1 to 16\n`)
  }
})

describe('scripts/bed', { skip, timeout: 120_000 }, () => {
  for (const { how, end } of [
    { how: 'Ctrl-C', end: (child: ReturnType<typeof start>) => child.kill('SIGINT') },
    { how: 'the end of its input', end: (child: ReturnType<typeof start>) => child.stdin.end() },
  ]) {
    test(`brings loaded guests up, and takes them down at ${how}`, async (t) => {
      const child = start('--guests', '2')
      t.after(() => child.kill('SIGKILL'))
      let said = ''
      for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
        said += text
        if (said.includes('takes all down.')) break
      }
      const uri = /virsh -c '(.*)' list/.exec(said)?.[1] as string
      const socket = /socket=(.*)/.exec(uri)?.[1] as string
      const virsh = (...args: string[]) => execFileSync('virsh', ['-q', '-c', uri, ...args], { encoding: 'utf8' })
      assert.deepEqual(virsh('list', '--name').split(/\s+/).filter(Boolean), ['guest-1', 'guest-2'])
      const cpuSeconds = (name: string) =>
        Number(/cpu.time=(\d+)/.exec(virsh('domstats', '--cpu-total', name))?.[1]) / 1e9
      const before = ['guest-1', 'guest-2'].map(cpuSeconds)
      await pause(4000)
      const [busy = 0, lessBusy = 0] = ['guest-1', 'guest-2'].map((name, i) => cpuSeconds(name) - (before[i] as number))
      assert.ok(busy > 1, `guest-1 wants all of a CPU and used ${busy} s in 4 s`)
      assert.ok(lessBusy > 0.2 && lessBusy < busy, `guest-2 wants 0.4 of a CPU and used ${lessBusy} s in 4 s`)
      const ended = once(child, 'exit')
      end(child)
      assert.deepEqual(await ended, [0, null])
      assert.deepEqual(globSync(socket), [])
      assert.deepEqual(globSync(`/sys/fs/cgroup/{,*/}${/reeve-bed-[^/]*/.exec(socket)?.[0]}`), [])
    })
  }

  const start = (...args: string[]) => spawn(COMMAND, args, { stdio: ['pipe', 'pipe', 'inherit'] })
})

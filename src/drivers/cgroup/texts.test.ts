import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Setting } from '#core/model/observation.ts'
import { parseCpuList } from '#lib/cpu-list.ts'
import { sameCpus } from './cpu-list.ts'
import { fieldOf } from './kept-file.ts'
import { type KnobFamily, knobFiles } from './knobs.ts'
import { dirOf, type Layout, parseMounts, parseOwnPaths } from './layout.ts'
import { isUsableName } from './match.ts'
import { sumOfInterfaces } from './packets.ts'
import { findUser } from './users.ts'

/** The kernel's texts, read and written: no group is needed for these. */

const tree = (mount: string, home: string) => ({ mount, home })
const layoutOf = (version: 1 | 2): Layout => {
  const base = tree('/cg/cpu', '')
  const trees = { cpu: base, memory: tree('/cg/memory', '/box') }
  return { version, base, trees, all: [base], rootPath: '/reeve', counting: null }
}

const knobs: readonly [1 | 2, KnobFamily, string, readonly string[], Setting, readonly string[]][] = [
  [1, 'cpu.weight', '', ['1024\n'], 1024, ['1024']],
  [1, 'cpu.quota', '', ['-1\n', '100000\n'], null, ['-1']],
  [1, 'cpu.quota', '', ['25000\n', '50000\n'], 500, ['25000']],
  [2, 'cpu.quota', '', ['max 100000\n'], null, ['max']],
  [2, 'cpu.quota', '', ['57000 100000\n'], 570, ['57000 100000']],
  [1, 'memory.limit', '', ['9223372036854771712\n'], null, ['-1']],
  [2, 'memory.limit', '', ['max\n'], null, ['max']],
  [2, 'memory.soft', '', ['1048576\n'], 1_048_576, ['1048576']],
  [2, 'cpu.set', '', ['\n'], '', ['\n']],
  [2, 'io.weight', '', ['default 250\n'], 250, ['250']],
  [1, 'io.read.limit', '8:0', ['8:16 5\n8:0 4096\n'], 4096, ['8:0 4096']],
  [1, 'io.read.limit', '8:0', ['8:16 5\n'], null, ['8:0 0']],
  [2, 'io.write.limit', '8:0', ['8:0 rbps=max wbps=9 riops=max wiops=max\n'], 9, ['8:0 wbps=9']],
  [2, 'io.read.limit', '8:0', ['8:0 rbps=max wbps=9 riops=max wiops=max\n'], null, ['8:0 rbps=max']],
  [1, 'freeze', '', ['FREEZING\n'], 1, ['FROZEN']],
  [2, 'freeze', '', ['0\n'], 0, ['0']],
]
for (const [version, family, device, texts, value, written] of knobs) {
  test(`version ${version} ${family}: ${JSON.stringify(texts)} is ${value}, and is written back`, () => {
    const spec = knobFiles(layoutOf(version), family)
    assert.equal(spec.decode(texts, device), value)
    const writes = spec.encode(value, () => texts, device)
    assert.deepEqual(
      writes.map((write) => write.text),
      written,
    )
  })
}

test('a period too short for a small quota is made 100 ms, and the least quota is 10 millicores', () => {
  const spec = knobFiles(layoutOf(1), 'cpu.quota')
  const texts = (value: number) => spec.encode(value, () => ['-1', '5000'], '').map((write) => write.text)
  assert.deepEqual(texts(200), ['1000'])
  assert.deepEqual(texts(100), ['100000', '10000'])
  assert.deepEqual(texts(3), ['100000', '1000'])
})

test('mounts and own paths', () => {
  const [mount] = parseMounts('32 31 0:29 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu,cpuacct\nnonsense\n')
  assert.deepEqual(mount, { version: 1, root: '/', point: '/sys/fs/cgroup/cpu', options: ['rw', 'cpu', 'cpuacct'] })
  const own = parseOwnPaths('4:cpu,cpuacct:/a\n1:name=systemd:/s\n0::/b:c\n')
  assert.deepEqual([own.get('cpu'), own.get('cpuacct'), own.get('')], ['/a', '/a', '/b:c'])
})

test('own groups lie under each home, those of others at one path', () => {
  assert.equal(dirOf(layoutOf(1), 'memory', '/reeve/shop'), '/cg/memory/box/reeve/shop')
  assert.equal(dirOf(layoutOf(1), 'memory', '/reeves/shop'), '/cg/memory/reeves/shop')
  assert.equal(dirOf(layoutOf(1), 'io', '/reeve/shop'), null)
})

test('CPU lists', () => {
  assert.deepEqual(parseCpuList('0-2,5\n'), [0, 1, 2, 5])
  assert.deepEqual(parseCpuList('\n'), [])
  assert.ok(sameCpus('0-1,3', '3,1,0') && !sameCpus('0-1', '0'))
})

test('fields are found by their whole name', () => {
  const text = 'total_inactive_file 7\ninactive_file 5\nlast 3'
  assert.deepEqual(
    ['inactive_file', 'total_inactive_file', 'last', 'file'].map((name) => fieldOf(text, name)),
    [5, 7, 3, null],
  )
})

test('interfaces are summed without loopback', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     999      9    0    0    0     0          0         0      999       9    0    0    0     0       0          0
  eth0:     100      2    0    0    0     0          0         0       50       1    0    0    0     0       0          0
  eth1:10 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0
`
  assert.deepEqual(sumOfInterfaces(text), { rxBytes: 110, rxPackets: 3, txBytes: 70, txPackets: 3 })
})

test('users by name or number', () => {
  const passwd = 'root:x:0:0::/root:/bin/sh\nshop:x:1001:1002::/srv/shop:/bin/false\n'
  assert.deepEqual(findUser('shop', passwd), { name: 'shop', uid: 1001, gid: 1002, home: '/srv/shop' })
  assert.equal(findUser('1001', passwd)?.name, 'shop')
  assert.equal(findUser('sho', passwd), null)
})

test('names that could leave the directory are refused', () => {
  for (const name of ['..', 'a/b', '', '.hidden', 'cgroup.procs', 'two words']) assert.ok(!isUsableName(name), name)
  for (const name of ['shop', 'web-1', 'a.b@c']) assert.ok(isUsableName(name), name)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describe, versionText } from './description.ts'

const machine = (type: string, metadata: string, balloon: string) => `<domain type='${type}' id='1'>
  <name>shop</name>
  ${metadata}
  <devices>
    ${balloon}
  </devices>
</domain>
`
const ASKED = `<memballoon model='virtio'>
      <stats period='10'/>
      <alias name='balloon0'/>
    </memballoon>`
const NONE = "<memballoon model='none'/>"

test('how a machine is run, and whether its balloon asks for statistics', () => {
  assert.deepEqual(describe(machine('kvm', '', ASKED)), { type: 'kvm', statsSeconds: 10, hasBalloon: true })
  const silent = { type: 'qemu', statsSeconds: null, hasBalloon: true }
  assert.deepEqual(describe(machine('qemu', '', ASKED.replace('10', '0'))), silent)
  assert.deepEqual(describe(machine('qemu', '', NONE)), { ...silent, hasBalloon: false })
  assert.deepEqual(describe('rubbish'), { type: 'unknown', statsSeconds: null, hasBalloon: false })
})

test('what others keep in its metadata is not taken for libvirt', () => {
  const inner = `<a:x xmlns:a="a"><domain type='kvm'/></metadata>${ASKED}<metadata></a:x>`
  const xml = machine('qemu', `<metadata>${inner}</metadata>`, NONE)
  assert.deepEqual(describe(xml), { type: 'qemu', statsSeconds: null, hasBalloon: false })
})

test('versions as people write them', () => {
  assert.deepEqual([9_000_000, 7_002_022, 10_010_001].map(versionText), ['9.0.0', '7.2.22', '10.10.1'])
})

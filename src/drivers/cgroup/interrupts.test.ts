import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { interruptRates, kindsOfPci, parseInterrupts, ratesBetween } from './interrupts.ts'

const TEXT = `           CPU0       CPU2
 24:          1          0  IO-APIC   5-edge      ACPI:Ged
 36:          3    3372311 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0
 39:      39511          0 PCI-MSIX-0000:00:03.0   2-edge      virtio2-output.0
 40:         10         20 PCI-MSIX-0000:00:04.0   1-edge      virtio3-rx
 51:          7          8 IR-PCI-MSI 2621440-edge      uplink-TxRx-0
 52:          0          5 PCI-MSI 524288-edge      enp3s0 of a graphics card
 53:          0          6 IO-APIC  14-edge      eth0
 60:        100          0 PCI-MSIX-0000:05:00.0   7-edge      nvme0q7
 61:          0        200 PCI-MSI 512000-edge      ahci[0000:00:1f.2]
 16:          0        300 IR-IO-APIC   16-fasteoi   ens3, ehci_hcd:usb1
NMI:          0          0   Non-maskable interrupts
LOC:   23724709   22834230   Local timer interrupts
EXT:          9          9   eth0 of no number
ERR:          0
`
const TYPES: Readonly<Record<string, number>> = { virtio1: 2, virtio2: 1, virtio3: 19 }
const PCI = new Map([
  [51, 'network'],
  [52, null],
] as const)
const counted = parseInterrupts(TEXT, PCI, (device) => TYPES[device] ?? null)

describe('interrupts', () => {
  it('are told into network and disk by what their devices are for, or else by name, those of other devices left out', () =>
    assert.deepEqual(
      [...counted],
      [
        [0, { network: 39511 + 7, disk: 3 + 100 }],
        [2, { network: 8 + 6 + 300, disk: 3372311 + 200 }],
      ],
    ))

  it('of PCI devices are known by number, shared lines left out', () => {
    const root = mkdtempSync(join(tmpdir(), 'reeve-interrupts-'))
    try {
      for (const [device, code, numbers] of [
        ['0000:00:02.0', '0x010802', ['35', '36']],
        ['0000:00:03.0', '0x020000', ['37']],
        ['0000:00:04.0', '0x030000', ['40']],
        ['0000:00:1f.2', '0x010601', []],
      ] as const) {
        mkdirSync(join(root, device, 'msi_irqs'), { recursive: true })
        writeFileSync(join(root, device, 'class'), `${code}\n`)
        for (const number of numbers) writeFileSync(join(root, device, 'msi_irqs', number), 'msix\n')
      }
      assert.deepEqual(
        [...kindsOfPci(root)].toSorted(([one], [other]) => one - other),
        [
          [35, 'disk'],
          [36, 'disk'],
          [37, 'network'],
          [40, null],
        ],
      )
    } finally {
      rmSync(root, { recursive: true })
    }
  })

  it('are read again after 10 s, or later where a reading takes long, of which the first is none', () => {
    let clockMs = 0
    let readings = 0
    const rates = interruptRates(
      () => {
        readings += 1
        clockMs += readings === 1 ? 50 : 2
        return new Map([[0, { network: readings * 1000, disk: 0 }]])
      },
      () => clockMs,
    )
    const networkAt = (nowMs: number) => rates(nowMs).get(0)?.network
    assert.equal(networkAt(0), undefined)
    assert.equal(networkAt(9_999), undefined)
    assert.equal(networkAt(10_000), 100)
    assert.equal(networkAt(29_999), 100)
    assert.equal(networkAt(30_000), 50)
    assert.equal(readings, 3)
  })

  it('have a rate between two readings, never below 0, and none on a CPU that was not there', () => {
    const one = (network: number, disk: number) => ({ network, disk })
    const before = new Map([[0, one(100, 500)]])
    const now = new Map([
      [0, one(2105, 20)],
      [1, one(5, 5)],
    ])
    assert.deepEqual([...ratesBetween(before, now, 10_000)], [[0, one(201, 0)]])
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limitsOf } from './disk-limits.ts'

const disk = (read: number, write: number, group = '', total = 0) =>
  new Map<string, string | number>([
    ['read_bytes_sec', read],
    ['write_bytes_sec', write],
    ['total_bytes_sec', total],
    ['group_name', group],
  ])
const untold = (read: number) => new Map([...disk(read, 0)].filter(([field]) => field !== 'group_name'))

const CASES = [
  { what: 'no disk has no limit to set', disks: [], limits: null },
  { what: 'nothing is limited', disks: [disk(0, 0), disk(0, 0)], limits: { read: null, write: null } },
  { what: 'one disk is the machine', disks: [disk(5, 0)], limits: { read: 5, write: null } },
  { what: 'a group of disks is one', disks: [disk(5, 7, 'g'), disk(5, 7, 'g')], limits: { read: 5, write: 7 } },
  { what: 'the same for each is twice as much for both', disks: [disk(5, 0), disk(5, 0)], limits: null },
  { what: 'nor are those of which no group is told', disks: [untold(5), untold(5)], limits: null },
  { what: 'one of two is limited', disks: [disk(5, 0, 'g'), disk(0, 0)], limits: null },
  { what: 'both directions together are', disks: [disk(0, 0, '', 5)], limits: null },
]

for (const { what, disks, limits } of CASES) test(what, () => assert.deepEqual(limitsOf(disks), limits))

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cgroupHarness } from './cgroup-harness.ts'
import { conformance } from './conformance.ts'
import { reasonToSkip } from './requirements.ts'

const ROOT = 'reeve-conformance'

conformance('cgroup', () => cgroupHarness(ROOT, mkdtempSync(join(tmpdir(), `${ROOT}-`))), await reasonToSkip(ROOT))

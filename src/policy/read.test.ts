import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readPolicyFile, UntrustedPolicyFile } from './read.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reeve-policy-'))
})
after(() => rm(folder, { recursive: true }))

async function file(name: string, mode: number): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, 'apiVersion: reeve/v1\n')
  await chmod(path, mode)
  return path
}

function refusedWith(pattern: RegExp): (error: Error) => boolean {
  return (error) => {
    assert.ok(error instanceof UntrustedPolicyFile)
    assert.match(error.message, pattern)
    return true
  }
}

test('a file that only its owner can write is read', async () => {
  assert.deepEqual(await readPolicyFile(await file('good', 0o644)), { text: 'apiVersion: reeve/v1\n' })
})

for (const mode of [0o664, 0o646, 0o666])
  test(`a file of mode ${mode.toString(8)} is refused`, async () => {
    const path = await file(`mode-${mode}`, mode)
    await assert.rejects(readPolicyFile(path), refusedWith(new RegExp(`written by others.*0${mode.toString(8)}.*go-w`)))
  })

const isRoot = process.geteuid?.() === 0
test('a file of another user is refused', { skip: isRoot ? false : 'only root can give files away' }, async () => {
  const path = await file('given', 0o644)
  await chown(path, 65534, 65534)
  await assert.rejects(readPolicyFile(path), refusedWith(/belongs to user 65534/))
})

test('what is not a file is refused, and a pipe does not keep anybody waiting', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', ['-m', '600', pipe])
  await assert.rejects(readPolicyFile(pipe), refusedWith(/not a regular file/))
  await assert.rejects(readPolicyFile(folder), refusedWith(/not a regular file/))
})

test('a file too large to be a policy is refused', async () => {
  const path = await file('large', 0o600)
  await truncate(path, 2 ** 21)
  await assert.rejects(readPolicyFile(path), refusedWith(/at most/))
})

test("a file that is not there is the system's error", async () => {
  await assert.rejects(readPolicyFile(join(folder, 'absent')), { code: 'ENOENT' })
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const PROGRAM = `
  import { spawn, spawnSync } from 'node:child_process'
  import { readFileSync } from 'node:fs'
  import { makeRealTime, openScheduling, startPromptly } from '${new URL('./scheduling.ts', import.meta.url)}'
  const policyOf = (pid) => Number(readFileSync('/proc/' + pid + '/stat', 'latin1').split(') ')[1].split(' ')[38])
  await openScheduling()
  makeRealTime(0)
  let inherited = null
  const child = startPromptly(() => {
    // What is started here has the standing of this process, as it would have if it took long to begin.
    inherited = Number(spawnSync('cut', ['-d ', '-f41', '/proc/self/stat'], { encoding: 'utf8' }).stdout)
    return spawn('sleep', ['60'])
  })
  const later = spawn('sleep', ['60'])
  console.log(JSON.stringify([policyOf(process.pid), inherited, policyOf(child.pid), policyOf(later.pid)]))
  for (const its of [child, later]) its.kill('SIGKILL')
`

const skip = process.geteuid?.() === 0 ? false : 'a real-time standing takes root'
it('a process begins with the standing of this one, and goes on with an ordinary one', { skip }, async () => {
  const args = [...process.execArgv.filter((its) => its.startsWith('--disable')), '--input-type=module', '-e', PROGRAM]
  const cwd = fileURLToPath(new URL('.', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd })
  assert.deepEqual(JSON.parse(stdout), [2, 2, 0, 0])
})

/**
 * Run inside the guest: shows that it is what the conformance tests take it for, an emulated machine with cgroup v2,
 * by holding a busy process to 20 % of a CPU and reading back what it used. Prints what it found; exits 1 otherwise.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const CGROUPS = '/sys/fs/cgroup'
const ASKED_SHARE = 0.2

const read = (path: string): string => readFileSync(path, 'utf8').trim()

function checkMachine(): void {
  assert.match(read('/proc/cpuinfo'), /model name\s*: QEMU Virtual CPU/, 'the CPU is QEMU’s')
  // A guest under KVM would be offered KVM's clock.
  const clocks = read('/sys/devices/system/clocksource/clocksource0/available_clocksource')
  assert.doesNotMatch(clocks, /kvm-clock/, 'the CPU is emulated')
  console.log(`kernel ${read('/proc/sys/kernel/osrelease')}, clocks ${clocks}`)
}

function checkControllers(): void {
  const enabled = read(`${CGROUPS}/cgroup.subtree_control`).split(' ')
  for (const controller of ['cpu', 'cpuset', 'memory', 'io', 'pids']) {
    assert.ok(enabled.includes(controller), `${controller} is enabled, found ${enabled.join(' ')}`)
  }
}

async function checkQuota(): Promise<void> {
  const group = `${CGROUPS}/probe`
  mkdirSync(group)
  const busy = spawn('/bin/sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' })
  const ended = new Promise((resolve) => busy.once('exit', resolve))
  try {
    writeFileSync(`${group}/cpu.max`, `${ASKED_SHARE * 100_000} 100000`)
    writeFileSync(`${group}/cgroup.procs`, `${busy.pid}`)
    const before = cpuStat(group)
    const startedMs = performance.now()
    await sleep(2_000)
    const after = cpuStat(group)
    const elapsedUs = (performance.now() - startedMs) * 1_000
    const share = (after.usageUs - before.usageUs) / elapsedUs
    console.log(`share ${share.toFixed(3)} of a CPU, throttled ${after.throttled - before.throttled} times`)
    assert.ok(share > ASKED_SHARE / 2 && share < ASKED_SHARE * 1.5, `asked for ${ASKED_SHARE}, used ${share}`)
    assert.ok(after.throttled > before.throttled, 'the quota has held the process back')
    console.log(`a child group has ${readdirSync(group).sort().join(' ')}`)
  } finally {
    busy.kill('SIGKILL')
    await ended
    rmdirSync(group)
  }
}

function cpuStat(group: string): { usageUs: number; throttled: number } {
  const fields = new Map(
    read(`${group}/cpu.stat`)
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  )
  return { usageUs: Number(fields.get('usage_usec')), throttled: Number(fields.get('nr_throttled')) }
}

assert.ok(existsSync(`${CGROUPS}/cgroup.controllers`), 'cgroup v2 is mounted')
checkMachine()
checkControllers()
await checkQuota()

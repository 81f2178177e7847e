import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { NodeId } from '#core/model/ids.ts'
import { startFake, TWO_DOMAINS, turnWhere } from '#daemon/fake-host.fixture.ts'
import { temporaryDir } from '#lib/temporary-dir.fixture.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs the command line in a process of its own, as the launcher does. */
function reeve(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

type Test = Parameters<typeof temporaryDir>[0] & Parameters<typeof startFake>[0]

/** A daemon that has made its first changes, and the options that find it. */
async function withDaemon(t: Test) {
  const dir = temporaryDir(t)
  const policyFile = join(dir, 'policy.yaml')
  writeFileSync(policyFile, TWO_DOMAINS)
  chmodSync(policyFile, 0o644)
  const running = await startFake(t, { dir, policyFile })
  await turnWhere(running.daemon, ({ outcomes }) => outcomes.length > 0)
  return { ...running, policyFile, where: ['--socket', running.daemon.socketPath, '--state', join(dir, 'state')] }
}

describe('exit codes', () => {
  const nowhere = ['--socket', '/nonexistent/control.sock', '--state', '/nonexistent/state']
  for (const [args, code, says] of [
    [[], 2, /Usage: reeve/],
    [['--help'], 0, /Usage: reeve/],
    [['--version'], 0, /^\d+\.\d+\.\d+$/m],
    [['nonsense'], 2, /unknown command/],
    [['status', '--nonsense'], 2, /unknown option/],
    [['up'], 2, /required option/],
    [['up', '-c', '/nonexistent/policy.yaml'], 78, /cannot read the policy \/nonexistent\/policy.yaml: ENOENT/],
    [['plan', '-c', '/nonexistent/policy.yaml'], 78, /cannot read the policy/],
    [['check', '/nonexistent/policy.yaml'], 78, /cannot read the policy/],
    [['history', '-n', '0'], 2, /--count wants a whole number from 1 to 1000, not '0'/],
    [['history', '--grades', '--all'], 2, /--all is no option of --grades/],
    [['explain', '7', '--turn', '8'], 2, /name the turn once/],
    [['status', ...nowhere], 1, /no daemon answers at .*reeve up/],
    [['pause', ...nowhere], 1, /no daemon answers/],
    [['explain', ...nowhere], 1, /nor is there a journal in \/nonexistent\/state/],
    [['solve', '/nonexistent/problem.json'], 2, /cannot read/],
    [['simulate', '/nonexistent/scenario.yaml'], 78, /cannot read the scenario \/nonexistent\/scenario.yaml: ENOENT/],
    [['simulate', 'scenario.yaml', '--seed', '-1'], 2, /--seed wants a whole number from 0 to 2147483647, not '-1'/],
    [['schema'], 0, /"\$schema"/],
    [['schema', '--json'], 2, /unknown option '--json'/],
    [['solve', 'problem.json', '--state', '/tmp'], 2, /unknown option '--state'/],
    [['check', 'policy.yaml', '--socket', '/tmp/s'], 2, /unknown option '--socket'/],
    [['up', '-c', 'policy.yaml', '--json'], 2, /unknown option '--json'/],
  ] as const) {
    it(`reeve ${args.join(' ')}: ${code}`, async () => {
      const ran = await reeve(...args)
      assert.equal(ran.code, code, ran.err)
      assert.match(code === 0 ? ran.out : ran.err, says)
      if (code !== 0) assert.equal(ran.out, '')
    })
  }

  for (const [what, text, kind] of [
    [
      'malformed',
      TWO_DOMAINS.replace('priority: 1', 'prioritty: 1'),
      /policy.yaml:\d+:\d+: unknown key `prioritty`, did you mean/,
    ],
    ['infeasible', TWO_DOMAINS.replace('shop: {}', 'shop: { cpu: { reservation: 90000 } }'), /policy.yaml:\d+:\d+: /],
  ] as const) {
    it(`78 for a policy that is ${what}, from check and from up alike`, async (t) => {
      const dir = temporaryDir(t)
      const file = join(dir, 'policy.yaml')
      writeFileSync(file, text, { mode: 0o644 })
      const checked = await reeve('check', file, '--json')
      assert.equal(checked.code, 78)
      assert.equal(JSON.parse(checked.out).kind, what)
      assert.match((await reeve('check', file)).out, kind)
      if (what === 'malformed') {
        const up = await reeve('up', '-c', file, '--state', join(dir, 's'), '--socket', join(dir, 'r/control.sock'))
        assert.equal(up.code, 78)
        assert.match(up.err, kind)
      }
    })
  }
})

describe('reeve simulate', () => {
  const scenario = fileURLToPath(new URL('../../docs/scenarios/antiphase.yaml', import.meta.url))

  it('plays a scenario with and without Reeve, as text and as data', async () => {
    const { code, out } = await reeve('simulate', scenario, '--compare')
    assert.equal(code, 0)
    assert.match(out, /SIMULATED host of 2 CPUs/)
    assert.match(out, /^1 +shop +shop-p95 at most 60 ms +\d/m)
    const report = JSON.parse((await reeve('simulate', scenario, '--json', '--seed', '5')).out)
    assert.equal(report.seed, 5)
    assert.equal(report.unmanaged, null)
    assert.equal(report.managed.series.points, 480)
  })

  it('plays nothing that is wrong, and tells all of it', async (t) => {
    const file = join(temporaryDir(t), 'scenario.yaml')
    writeFileSync(file, 'apiVersion: reeve-scenario/v1\nhost: { cpus: 0 }\npolicy: none.yaml\ndomains: {}\n')
    const { code, out, err } = await reeve('simulate', file)
    assert.equal(code, 78)
    assert.equal(out, '')
    assert.match(err, /scenario.yaml:2:1: `duration` is missing.*\n.*scenario.yaml:2:15: `0` is not a number of CPUs/)
    assert.match(err, /scenario.yaml:3:9: cannot read the policy `none.yaml`/)
  })
})

describe('reeve check', () => {
  it('refuses a file that up would refuse', async (t) => {
    const file = join(temporaryDir(t), 'policy.yaml')
    writeFileSync(file, TWO_DOMAINS)
    chmodSync(file, 0o666)
    const { code, out, err } = await reeve('check', file)
    assert.deepEqual([code, out, /may be written by others \(mode 0666\)/.test(err)], [78, '', true], err)
  })

  it('warns of users, directories and programs that this host does not have, at their line, and passes', async (t) => {
    const file = join(temporaryDir(t), 'policy.yaml')
    const text = `apiVersion: reeve/v1
domains:
  good: { command: [sh, -c, 'true'], user: root }
  user: { command: [/bin/sh], user: nobody-we-know }
  place: { command: [/bin/sh], user: root, directory: /no/such/place }
  program: { command: [no-such-program], user: root }
  path: { command: [sh], user: root, environment: { PATH: /no/such/place } }
`
    writeFileSync(file, text, { mode: 0o644 })
    const { code, out } = await reeve('check', file)
    assert.equal(code, 0)
    const lines = out.split('\n').filter((line) => line.includes('cannot be started'))
    assert.deepEqual(
      lines.map((line) => line.replace(/^.*policy\.yaml:(\d+):.*started: /, '$1 ').replace(/ in \/usr.*$/, '')),
      [
        '4 no user nobody-we-know in /etc/passwd',
        '5 working directory /no/such/place does not exist',
        '6 no program no-such-program',
        '7 no program sh in /no/such/place; name it by its whole path',
      ],
    )
    assert.match(out, /policy\.yaml can be used, checked against [\d.]+ cores? and [\d.]+ [MGT]iB of this host\n$/)
    const report = JSON.parse((await reeve('check', file, '--json')).out)
    assert.deepEqual([report.ok, report.warnings.length >= lines.length], [true, true])
  })
})

describe('a reader that goes away', () => {
  it('ends a command without a word', async () => {
    for (const command of ['schema', '--help']) {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, command])
      child.stdout.destroy()
      let err = ''
      child.stderr.on('data', (part: Buffer) => {
        err += part.toString()
      })
      assert.deepEqual([await once(child, 'close'), err], [[0, null], ''])
    }
  })
})

describe('the command line and a daemon', () => {
  it('shows the same as text and as data', async (t) => {
    const { where } = await withDaemon(t)
    const data = JSON.parse((await reeve('status', '--json', ...where)).out)
    assert.deepEqual(
      data.domains.map(({ name }: { name: string }) => name),
      ['shop', 'batch'],
    )
    const { out } = await reeve('status', ...where)
    assert.match(out, /shop +manage +\S+ +cpu .*1\.2 cores/)
    assert.ok(!out.includes('\u001b'), 'no colours where there is no terminal')
    const { turns } = JSON.parse((await reeve('history', 'shop', '--json', ...where)).out)
    assert.equal(turns.length, 1)
    assert.match((await reeve('history', ...where)).out, /cpu\.weight of \/reeve-fake\/shop: 100 -> \d+ \(applied\)/)
  })

  it('explains a domain and a turn in sentences, from the goal to the outcome', async (t) => {
    const { where, daemon, host } = await withDaemon(t)
    const { turns } = JSON.parse((await reeve('history', '--json', ...where)).out)
    const { out } = await reeve('explain', 'shop', '--turn', String(turns[0].turn), ...where)
    for (const sentence of [
      /The turn as a whole: 2 changes, because shop had no cpu allocation yet/,
      /The host has 2 cores of cpu: 0\.1 cores are withheld as headroom/,
      /Goal shop-fixed-1 \(priority 1, fixed amounts\)/,
      /It is thought to need 1\.2 cores of cpu: the policy states the amounts\./,
      /It is entitled to 1\.2 cores: that is all it asked for, up to priority 1\./,
      /cpu\.weight of \/reeve-fake\/shop: 100 -> \d+ \(applied\), because its cpu changes/,
      /Decided again from the record under policy [0-9a-f]{12}: the same\./,
    ]) {
      assert.match(out, sentence)
    }
    assert.doesNotMatch(out, /batch\n/)
    assert.match((await reeve('explain', String(turns[0].turn), ...where)).out, /^batch$/m)
    const nobody = await reeve('explain', 'nobody', ...where)
    assert.deepEqual([nobody.code, /it has shop, batch/.test(nobody.err)], [1, true])
    for (const all of [[], ['--all']]) {
      const history = await reeve('history', 'nobody', ...all, ...where)
      assert.deepEqual([history.code, /no domain 'nobody'; it has shop, batch/.test(history.err)], [1, true])
    }
    host.identities.delete('/reeve-fake/batch' as NodeId)
    await turnWhere(daemon, ({ observation }) => observation.domains.length === 1)
    const away = await reeve('explain', 'batch', ...where)
    assert.match(away.err, /'batch' of the policy did not run in turn \d+; those that did: shop$/m)
  })

  it('pauses, resumes, reloads and releases', async (t) => {
    const { where, policyFile, host } = await withDaemon(t)
    assert.match((await reeve('pause', ...where)).out, /^Paused/)
    assert.match((await reeve('status', ...where)).out, /, paused, /)
    assert.deepEqual(JSON.parse((await reeve('resume', '--json', ...where)).out), { paused: false })
    writeFileSync(policyFile, TWO_DOMAINS.replace('300m', '600m'))
    assert.match((await reeve('reload', ...where)).out, /is in force/)
    writeFileSync(policyFile, 'nonsense')
    const refused = await reeve('reload', ...where)
    assert.deepEqual([refused.code, /stays in force/.test(refused.out)], [78, true])
    assert.match((await reeve('release', ...where)).out, /cpu\.weight of \/reeve-fake\/shop: back at 100/)
    assert.ok([...host.settings.values()].every((its) => its['cpu.weight'] === 100))
  })

  it('names the file that a policy was taken from, in faults and in the status', async (t) => {
    const { where, policyFile } = await withDaemon(t)
    const other = join(temporaryDir(t), 'other.yaml')
    writeFileSync(other, TWO_DOMAINS.replace('priority: 1', 'prioritty: 1'), { mode: 0o644 })
    const refused = await reeve('reload', other, ...where)
    assert.equal(refused.code, 78)
    assert.match(refused.out, /other\.yaml:\d+:\d+: unknown key `prioritty`/)
    const fileOf = async () => JSON.parse((await reeve('status', '--json', ...where)).out).policy.file
    assert.equal(await fileOf(), policyFile, 'what was refused is not in force')
    for (const text of [TWO_DOMAINS, TWO_DOMAINS.replace('300m', '600m')]) {
      writeFileSync(other, text)
      assert.equal((await reeve('reload', other, ...where)).code, 0)
      assert.equal(await fileOf(), other)
      await reeve('reload', ...where)
      assert.equal(await fileOf(), policyFile)
    }
  })

  it('explains and shows the history from the journal when the daemon has gone', async (t) => {
    const { where, daemon } = await withDaemon(t)
    const before = JSON.parse((await reeve('history', '--json', ...where)).out)
    await daemon.stop()
    assert.deepEqual(JSON.parse((await reeve('history', '--json', ...where)).out), before)
    assert.match((await reeve('explain', 'shop', ...where)).out, /It is entitled to 1\.2 cores/)
    assert.equal((await reeve('status', ...where)).code, 1)
  })
})

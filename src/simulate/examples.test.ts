import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { drawFaults } from '#drivers/simulator/fault.ts'
import { renderFault } from '#policy/parse.ts'
import { parseScenario } from './parse.ts'
import { readBeside } from './read.ts'
import { type GoalReport, heldPart, type RunReport } from './report.ts'
import { simulate } from './run.ts'

const DIR = fileURLToPath(new URL('../../docs/scenarios/', import.meta.url))
/** Policies that scenarios name. */
const POLICIES = ['two-services.yaml']

async function play(name: string, alter = (text: string) => text) {
  const file = `${DIR}${name}`
  const parsed = parseScenario(alter(readFileSync(file, 'utf8')), { file, read: readBeside(file) })
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(renderFault).join('\n'))
  assert.deepEqual(parsed.warnings, [])
  const report = await simulate(parsed.scenario, parsed.warnings, { compare: true })
  assert.deepEqual(report.notes, [])
  assert.equal(report.managed.turns.violations, 0)
  return { managed: report.managed, unmanaged: report.unmanaged as RunReport }
}

/** Parts of the seconds in which each class of goals held. */
const held = (run: RunReport) => run.classes.map((its) => Number((heldPart(its) ?? Number.NaN).toFixed(2)))

/** Part of the first minute, a goal of its own, in which the other goal held. */
const firstMinute = (run: RunReport): number => {
  const { heldSeconds, seconds } = run.goals.find(({ goal }) => goal === 'first-minute') as GoalReport
  assert.equal(seconds, 60)
  return heldSeconds / seconds
}

/** What the scenario shows, by its file. */
const SHOWS: Readonly<Record<string, (managed: RunReport, unmanaged: RunReport) => void>> = {
  'antiphase.yaml': (managed, unmanaged) => {
    for (const [at, part] of held(managed).entries()) {
      assert.ok(part > 0.9 && part > (held(unmanaged)[at] ?? 1) + 0.1, `${held(managed)} ${held(unmanaged)}`)
    }
  },
  'daily-peak.yaml': (managed, unmanaged) => {
    assert.ok(
      held(managed).every((part) => part > 0.85),
      `${held(managed)}`,
    )
    assert.ok((held(unmanaged)[0] ?? 1) < (held(managed)[0] ?? 0), `${held(unmanaged)}`)
    const night = managed.goals.find(({ domain }) => domain === 'backup')
    assert.equal(night?.seconds, 6 * 3600)
  },
  'costs.yaml': (managed, unmanaged) => {
    assert.ok((held(managed)[0] ?? 0) > 0.97, `${held(managed)}`)
    assert.ok((held(unmanaged)[0] ?? 1) < 0.9, `${held(unmanaged)}`)
  },
  'daily.yaml': (managed) => assert.equal(firstMinute(managed), 1),
  'after-import.yaml': (managed) => assert.equal(firstMinute(managed), 1),
  'overload.yaml': (managed) => {
    const [gold = 0, silver = 0, bronze = 1] = held(managed)
    assert.ok(gold > 0.9 && gold >= silver && silver > bronze, `${held(managed)}`)
  },
  'memory.yaml': (managed, unmanaged) => {
    const [shop = 0, jobs = 0] = held(managed)
    assert.ok(shop > 0.95 && jobs > 0.95, `${held(managed)}`)
    assert.ok((held(unmanaged)[0] ?? 1) < 0.1, `${held(unmanaged)}`)
  },
  'disk.yaml': (managed) => {
    const [maps = 0, copy = 0] = held(managed)
    assert.ok(maps > 0.8 && copy > 0.9, `${held(managed)}`)
  },
  'packets.yaml': (managed, unmanaged) => {
    assert.ok((held(managed)[0] ?? 0) > 0.95, `${held(managed)}`)
    assert.ok((held(unmanaged)[0] ?? 1) < 0.8, `${held(unmanaged)}`)
  },
  'numa.yaml': (managed, unmanaged) => {
    assert.ok((held(managed)[0] ?? 0) > 0.85, `${held(managed)}`)
    assert.ok((held(unmanaged)[0] ?? 1) < 0.1, `${held(unmanaged)}`)
  },
  'bursts.yaml': (managed, unmanaged) => {
    assert.ok((held(managed)[0] ?? 0) > (held(unmanaged)[0] ?? 1), `${held(managed)} ${held(unmanaged)}`)
    assert.ok(managed.turns.failed > 0)
  },
}

describe('docs/simulate.md', () => {
  const page = readFileSync(new URL('../../docs/simulate.md', import.meta.url), 'utf8')
  const [whole = '', hardware = '', trace = ''] = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, text]) => text as string,
  )
  const csv =
    'vm,slot,cpu_mhz,cpu_pct_x100,mem_used_mb,disk_r_kbs,disk_w_kbs,net_r_kbs,net_t_kbs\n102,0,9,500,3,0,0,0,0\n'
  const read = () => ({ ok: true, path: '', text: csv, isCut: false }) as const

  it('shows a scenario without faults or warnings', () => {
    const parsed = parseScenario(whole, { file: 'page', read })
    assert.deepEqual(parsed.ok ? parsed.warnings : parsed.faults.map(renderFault), [])
  })

  it('shows how a host is built', () => {
    const parsed = parseScenario(whole.replace(/^host: .*\n/m, hardware), { file: 'page', read })
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(renderFault).join('\n'))
    assert.equal(parsed.scenario.host.cpus, 32)
  })

  it('shows how the machines of a trace become a load', () => {
    const changes = trace.replaceAll(/^/gm, '    ')
    const parsed = parseScenario(whole.replace(/^ {4}changes:\n.*\n/m, `${changes}\n`), { file: 'page', read })
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(renderFault).join('\n'))
    const [shape] = parsed.scenario.domains[0]?.changes ?? []
    // 5 % of four cores are 0.2 CPU, which are ten requests of 20 ms.
    assert.deepEqual(shape?.kind === 'trace' ? [...shape.trace.level] : null, [10])
  })

  it('names every scenario, and what is in their folder only', () => {
    const named = [...page.matchAll(/\]\(scenarios\/(.*?)\)/g)].map(([, file]) => file)
    assert.deepEqual(named.sort(), readdirSync(DIR).sort())
  })

  it('says what faults are drawn by chance', () => {
    const drawn = drawFaults({
      seed: 1,
      durationMs: 3_600_000,
      perMinute: 10,
      cpus: 2,
      domains: ['shop'],
      metrics: ['shop-p95'],
    })
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \|.*\|$/gm)].map(([, kind]) => kind as string)
    const faults = rows.slice(rows.indexOf('vanish'), rows.indexOf('random'))
    assert.deepEqual([...new Set(drawn.map(({ kind }) => kind))].sort(), faults.toSorted())
    const [, knobs = ''] = /the knobs that fail then are (.*?), a reading/.exec(page.replaceAll('\n', ' ')) ?? []
    const failing = new Set(drawn.flatMap((fault) => (fault.kind === 'write-fails' ? [`\`${fault.knob}\``] : [])))
    assert.deepEqual([...failing].sort(), knobs.match(/`.*?`/g)?.sort())
  })
})

describe('docs/scenarios', () => {
  it('has nothing that is not tried here', () => {
    assert.deepEqual(readdirSync(DIR).sort(), [...Object.keys(SHOWS), ...POLICIES].sort())
  })

  for (const [name, shows] of Object.entries(SHOWS)) {
    it(`${name} shows what it says`, async () => {
      const { managed, unmanaged } = await play(name)
      shows(managed, unmanaged)
    })
  }

  const misplaced: Readonly<Record<string, (text: string) => string>> = {
    'no pins': (text) => text.replaceAll(/, pin: ".*"/g, ''),
    'pins for halves of each core': (text) => text.replace('0-3,8-11', '0-7').replace('4-7,12-15', '8-15'),
  }
  for (const [what, alter] of Object.entries(misplaced)) {
    it(`numa.yaml has its goal missed with ${what}`, async () => {
      const { managed } = await play('numa.yaml', alter)
      assert.ok((held(managed)[0] ?? 1) < 0.3, `${held(managed)}`)
    })
  }

  it('numa.yaml has its goal met by itself where CPUs are just so many', async () => {
    const { unmanaged } = await play('numa.yaml', (text) =>
      text.replace('sockets: 2, cores: 4, threads: 2', 'cpus: 16'),
    )
    assert.deepEqual(held(unmanaged), [1])
  })

  it('packets.yaml has what a steady rise needs granted before 95 % of it are used', async () => {
    const { managed } = await play('packets.yaml', (text) =>
      text
        .replace('duration: 10m', 'duration: 4m')
        .replace('perSecond: 200, cpu: 2ms, packets: 10', 'perSecond: 2000, cpu: 0.2ms, spread: constant')
        .replace(/\{ kind: bursts.*\}/, '{ kind: ramp, from: 30s, to: 150s, level: 14000 }'),
    )
    const [relay] = managed.series.domains
    assert.equal(relay?.use.length, 240)
    for (const [second, use] of relay.use.entries()) {
      const granted: number = relay.allocation[second] ?? 0
      if (second >= 30) assert.ok((use ?? 0) < 0.95 * granted, `second ${second}: ${use} of ${granted}`)
    }
    assert.ok((relay.use.at(-1) ?? 0) > 2500)
  })

  for (const name of ['daily.yaml', 'after-import.yaml']) {
    it(`${name} has its goal missed in that minute where forecasts have no say`, async () => {
      const { managed } = await play(name, (text) => text.replace('mode: manage', 'mode: manage, without: [forecast]'))
      assert.ok(firstMinute(managed) < 0.5)
    })
  }
})

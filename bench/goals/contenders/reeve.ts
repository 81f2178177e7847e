import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { policyJsonSchema } from '#policy/schema.ts'
import { differingOf, replayed } from '../../replayed.ts'
import type { Family } from '../acts.ts'
import { DOMAINS, type Domain, type Goal, JOBS, type Terms } from '../cast.ts'
import type { Contender } from '../contender.ts'
import { cpuSecondsOf, end, spawnBound } from '../process.ts'
import type { Stage } from '../stage.ts'

const LAUNCHER = fileURLToPath(new URL('../../../bin/reeve', import.meta.url))
const READY_MS = 60_000
/** Batch jobs come before services where something is left over. */
const JOB_WEIGHT = 10

/** The one family that has what these serve: goals of throughput, and a service that more CPU does not help. */
const ONLY_IN: Readonly<Record<string, Family>> = { throughput: 'II', bottleneck: 'II' }

/** Reeve without each of its estimators in turn. */
export function reeveWithout(name: string, interval: string): readonly Contender[] {
  return removable().map((estimator) => {
    const onlyIn = ONLY_IN[estimator]
    return { ...reeve(`${name}-without-${estimator}`, interval, [estimator]), ...(onlyIn !== undefined && { onlyIn }) }
  })
}

/** `reeve up` as an administrator runs it; `without` takes one of its estimators out. */
export function reeve(name: string, interval: string, without: readonly string[] = []): Contender {
  return {
    name,
    async start(stage, terms) {
      // Its journal is on a disk, as it is in production.
      const directory = join(stage.diskDirectory, 'reeve')
      rmSync(directory, { recursive: true, force: true })
      mkdirSync(directory)
      const policyFile = join(directory, 'policy.yaml')
      const write = (now: Terms): void => writeFileSync(policyFile, policyOf(stage, now, interval, without))
      write(terms)
      const places = ['--state', join(directory, 'state'), '--socket', join(directory, 'run', 'control.sock')]
      const child = await spawnBound(stage, [LAUNCHER, 'up', '-c', policyFile, ...places])
      let said = ''
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          said += text
        })
      const deadlineMs = Date.now() + READY_MS
      const socket = join(directory, 'run', 'control.sock')
      while (!(await answers(socket))) {
        if (child.exitCode !== null) throw new Error(`reeve up ended with ${child.exitCode}: ${said}`)
        if (Date.now() > deadlineMs) throw new Error(`reeve up does not answer: ${said}`)
        await sleep(50)
      }
      return {
        async reload(now) {
          write(now)
          child.kill('SIGHUP')
        },
        cpuSeconds: () => cpuSecondsOf(child),
        /** What it has decided must come out again from its journal. */
        async stop() {
          if (child.exitCode !== null || child.signalCode !== null) {
            throw new Error(`reeve ended by itself, with ${child.exitCode ?? child.signalCode}: ${said.slice(-2000)}`)
          }
          await end(child)
          const refused = said.split('\n').filter((line) => /refused|infeasible|malformed/.test(line))
          if (refused.length > 0) throw new Error(`reeve refused a policy of this bench: ${refused.join('; ')}`)
          // The jobs of the stage would keep it waiting for minutes.
          stage.makeWay(true)
          const again = await replayed(join(directory, 'state')).finally(() => stage.makeWay(false))
          if (again.turns > 0 && differingOf(again) === 0) return
          const evidence = mkdtempSync(join(tmpdir(), 'reeve-differs-'))
          cpSync(join(directory, 'state'), evidence, { recursive: true })
          throw new Error(
            `${name} does not decide again as it did: ${JSON.stringify(again.differences)}; its journal is kept in ${evidence}`,
          )
        },
      }
    },
  }
}

/** The estimators that a policy can leave out, by its own schema; none where it knows no such option. */
function removable(): readonly string[] {
  const schema = policyJsonSchema() as JsonSchema
  return schema.properties?.['host']?.properties?.['without']?.items?.enum ?? []
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: { readonly enum?: readonly string[] }
}

/** Defaults throughout, but for what the bench is about: the interval, the goals, and who gets what is left over. */
function policyOf(
  stage: Stage,
  { goals, capped, fileBytes }: Terms,
  interval: string,
  without: readonly string[],
): string {
  const managesMemory = fileBytes !== null
  const domainOf = (domain: Domain) => ({
    path: stage.pathOf(domain),
    ...(capped.includes(domain) && { enforcement: 'cap' }),
    ...(managesMemory && { controls: ['cpu', 'memory'] }),
    ...((JOBS as readonly string[]).includes(domain) && { cpu: { weight: JOB_WEIGHT } }),
  })
  const policy = {
    apiVersion: 'reeve/v1',
    host: { mode: 'manage', interval, surplus: 'spread', ...(without.length > 0 && { without: [...without] }) },
    metrics: Object.fromEntries(goals.map((goal) => [`${goal.service}-${goal.kind}`, metricOf(stage, goal)])),
    domains: Object.fromEntries(DOMAINS.map((domain) => [domain, domainOf(domain)])),
    goals: goals.map(({ service, kind, target, priority }) => ({
      domain: service,
      metric: `${service}-${kind}`,
      ...(kind === 'latency' ? { kind: 'performance', below: target } : { kind: 'throughput', atLeast: target }),
      priority,
    })),
  }
  // Anchors are refused in policies: what is said of several domains is written out for each.
  return stringify(policy, { aliasDuplicateObjects: false })
}

function metricOf({ monitorFile }: Stage, { service, kind }: Goal) {
  const [key, unit] = kind === 'latency' ? ['p95Ms', 'ms'] : ['perSecond', 'requests/s']
  return { source: 'file', path: monitorFile, key: `${service}.${key}`, unit, interval: '250ms', staleAfter: '5s' }
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}

import { inTime } from '#lib/in-time.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { AGENT_SECONDS, type AgentAnswer, askAgent } from './agent.ts'
import type { Connection } from './connection.ts'
import { type Link, linkTo } from './link.ts'
import type { Machine } from './machine.ts'

/**
 * What the agents of all guests said last. They are asked in the background, one after another, on a connection that is
 * used for nothing else, so that no turn and no other call ever waits for one that does not answer.
 */
export interface Agents {
  /** undefined where it has not been asked yet. */
  lastAnswer(path: string): AgentAnswer | undefined
  /** Asks those whose time has come, without waiting for them, and forgets machines that are not among these. */
  refresh(machines: readonly Machine[], nowMs: number): void
  /** Asks now. */
  ask(machine: Machine): Promise<AgentAnswer>
  /**
   * Works on the connection for agents, when what was begun on it before is done. @throws where that takes too long;
   * then it is not begun later.
   */
  use<Result>(machine: Machine, work: (connection: Connection) => Promise<Result>): Promise<Result>
  /** Lets go of connections that are not among these. */
  follow(uris: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** An agent that answered is asked again after so long; libvirt's timeout is that for everybody meanwhile. */
const AGAIN_MS = 30_000
/** One that did not, after so long, then after twice as long each time. Guests take a while to boot. */
const RETRY_FIRST_MS = 5_000
const RETRY_MOST_MS = 600_000

/** An agent may use up its time twice, first to agree that it is there: whoever waits longer waits for libvirt. */
const PATIENCE_MS = 5_000

interface Heard {
  readonly answer: AgentAnswer
  readonly failures: number
  readonly nextMs: number
}

/** `nowMs` is a monotonic clock. */
export function agentsOf(nowMs: () => number, seconds = AGENT_SECONDS): Agents {
  const heard = new Map<string, Heard>()
  const lines = new Map<string, Line>()

  function lineTo(uri: string): Line {
    const line = lines.get(uri) ?? { link: linkTo(uri, null), last: Promise.resolve(), isAsking: false }
    lines.set(uri, line)
    return line
  }

  function use<Result>({ link }: Machine, work: (connection: Connection) => Promise<Result>): Promise<Result> {
    const line = lineTo(link.uri)
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const result = line.last.then(() => {
      signal.throwIfAborted()
      if (lines.get(link.uri) !== line) throw new Error('the connection has been let go of')
      return line.link.use(work)
    })
    line.last = result.catch(() => {})
    return inTime(result, signal).catch((error: unknown) => {
      throw signal.aborted ? new Error(`libvirt did not come back within ${PATIENCE_MS / 1000} s`) : error
    })
  }

  async function ask(machine: Machine): Promise<AgentAnswer> {
    const answer = await use(machine, (connection) => askAgent(connection, machine.uuid, seconds)).catch(
      (error: unknown): AgentAnswer => ({ status: 'silent', reason: reasonOf(error) }),
    )
    const failures = answer.status === 'answers' ? 0 : (heard.get(machine.path)?.failures ?? 0) + 1
    const delayMs = failures === 0 ? AGAIN_MS : Math.min(RETRY_FIRST_MS * 2 ** (failures - 1), RETRY_MOST_MS)
    heard.set(machine.path, { answer, failures, nextMs: nowMs() + delayMs })
    return answer
  }

  async function follow(uris: readonly string[]): Promise<void> {
    const gone = [...lines].filter(([uri]) => !uris.includes(uri))
    for (const [uri] of gone) lines.delete(uri)
    for (const [, { link }] of gone) await link.close()
  }

  async function askAll(line: Line, machines: readonly Machine[]): Promise<void> {
    if (line.isAsking) return
    line.isAsking = true
    for (const machine of machines) if (lines.get(machine.link.uri) === line) await ask(machine)
    line.isAsking = false
  }

  return {
    lastAnswer: (path) => heard.get(path)?.answer,
    refresh(machines, now) {
      const there = new Set(machines.map(({ path }) => path))
      for (const path of heard.keys()) if (!there.has(path)) heard.delete(path)
      // While it is paused nothing in it can answer.
      const due = machines.filter(({ path, isPaused }) => !isPaused && (heard.get(path)?.nextMs ?? now) <= now)
      for (const [uri, its] of Map.groupBy(due, ({ link }) => link.uri)) void askAll(lineTo(uri), its)
    },
    ask,
    use,
    follow,
    close: () => follow([]),
  }
}

interface Line {
  readonly link: Link
  last: Promise<unknown>
  isAsking: boolean
}

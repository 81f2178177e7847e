import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import fastify, { type FastifyInstance } from 'fastify'
import type { Peer } from '#monitors/peer.ts'
import type { PushedReading } from '#monitors/push-source.ts'
import type {
  EventReport,
  ExplainQuery,
  Explanation,
  History,
  HistoryQuery,
  PlanReport,
  ReleaseReport,
  ReloadBody,
  ReloadResult,
  Status,
} from './contract.ts'
import { problem, problemOf, sendProblem } from './problem.ts'
import { controlRoutes } from './routes/control.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { readingRoutes } from './routes/reading.ts'

/** Who calls: whoever may open the control socket is the operator; on the other socket the kernel says who it is. */
export type Caller = { readonly kind: 'operator' } | { readonly kind: 'peer'; readonly peer: Peer | null }

/** What the daemon answers with. */
export interface ApiHandlers {
  status(): Status
  explain(query: ExplainQuery): Explanation
  history(query: HistoryQuery): History
  plan(): PlanReport
  reload(body: ReloadBody): Promise<ReloadResult>
  pause(): void
  /** Of one domain, or of everything. */
  resume(domain: string | null): { readonly paused: boolean }
  release(): Promise<ReleaseReport>
  event(name: string, seconds: number): EventReport
  push(readings: readonly PushedReading[], caller: Caller): { readonly accepted: number }
  /** Counts a push that never became readings. */
  refused(reason: string): void
}

export interface ApiServer {
  close(): Promise<void>
}

/** A policy's text is the largest thing that anybody sends. */
const BODY_BYTES_MOST = 2 * 1024 * 1024
const READINGS_BYTES_MOST = 64 * 1024

/** The longest path that a socket of Linux can have, in bytes: `sun_path` of unix(7) less the final zero. */
const PATH_BYTES_MOST = 107

/**
 * Two sockets: the operator's, which only its owner may open, and one that any process may open and that takes nothing
 * but readings, bound to the domain that the process runs in.
 */
export async function serveApi(
  handlers: ApiHandlers,
  { controlPath, metricsPath }: { readonly controlPath: string; readonly metricsPath: string },
): Promise<ApiServer> {
  for (const path of [controlPath, metricsPath]) refuseUnfit(path)
  const control = await listen(controlPath, 0o600, BODY_BYTES_MOST, (app) => {
    readingRoutes(app, handlers)
    controlRoutes(app, handlers)
    metricsRoutes(app, handlers, 'control')
  })
  const metrics = await listen(metricsPath, 0o666, READINGS_BYTES_MOST, (app) =>
    metricsRoutes(app, handlers, 'metrics'),
  )
  return {
    async close() {
      await Promise.all([control.close(), metrics.close()])
      for (const path of [controlPath, metricsPath]) if (isSocket(path)) rmSync(path)
    },
  }
}

/** Only a socket is replaced: what else stands there is somebody's, and a mistyped name must not cost him a file. */
function refuseUnfit(path: string): void {
  const refuse = (why: string): never => {
    throw new Error(`cannot listen on ${path}: ${why}; name another with --socket`)
  }
  const bytes = Buffer.byteLength(path)
  if (bytes > PATH_BYTES_MOST)
    refuse(`its path has ${bytes} bytes, and that of a socket has ${PATH_BYTES_MOST} at most`)
  if (isSocket(path) === false) refuse('there is something else, which is not a socket')
}

/** null where there is nothing. */
function isSocket(path: string): boolean | null {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? null
}

async function listen(
  path: string,
  mode: number,
  bodyLimit: number,
  addRoutes: (app: FastifyInstance) => void,
): Promise<FastifyInstance> {
  let server: Server | undefined
  const app = fastify({
    bodyLimit,
    serverFactory: (handler: RequestListener) => {
      server = createServer(handler)
      return server
    },
  })
  app.setErrorHandler((error: Error, _request, reply) => sendProblem(reply, problemOf(error)))
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problem('no-such-route', `${request.method} ${request.url} is not offered here`)),
  )
  addRoutes(app)
  // Fastify ends only what it bound itself.
  app.addHook('onClose', () => closeServer(server as Server))
  await app.ready()
  await bind(server as Server, path, mode)
  return app
}

/** A caller that keeps its connection does not keep the daemon from stopping. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/**
 * Whoever holds the daemon's lock may replace a socket that a killed daemon left. The socket is made with its mode, so
 * there is no moment in which others could open it; `chmod` then makes it exact where the mask of the mode left more out.
 */
function bind(server: Server, path: string, mode: number): Promise<void> {
  if (isSocket(path)) rmSync(path)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', (error) => reject(new Error(`cannot listen on ${path}: ${error.message}`, { cause: error })))
  const before = process.umask(0o777 & ~mode)
  try {
    // Node makes the socket within this call.
    server.listen(path, resolve)
  } finally {
    process.umask(before)
  }
  return promise.then(() => chmodSync(path, mode))
}

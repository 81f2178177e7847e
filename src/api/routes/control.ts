import type { FastifyInstance } from 'fastify'
import { eventBody, reloadBody, resumeBody } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import type { ApiHandlers } from '#api/server.ts'

/** Everything that changes what the daemon does. Each answers with the state that it led to. */
export function controlRoutes(app: FastifyInstance, handlers: ApiHandlers): void {
  // A policy that is refused is an answer, not an error of the request: the result says which of the two it is.
  app.post(PATHS.reload, ({ body }) => handlers.reload(reloadBody.parse(body ?? {})))
  app.post(PATHS.pause, () => {
    handlers.pause()
    return { paused: true }
  })
  app.post(PATHS.resume, ({ body }) => {
    const { domain = null } = resumeBody.parse(body ?? {})
    return handlers.resume(domain)
  })
  app.post(PATHS.release, () => handlers.release())
  app.post(PATHS.events, ({ body }) => {
    const { event, seconds } = eventBody.parse(body)
    return handlers.event(event, seconds)
  })
}

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { metricsBody } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { problemOf, sendProblem } from '#api/problem.ts'
import type { ApiHandlers, Caller } from '#api/server.ts'
import { peerOf } from '#monitors/peer.ts'

/** Pushed readings, the one thing that is offered to those who are not trusted. Every refusal is counted. */
export function metricsRoutes(app: FastifyInstance, handlers: ApiHandlers, socket: 'control' | 'metrics'): void {
  const callerOf = (request: FastifyRequest): Caller =>
    socket === 'control' ? { kind: 'operator' } : { kind: 'peer', peer: peerOf(request.socket) }

  app.post(
    PATHS.metrics,
    {
      errorHandler(error, _request, reply) {
        const what = problemOf(error)
        // A reading that is not believed was counted where it was judged.
        if (what.type !== 'urn:reeve:refused-reading') handlers.refused(what.detail)
        return sendProblem(reply, what)
      },
    },
    (request) => handlers.push(metricsBody.parse(request.body).readings, callerOf(request)),
  )
}

import type { FastifyInstance } from 'fastify'
import { explainQuery, historyQuery } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import type { ApiHandlers } from '#api/server.ts'

/** Everything that only looks. */
export function readingRoutes(app: FastifyInstance, handlers: ApiHandlers): void {
  app.get(PATHS.status, () => handlers.status())
  app.get(PATHS.explain, ({ query }) => handlers.explain(explainQuery.parse(query)))
  app.get(PATHS.history, ({ query }) => handlers.history(historyQuery.parse(query)))
  app.get(PATHS.plan, () => handlers.plan())
}

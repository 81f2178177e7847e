import { z } from 'zod'
import {
  DOMAIN_SHAPE,
  goalSchema,
  hostSchema,
  OPEN,
  resourceSchema,
  rootSchema,
  shareSchema,
  windowSchema,
} from './entry-schema.ts'
import { metricSchema } from './metric-schema.ts'
import * as scalar from './scalar.ts'
import { unitsOf } from './units.ts'

/** Marks an object in which devices and nodes of a resource are written like the resource itself. */
const PARTS = 'x-parts'

/** The whole policy as JSON Schema, for editors. What it accepts may still contradict itself; `parsePolicy` tells. */
export function policyJsonSchema(): object {
  const families = unitsOf([], [])
  const shares: Record<string, z.ZodType> = {}
  const resources: Record<string, z.ZodType> = {}
  for (const [key, unit] of families) {
    shares[key] = shareSchema(unit).optional().describe(`Amounts of ${key}.`)
    resources[key] = resourceSchema(unit).optional().describe(`Capacity of ${key}, where it is not as observed.`)
  }
  const whole = z.strictObject({
    apiVersion: rootSchema.shape.apiVersion.describe('Version of this form.'),
    host: hostSchema(families).optional().describe('Settings of the host.'),
    windows: z.record(scalar.name, windowSchema).optional().describe('Times by name.'),
    resources: z
      .object(resources)
      .catchall(resourceSchema('count'))
      .meta({ [PARTS]: true })
      .optional()
      .describe('Countables by name, and capacities of other resources.'),
    metrics: z.record(scalar.name, metricSchema).optional().describe('Measurements of applications by name.'),
    domains: z
      .record(
        scalar.nameOrGlob,
        z
          .object({ ...DOMAIN_SHAPE, ...shares })
          .catchall(shareSchema('count'))
          .meta({ [PARTS]: true })
          .nullable(),
      )
      .optional()
      .describe('Whatever receives resources, by name or glob.'),
    goals: z.array(goalSchema(families)).optional().describe('What should hold, and how important it is.'),
  })
  const schema = z.toJSONSchema(whole, {
    override: ({ jsonSchema }) => {
      if (OPEN in jsonSchema) {
        delete jsonSchema[OPEN]
        delete jsonSchema.additionalProperties
      }
      if (PARTS in jsonSchema) {
        delete jsonSchema[PARTS]
        const known = Object.entries(jsonSchema.properties ?? {}).filter(([key]) => families.has(key))
        const parts = known.map(([key, its]) => [`^${key.replaceAll('.', '\\.')}[@:]`, its])
        jsonSchema.patternProperties = Object.fromEntries(parts)
      }
    },
  })
  return { title: 'Reeve policy', ...schema }
}

import { policyJsonSchema } from '#policy/schema.ts'

/** The command `reeve schema`. */
export function schemaCommand(): void {
  process.stdout.write(`${JSON.stringify(policyJsonSchema(), null, 2)}\n`)
}

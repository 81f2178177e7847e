import { createHash } from 'node:crypto'

/** Names a policy by its text, comments included: SHA-256 in hexadecimal. */
export function policyHash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

/** What an error says, in its own words. Whatever is thrown may be anything. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

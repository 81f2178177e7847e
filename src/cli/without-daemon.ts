import type { JournalReader } from '#daemon/journal/reader.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { NoDaemon } from './client.ts'
import { Failure } from './failure.ts'
import type { CommonOptions } from './options.ts'

type Views = typeof import('#daemon/views.ts')

/** Asks the daemon, and the journal that it left where none answers. */
export async function fromJournal<Answer>(
  options: CommonOptions,
  ask: () => Promise<Answer>,
  look: (journal: JournalReader, views: Views) => Answer,
): Promise<Answer> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof NoDaemon)) throw error
    const views = await import('#daemon/views.ts')
    return readingJournal(options, `${error.message}; nor is there a journal`, (journal) => look(journal, views))
  }
}

/** Reads the journal of a state directory, beside a daemon that writes it or without one. */
export async function readingJournal<Answer>(
  { state }: CommonOptions,
  lacking: string,
  look: (journal: JournalReader) => Answer,
): Promise<Answer> {
  const { readJournal, journalPath } = await import('#daemon/journal/reader.ts')
  const { damageOf } = await import('#daemon/journal/schema.ts')
  const path = journalPath(state)
  const journal = readJournal(path)
  if (journal === null) throw new Failure(`${lacking} in ${state} (see --state)`)
  try {
    return look(journal)
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    const damage = damageOf(cause)
    const what = damage === null ? reasonOf(cause) : `cannot read the journal ${path}: ${damage}`
    throw new Failure(what, undefined, { cause })
  } finally {
    journal.close()
  }
}

import type { JournalReader } from '#daemon/journal/reader.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { NoDaemon } from './client.ts'
import { Failure } from './failure.ts'
import type { CommonOptions } from './options.ts'

type Views = typeof import('#daemon/views.ts')

/** Asks the daemon, and the journal that it left where none answers. */
export async function fromJournal<Answer>(
  { state }: CommonOptions,
  ask: () => Promise<Answer>,
  look: (journal: JournalReader, views: Views) => Answer,
): Promise<Answer> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof NoDaemon)) throw error
    const { readJournal, journalPath } = await import('#daemon/journal/reader.ts')
    const journal = readJournal(journalPath(state))
    if (journal === null) throw new Failure(`${error.message}; nor is there a journal in ${state} (see --state)`)
    try {
      return look(journal, await import('#daemon/views.ts'))
    } catch (cause) {
      throw new Failure(reasonOf(cause), undefined, { cause })
    } finally {
      journal.close()
    }
  }
}

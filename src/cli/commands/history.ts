import type { History } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { ask } from '#cli/client.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { renderHistory } from '#cli/render/reports.ts'
import { fromJournal } from '#cli/without-daemon.ts'

/** The command `reeve history [DOMAIN]`, from the journal where no daemon answers. */
export async function historyCommand(
  domain: string | undefined,
  options: CommonOptions & { readonly count: number; readonly all?: boolean },
): Promise<void> {
  const { count, all = false } = options
  const query = { ...(domain === undefined ? {} : { domain }), count, all }
  const found = await fromJournal<History>(
    options,
    () => ask(options.socket, PATHS.history, query),
    (journal, { history }) => history(journal, query),
  )
  print(found, renderHistory, options)
}

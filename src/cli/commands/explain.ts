import type { Explanation } from '#api/contract.ts'
import { PATHS } from '#api/paths.ts'
import { ask } from '#cli/client.ts'
import { EXIT, Failure } from '#cli/failure.ts'
import type { CommonOptions } from '#cli/options.ts'
import { print } from '#cli/output.ts'
import { renderExplanation } from '#cli/render/explain.ts'
import { fromJournal } from '#cli/without-daemon.ts'

/** The command `reeve explain [DOMAIN|TURN]`, from the journal where no daemon answers. */
export async function explainCommand(
  subject: string | undefined,
  options: CommonOptions & { readonly turn?: number },
): Promise<void> {
  const isTurn = subject !== undefined && /^\d+$/.test(subject)
  if (isTurn && options.turn !== undefined) {
    throw new Failure('name the turn once: either as the subject or with --turn', EXIT.usage)
  }
  const turn = isTurn ? Number(subject) : options.turn
  const query = {
    ...(subject === undefined || isTurn ? {} : { domain: subject }),
    ...(turn === undefined ? {} : { turn }),
  }
  const explanation = await fromJournal<Explanation>(
    options,
    () => ask(options.socket, PATHS.explain, query),
    (journal, { explain }) => explain(journal, query),
  )
  print(explanation, renderExplanation, options)
}

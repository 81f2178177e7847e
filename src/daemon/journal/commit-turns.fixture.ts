import { writeSync } from 'node:fs'
import { knowledgeOf, turnRecord } from '#daemon/turns.fixture.ts'
import { openJournal } from './journal.ts'

/** A process that commits turns as fast as it can, and says each number once the turn is on record, until it is killed. */
const options = { domains: 5, changing: 1 }
const journal = openJournal(process.argv[2] as string, { checkpointEvery: 20 })
for (let turn = 1; ; turn++) {
  const record = turnRecord(turn, options)
  const knowledge = journal.needsCheckpoint(record.policyHash) ? knowledgeOf(turn - 1, options) : null
  journal.commit({ ...record, knowledge }, 'policy')
  writeSync(1, `${turn}\n`)
}

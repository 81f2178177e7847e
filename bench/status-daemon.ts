import { startFake, turnWhere } from '#daemon/fake-host.fixture.ts'

/** The daemon of the status bench, over a host in memory: says where it answers once it has made a turn. */
const [dir] = process.argv.slice(2) as [string]
const { daemon } = await startFake({ after: () => {} }, { dir })
await turnWhere(daemon, ({ outcomes }) => outcomes.length > 0)
process.stdout.write(`${daemon.socketPath}\n`)

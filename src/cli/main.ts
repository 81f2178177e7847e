import { Command, CommanderError, Option } from 'commander'
import { VERSION } from '#api/version.ts'
import { reasonOf } from '#lib/reason-of.ts'
import { EXIT, Failure } from './failure.ts'
import { DEFAULTS } from './options.ts'
import { endWithoutReader } from './output.ts'

/**
 * The command line. Each command is imported when it is called, so that `reeve status` does not wait for what only
 * the daemon needs; this file knows their names and options and nothing else.
 */
function program(): Command {
  const reeve = new Command('reeve')
    .description('Runs the domains of a host by goals, the most important first, and says why.')
    .version(VERSION, '--version')
    .exitOverride()
    .showHelpAfterError('(reeve help COMMAND says more)')

  withPolicy(withPlaces(command(reeve, 'up', 'manage this host by a policy, until told to stop'))).action(
    async (options) => {
      await (await import('./commands/up.ts')).upCommand(options)
    },
  )
  withData(command(reeve, 'demo', 'real services under real load: goals missed, then met, with the reasons'))
    .option('--seconds <n>', 'how long the whole may take', wholeNumber('--seconds'))
    .option('--compare', 'also look for the best static weights, and try a fixed map from priority to weight')
    .addOption(
      new Option('--vms', 'play with virtual machines of a private libvirtd (root, packages)').conflicts('simulate'),
    )
    .option('--simulate', 'play on the simulated host even where control groups can be written')
    .action(async (options) => finish(await (await import('#demo/command.ts')).demoCommand(options)))
  withData(command(reeve, 'check', 'say everything that is wrong with a policy'))
    .argument('<file>', 'the policy')
    .action(async (file, options) => finish(await (await import('./commands/check.ts')).checkCommand(file, options)))
  withLibvirt(withData(command(reeve, 'discover', 'propose a policy for what runs here, in mode advise')))
    .option('--seconds <n>', 'how long to watch', wholeNumber('--seconds'), 2)
    .action(async (options) => (await import('./commands/discover.ts')).discoverCommand(options))
  asking(reeve, 'plan', 'show what would be done: a dry run of a policy, or what the daemon decided last')
    .option('-c, --config <file>', 'the policy; without one the daemon is asked')
    .action(async (options) => (await import('./commands/plan.ts')).planCommand(options))
  asking(reeve, 'status', 'goals, entitlements and the last reasons').action(async (options) =>
    (await import('./commands/status.ts')).statusCommand(options),
  )
  asking(reeve, 'explain', 'the chain from the measurement to the change')
    .argument('[subject]', 'a domain, or the number of a turn; without one the last turn')
    .option('--turn <n>', 'the turn in which a domain is to be explained', wholeNumber('--turn'))
    .action(async (subject, options) => (await import('./commands/explain.ts')).explainCommand(subject, options))
  asking(reeve, 'history', 'the last changes, newest first')
    .argument('[domain]', 'only what was changed of this domain')
    .option('-n, --count <n>', 'how many turns, or graded changes; 1000 at most', wholeNumber('--count', 1, 1000), 20)
    .option('--all', 'turns that changed nothing too')
    .option('--grades', 'what was promised of changes beside what came, and how well forecasts do; from the journal')
    .option('--since <t>', 'of --grades: from a turn, a time in UTC, or an age on; else the last day')
    .option('--until <t>', 'of --grades: until a turn, a time or an age')
    .action(async (domain, options) => {
      if (options.grades && options.all) throw new Failure('--all is no option of --grades', EXIT.usage)
      else if (options.grades) await (await import('./commands/grades.ts')).gradesCommand(domain, options)
      else if (options.since === undefined && options.until === undefined)
        await (await import('./commands/history.ts')).historyCommand(domain, options)
      else throw new Failure('--since and --until are options of --grades', EXIT.usage)
    })
  asking(reeve, 'replay', 'decide the turns on record again: the same must come out, or what another policy would do')
    .option('--since <t>', 'from a turn (4711), a time in UTC (2026-11-21T09:30), or an age (1h) on')
    .option('--until <t>', 'until a turn, a time or an age')
    .option('--policy <file>', 'the policy to decide by instead of those on record')
    .option('--simulate', 'let what was learned of the services answer to that policy')
    .action(async (options) => finish(await (await import('./commands/replay.ts')).replayCommand(options)))
  asking(reeve, 'pause', 'decide everything and change nothing, until resumed').action(async (options) =>
    (await import('./commands/pause.ts')).pauseCommand(options),
  )
  asking(reeve, 'resume', 'manage again after a pause or a release, or after somebody else changed a setting')
    .argument('[domain]', 'only take back what somebody else set of this domain')
    .action(async (domain, options) => (await import('./commands/pause.ts')).resumeCommand(domain, options))
  asking(reeve, 'event', 'begin something that goals with `onEvent` wait for')
    .argument('<name>', 'as the policy has it')
    .option('--for <duration>', 'how long it is on, such as 90s, 30m or 8h', '1h')
    .option('--end', 'end it now')
    .action(async (name, options) => (await import('./commands/event.ts')).eventCommand(name, options))
  asking(reeve, 'reload', 'have the daemon read its policy again, or keep the old one and say why')
    .argument('[file]', 'another policy to take instead')
    .action(async (file, options) => finish(await (await import('./commands/reload.ts')).reloadCommand(file, options)))
  asking(reeve, 'release', 'put back every setting as it was found').action(async (options) =>
    finish(await (await import('./commands/release.ts')).releaseCommand(options)),
  )
  command(reeve, 'solve', 'the arbiter alone, as a calculator')
    .argument('<file>', 'the problem as JSON; - reads standard input')
    .action(async (file) => finish(await (await import('./commands/solve.ts')).solveCommand(file)))
  withData(command(reeve, 'simulate', 'try a policy on a described host, in simulated time'))
    .argument('<scenario>', 'the host, its domains and loads, and the policy, as YAML')
    .option('--seed <n>', "chance by this number instead of the scenario's", wholeNumber('--seed', 0, 2 ** 31 - 1))
    .option('--compare', 'also without Reeve, with all settings as they are found')
    .action(async (file, options) => (await import('./commands/simulate.ts')).simulateCommand(file, options))
  command(reeve, 'schema', 'print the JSON Schema of policies, for editors').action(async () =>
    (await import('./commands/schema.ts')).schemaCommand(),
  )
  withLibvirt(asking(reeve, 'doctor', 'what works on this host, and what to do about the rest')).action(
    async (options) => finish(await (await import('./commands/doctor.ts')).doctorCommand(options)),
  )
  return reeve
}

function command(reeve: Command, name: string, description: string): Command {
  return reeve.command(name).description(description)
}

/** For all commands that have to do with a daemon, whichever of the two places they need: what finds one finds all. */
function withPlaces(its: Command): Command {
  return its
    .addOption(new Option('--state <dir>', 'where the journal is').default(DEFAULTS.state))
    .addOption(new Option('--socket <path>', 'where the daemon answers').default(DEFAULTS.socket))
}

/** A command that asks a daemon, or looks at what one left. */
function asking(reeve: Command, name: string, description: string): Command {
  return withPlaces(withData(command(reeve, name, description)))
}

function withData(its: Command): Command {
  return its.option('--json', 'print data instead of text')
}

function withPolicy(its: Command): Command {
  return its.requiredOption('-c, --config <file>', 'the policy')
}

function withLibvirt(its: Command): Command {
  const description = 'a libvirt connection to look at instead of those known; may be given several times'
  return its.option('--libvirt <uri>', description, (uri: string, before: string[]) => [...before, uri], [])
}

function wholeNumber(option: string, least = 1, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`
    throw new Failure(`${option} wants a whole number ${range}, not '${text}'`, EXIT.usage)
  }
}

function finish(exitCode: number): void {
  process.exitCode = exitCode
}

endWithoutReader()
try {
  await program().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; help and version are no errors.
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
  } else {
    process.stderr.write(`reeve: ${reasonOf(error)}\n`)
    process.exitCode = error instanceof Failure ? error.exitCode : EXIT.failure
  }
}

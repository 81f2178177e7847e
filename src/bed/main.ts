/**
 * `scripts/bed [--guests N]`: a private libvirtd with loaded guests for a person to try things on, until Ctrl-C or the
 * end of standard input.
 */
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { reasonOf } from '#lib/reason-of.ts'
import { type BedHost, bedAvailable, startHost } from './host.ts'
import { setLoad } from './load.ts'

const GUESTS = 3
const GUESTS_MOST = 16
/** Parts of a CPU that the guests want, in turn. */
const LOADS = [1, 0.4, 0.1]

async function main(args: readonly string[]): Promise<number> {
  let guests: number
  try {
    guests = guestsWanted(args)
  } catch (error) {
    process.stderr.write(`${reasonOf(error)}\n`)
    return 2
  }
  const bed = bedAvailable()
  if (!bed.available) {
    process.stderr.write(`no test bed here: ${bed.reason}; ${bed.remedy}\n`)
    return 1
  }
  const isOver = over()
  process.stdout.write(`starting libvirtd and ${guests} guests ...\n`)
  const host = await startHost('bed')
  try {
    const isUp = boot(host, guests)
    // Given up half-way, guests fail to start, and nobody is left to care.
    isUp.catch(() => {})
    if ((await Promise.race([isUp, isOver])) === 'up') {
      process.stdout.write(welcome(host))
      await isOver
    }
  } finally {
    process.stdout.write('taking all down ...\n')
    await host.stop()
  }
  return 0
}

function guestsWanted(args: readonly string[]): number {
  const { guests = `${GUESTS}` } = parseArgs({ args: [...args], options: { guests: { type: 'string' } } }).values
  const count = Number(guests)
  if (Number.isInteger(count) && count >= 1 && count <= GUESTS_MOST) return count
  throw new Error(`--guests ${guests}: it is a whole number from 1 to ${GUESTS_MOST}`)
}

async function boot(host: BedHost, count: number): Promise<'up'> {
  for (let i = 0; i < count; i++) {
    const guest = await host.start({ name: `guest-${i + 1}` })
    const load = LOADS[i % LOADS.length] as number
    await setLoad(guest, load)
    process.stdout.write(`${guest.name} runs and wants ${load * 100} % of a CPU\n`)
  }
  return 'up'
}

function welcome({ uri }: BedHost): string {
  const dir = join(tmpdir(), `reeve-try-${process.pid}`)
  const places = `--state ${dir}/state --socket ${dir}/control.sock`
  return `
The libvirtd is at ${uri}
In another terminal, as root (sudo -s), in this checkout:
  virsh -c '${uri}' list
  mkdir -m 700 ${dir}
  bin/reeve discover --libvirt '${uri}' >${dir}/policy.yaml
  bin/reeve up -c ${dir}/policy.yaml ${places}
In a third one, likewise:
  bin/reeve status ${places}
That only advises. To have it act, keep only the guests in the policy, say "mode: manage" there, and
  bin/reeve reload ${places}
Ctrl-C, or the end of the input here, takes all down.
`
}

/** Resolves at Ctrl-C, the like of it, or the end of standard input. */
async function over(): Promise<'over'> {
  process.stdin.resume()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => once(process, signal))
  await Promise.race([once(process.stdin, 'close'), once(process.stdin, 'end'), ...signals])
  return 'over'
}

const code = await main(process.argv.slice(2))
// Standard input may still be open.
process.exit(code)

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DOMAINS, type Domain, type Terms } from '../cast.ts'
import type { Contender } from '../contender.ts'
import type { ControllerSetup } from '../controller.ts'
import { cpuSecondsOf, end, spawnBound } from '../process.ts'

const CONTROLLER = fileURLToPath(new URL('../controller.ts', import.meta.url))

/** A controller from a publication, in a process of its own. */
export function published(name: 'parties' | 'proportional'): Contender {
  return {
    name,
    async start(stage, terms) {
      const setupFile = join(stage.directory, 'controller.json')
      const termsFile = join(stage.directory, 'terms.json')
      const paths = Object.fromEntries(DOMAINS.map((domain) => [domain, stage.pathOf(domain)])) as Record<
        Domain,
        string
      >
      const setup: ControllerSetup = { root: stage.root, monitorFile: stage.monitorFile, paths }
      writeFileSync(setupFile, JSON.stringify(setup))
      const write = (now: Terms): void => writeFileSync(termsFile, JSON.stringify(now))
      write(terms)
      const child = spawnBound([process.execPath, ...process.execArgv, CONTROLLER, name, setupFile, termsFile])
      child.stderr?.pipe(process.stderr)
      const exited = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)))
      await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), exited])
      exited.catch(() => {})
      return {
        async reload(now) {
          write(now)
          child.kill('SIGHUP')
        },
        cpuSeconds: () => cpuSecondsOf(child),
        stop: () => end(child),
      }
    },
  }
}

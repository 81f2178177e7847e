import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

/**
 * The layout rules, as ARCHITECTURE.md states them: who may import whom, and what the core must not touch. A rule that
 * lives only in a document is soon untrue.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** What each part of src/ may import, besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  core: ['lib'],
  'ports.ts': ['core', 'lib'],
  policy: ['core', 'lib'],
  processes: ['lib', 'ports.ts'],
  drivers: ['core', 'lib', 'ports.ts', 'processes'],
  monitors: ['core', 'lib', 'ports.ts', 'processes'],
  // What is pushed over a socket lands in a monitor.
  api: ['core', 'lib', 'ports.ts', 'policy', 'monitors'],
  daemon: ['core', 'lib', 'ports.ts', 'processes', 'policy', 'drivers', 'monitors', 'api'],
  // The daemon on a host that is described, and what came of it.
  simulate: ['core', 'lib', 'ports.ts', 'policy', 'drivers', 'daemon'],
  // Machines for tests and the demo.
  bed: ['lib'],
  demo: ['core', 'lib', 'ports.ts', 'processes', 'policy', 'drivers', 'monitors', 'api', 'daemon', 'cli', 'bed'],
  cli: ['core', 'lib', 'ports.ts', 'processes', 'policy', 'drivers', 'monitors', 'api', 'daemon', 'simulate', 'demo'],
}
const FORBIDDEN_IN_CORE = /\b(Date\.now|new Date|Math\.random|console\.|process\.|await |setTimeout|performance\.)/
const LONGEST_FILE = 350

interface Source {
  readonly path: string
  readonly part: string
  readonly text: string
}

const sources: Source[] = globSync('src/**/*.ts', { cwd: ROOT }).map((path) => ({
  path,
  part: path.split('/')[1] as string,
  text: readFileSync(join(ROOT, path), 'utf8'),
}))
const imports = (source: Source): string[] =>
  [...source.text.matchAll(/(?:from|import) ?\(?'([^'\n]+)'/g)].map((match) => match[1] as string)
const isTest = (source: Source): boolean => /\.(test|fixture)\.ts$/.test(source.path)
/** Code without comments and strings, as far as the rules on words need it. */
const code = (source: Source): string => source.text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'|`[^`]*`/g, '')

function partOf(source: Source, specifier: string): string | null {
  if (specifier.startsWith('#')) return specifier.slice(1).split('/')[0] as string
  if (!specifier.startsWith('.')) return null
  return normalize(join(dirname(source.path), specifier)).split('/')[1] as string
}

describe('layout', () => {
  it('finds the sources', () => assert.ok(sources.length > 50))

  it('imports only in the direction lib <- core <- ports <- drivers, monitors, api <- daemon <- simulate <- cli', () => {
    const wrong = sources
      .filter((source) => !isTest(source))
      .flatMap((source) =>
        imports(source)
          .map((specifier) => [specifier, partOf(source, specifier)] as const)
          .filter(
            ([, part]) => part !== null && part !== source.part && !(MAY_IMPORT[source.part] ?? []).includes(part),
          )
          .map(([specifier]) => `${source.path} imports ${specifier}`),
      )
    assert.deepEqual(wrong, [])
  })

  it('never climbs out of a folder with ../, and names files with their ending', () => {
    const wrong = sources.flatMap((source) =>
      imports(source)
        .filter((specifier) => specifier.startsWith('..') || (/^[.#]/.test(specifier) && !specifier.endsWith('.ts')))
        .map((specifier) => `${source.path} imports ${specifier}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('keeps the core pure: nothing of Node, no clock, no chance, nothing awaited', () => {
    const core = sources.filter((source) => (source.part === 'core' || source.part === 'lib') && !isTest(source))
    const wrong = core.flatMap((source) => [
      ...imports(source)
        .filter((specifier) => !/^[.#]/.test(specifier))
        .map((specifier) => `${source.path} imports ${specifier}`),
      ...(FORBIDDEN_IN_CORE.exec(code(source)) ?? []).slice(0, 1).map((word) => `${source.path} uses ${word}`),
    ])
    assert.deepEqual(wrong, [])
  })

  it('lets the checker share no code with the arbiter', () => {
    const checker = sources.filter((source) => source.path.startsWith('src/core/check/') && !isTest(source))
    assert.ok(checker.length > 0)
    const wrong = checker.flatMap((source) =>
      imports(source)
        .filter((specifier) => specifier.includes('arbitrate/') && !specifier.endsWith('arbitrate/problem.ts'))
        .map((specifier) => `${source.path} imports ${specifier}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('has no default exports and no file that is too long to read', () => {
    const wrong = sources.flatMap((source) => [
      ...(/^export default /m.test(source.text) ? [`${source.path} has a default export`] : []),
      ...(!isTest(source) && source.text.split('\n').length > LONGEST_FILE ? [`${source.path} is too long`] : []),
    ])
    assert.deepEqual(wrong, [])
  })

  it('maps no import that nobody uses', () => {
    const { imports: map } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { imports: object }
    const files = globSync('{src,test,bench,scripts}/**/*.ts', { cwd: ROOT })
    const texts = files.map((path) => readFileSync(join(ROOT, path), 'utf8')).join('\n')
    const unused = Object.keys(map).filter((name) => !texts.includes(`'${name.replace('*', '')}`))
    assert.deepEqual(unused, [])
  })

  it('has a document for each part it names', () => {
    const architecture = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8')
    const parts = [...new Set(sources.map((source) => source.part))].filter((part) => !part.endsWith('.ts'))
    assert.deepEqual(
      parts.filter((part) => !architecture.includes(`src/${part}/`)),
      [],
    )
  })
})

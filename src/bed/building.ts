import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { requiredProgram } from './programs.ts'

/**
 * What images of guests are built from: this checkout's cache, the kernel that scripts/system-deps unpacked there, and
 * the packages of this machine. Each image is named after a hash of all that went into it, so that a changed source
 * costs one image and an unchanged one nothing. Needs no root.
 */

/** This file, for the ingredients of whatever it builds. */
export const BUILDING: string = import.meta.filename

export const checkout: string = join(import.meta.dirname, '..', '..')
export const cache: string = join(checkout, '.cache', 'guest')
const kernelFolder = join(cache, 'kernel')

/** The version of the unpacked kernel, or undefined where scripts/system-deps has not been run. */
export function kernelVersion(): string | undefined {
  const complete = join(kernelFolder, 'complete')
  return existsSync(complete) ? readFileSync(complete, 'utf8').trim() : undefined
}

/** The same, where there is no going on without. */
export function requiredKernel(): string {
  const version = kernelVersion()
  if (version === undefined) throw new Error(`no guest kernel in ${kernelFolder}; run scripts/system-deps as root`)
  return version
}

export const kernelImage = (version: string): string => join(kernelFolder, 'boot', `vmlinuz-${version}`)

export const modulesFolder = (version: string): string => join(kernelFolder, 'lib', 'modules', version)

/** The matching modules and all they depend on, each after what it needs; paths below the modules' folder. */
export function modulesInOrder(version: string, matches: (path: string) => boolean): string[] {
  const ordered = new Set<string>()
  for (const line of readFileSync(join(modulesFolder(version), 'modules.dep'), 'utf8').split('\n')) {
    const [path, needed] = line.split(':')
    if (path === undefined || needed === undefined || !matches(path)) continue
    // modules.dep lists the direct needs first, and the needs of these after them.
    for (const need of needed.trim().split(/\s+/).reverse()) if (need !== '') ordered.add(need)
    ordered.add(path)
  }
  return [...ordered]
}

/** Puts these modules into the folder `modules` of an initial memory disk, with the order in which to load them. */
export function stageBootModules(stage: string, version: string, names: readonly string[]): void {
  const wanted = names.map((name) => new RegExp(`/${name}\\.ko$`))
  const modules = modulesInOrder(version, (path) => wanted.some((pattern) => pattern.test(path)))
  for (const path of modules) copy(join(modulesFolder(version), path), join(stage, 'modules', basename(path)))
  write(join(stage, 'modules', 'order'), modules.map((path) => `${basename(path)}\n`).join(''))
}

/** Makes an initial memory disk of a folder. */
export function packInitramfs(stage: string, image: string): void {
  run('sh', ['-c', `find . | "${requiredProgram('cpio')}" -o -H newc --quiet -R 0:0 > "${image}"`], stage)
}

/** The file for these ingredients, built in a staging folder and renamed into place, so that it is whole or absent. */
export function cached(
  name: string,
  ingredients: readonly (string | Buffer)[],
  build: (stage: string, image: string) => void,
): string {
  mkdirSync(cache, { recursive: true })
  removeLeftovers()
  const hash = createHash('sha256')
  // The length goes in too, so that no two lists of ingredients look alike.
  for (const part of ingredients) hash.update(`${part.length}:`).update(part)
  const image = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}.img`)
  if (existsSync(image)) return image
  const stage = join(cache, `stage-${process.pid}-${name}`)
  const unfinished = `${stage}.img`
  mkdirSync(stage, { recursive: true, mode: 0o755 })
  try {
    build(stage, unfinished)
    renameSync(unfinished, image)
  } finally {
    rmSync(stage, { recursive: true, force: true })
    rmSync(unfinished, { force: true })
  }
  keepNewest(name)
  return image
}

/** A guest that still runs from a removed image is not disturbed: the kernel keeps open files. */
function keepNewest(name: string): void {
  const images = globSync(`${name}-*.img`, { cwd: cache }).map((file) => join(cache, file))
  images.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
  for (const old of images.slice(2)) rmSync(old, { force: true })
}

/** Staging folders of builders that were killed; a living builder's name holds its process id. */
function removeLeftovers(): void {
  for (const name of readdirSync(cache)) {
    const pid = /^stage-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(cache, name), { recursive: true, force: true })
  }
}

/** What tells one state of these files from another. */
export const stampsOf = (paths: readonly string[]): string[] =>
  paths.map((path) => `${path} ${statSync(path).size} ${statSync(path).mtimeMs}`)

/** Every path that the dynamic loader would open for these files, the loader itself included. */
export function sharedLibraries(files: readonly string[]): Set<string> {
  const listing = run(requiredProgram('ldd'), files)
  return new Set([...listing.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] as string))
}

export function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to, { recursive: true, dereference: true })
}

/** Replaces what is there: writing through a staged symbolic link would change another file. */
export function write(path: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true })
  rmSync(path, { force: true })
  writeFileSync(path, content, { flag: 'wx' })
  chmodSync(path, mode)
}

/** Runs a program to its end and returns what it printed. @throws with what it said where it failed. */
export function run(program: string, args: readonly string[], cwd?: string): string {
  const result = spawnSync(program, args, { encoding: 'utf8', cwd })
  if (result.error) throw result.error
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${result.stderr}`)
  return result.stdout
}

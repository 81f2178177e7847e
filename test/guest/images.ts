/**
 * Builds what the test guest boots from: an initial memory disk, a root disk with Node and the installed packages, and
 * a disk with this checkout's sources. Each is named after a hash of all that went into it, so that a changed source
 * costs a small disk only, and an unchanged one nothing.
 *
 * Needs no root: mke2fs fills a file system from a folder. Works on the packages that scripts/system-deps installs.
 */
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
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { programPath } from './programs.ts'

export const checkout: string = join(import.meta.dirname, '..', '..')
export const cache: string = join(checkout, '.cache', 'guest')
const kernelFolder = join(cache, 'kernel')
const node = join(checkout, 'node_modules', 'node', 'bin', 'node')

/** Loaded before the root disk is there; what they depend on comes along. */
const BOOT_MODULES = ['virtio_pci', 'virtio_blk', 'virtio_console']

/** Loaded on demand in the running guest: counting packets per cgroup, virtual networks, devices for I/O limits. */
const DEMAND_MODULES =
  /\/(nf_tables|nft_\w+|nfnetlink|xt_cgroup|veth|dummy|bridge|ifb|sch_\w+|cls_\w+|act_\w+|loop|zram|overlay)\.ko$/

/** Programs of this machine that tests call in the guest, besides busybox. */
const PROGRAMS = ['nft', 'ip', 'setpriv']

/** Packages for development that tests import; the production ones are all there. */
const TEST_PACKAGES = ['node_modules/fast-check', 'node_modules/pure-rand']

/** What of the checkout the guest sees. */
const SOURCES = ['package.json', 'tsconfig.json', 'src', 'test']

export type GuestImages = { kernel: string; initramfs: string; root: string; sources: string; scratch: string }

export function buildGuestImages(): GuestImages {
  const version = kernelVersion()
  if (version === undefined) throw new Error(`no guest kernel in ${kernelFolder}`)
  removeLeftovers()
  const builder = readFileSync(import.meta.filename)
  const installed = readFileSync(join(checkout, 'node_modules', '.package-lock.json'))
  const programs = ['busybox', ...PROGRAMS].map((name) => requiredProgram(name))
  const stamps = [node, ...programs].map((path) => `${path} ${statSync(path).size} ${statSync(path).mtimeMs}`)
  const initramfsInit = readFileSync(join(import.meta.dirname, 'initramfs-init.sh'))
  const rootInit = readFileSync(join(import.meta.dirname, 'root-init.sh'))
  const sources = readSources()
  return {
    kernel: join(kernelFolder, 'boot', `vmlinuz-${version}`),
    initramfs: cached('initramfs', [builder, version, ...stamps, initramfsInit], (stage, image) => {
      stageInitramfs(stage, version, initramfsInit)
      run('sh', ['-c', `find . | "${requiredProgram('cpio')}" -o -H newc --quiet -R 0:0 > "${image}"`], stage)
    }),
    root: cached('root', [builder, version, ...stamps, installed, rootInit], (stage, image) => {
      stageRoot(stage, version, rootInit)
      makeDisk(image, stage, 'ext2')
    }),
    sources: cached('sources', [builder, ...sources.flatMap(({ path, text }) => [path, text])], (stage, image) => {
      for (const { path, text } of sources) write(join(stage, path), text)
      mkdirSync(join(stage, 'node_modules'))
      makeDisk(image, stage, 'ext2')
    }),
    scratch: cached('scratch', [builder], (stage, image) => makeDisk(image, stage, 'ext4', 64)),
  }
}

/** The version of the unpacked kernel, or undefined where scripts/system-deps has not been run. */
export function kernelVersion(): string | undefined {
  const complete = join(kernelFolder, 'complete')
  return existsSync(complete) ? readFileSync(complete, 'utf8').trim() : undefined
}

/** The file for these ingredients, built in a staging folder and renamed into place, so that it is whole or absent. */
function cached(
  name: string,
  ingredients: readonly (string | Buffer)[],
  build: (stage: string, image: string) => void,
): string {
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

function readSources(): { path: string; text: Buffer }[] {
  const paths = SOURCES.flatMap((top) =>
    statSync(join(checkout, top)).isDirectory()
      ? globSync(`${top}/**`, { cwd: checkout, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name).slice(checkout.length + 1))
      : [top],
  )
  return paths.sort().map((path) => ({ path, text: readFileSync(join(checkout, path)) }))
}

function stageInitramfs(stage: string, version: string, init: Buffer): void {
  copy(requiredProgram('busybox'), join(stage, 'bin', 'busybox'))
  write(join(stage, 'init'), init, 0o755)
  const wanted = BOOT_MODULES.map((name) => new RegExp(`/${name}\\.ko$`))
  const modules = modulesInOrder(version, (path) => wanted.some((pattern) => pattern.test(path)))
  for (const path of modules) copy(join(modulesFolder(version), path), join(stage, 'modules', basename(path)))
  write(join(stage, 'modules', 'order'), modules.map((path) => `${basename(path)}\n`).join(''))
}

function stageRoot(stage: string, version: string, init: Buffer): void {
  for (const folder of 'dev proc sys tmp run var root reeve scratch usr/local/bin'.split(' ')) {
    mkdirSync(join(stage, folder), { recursive: true })
  }
  stagePrograms(stage)
  stagePackages(stage)
  stageModules(stage, version)
  write(join(stage, 'sbin', 'init'), init, 0o755)
  write(join(stage, 'etc', 'hosts'), '127.0.0.1 localhost guest\n::1 localhost\n')
  write(join(stage, 'etc', 'group'), 'root:x:0:\nnogroup:x:65534:\n')
  write(
    join(stage, 'etc', 'passwd'),
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n',
  )
}

function stagePrograms(stage: string): void {
  const busybox = requiredProgram('busybox')
  copy(busybox, join(stage, 'bin', 'busybox'))
  for (const path of run(busybox, ['--list-full']).trim().split('\n')) {
    const link = join(stage, path)
    mkdirSync(dirname(link), { recursive: true })
    // Relative, so that it means the staged program and never this machine's own.
    if (!existsSync(link)) symlinkSync(relative(dirname(link), join(stage, 'bin', 'busybox')), link)
  }
  // Busybox's own shell would prefer its applets to the programs below, whatever the PATH says.
  const shell = '/bin/sh'
  rmSync(join(stage, shell))
  copy(realpathSync(shell), join(stage, shell))
  const programs = PROGRAMS.map((name) => requiredProgram(name))
  // A folder that the guest's PATH has first, since busybox has an `ip` of its own.
  for (const path of programs) copy(path, join(stage, 'usr', 'local', 'bin', basename(path)))
  copy(node, join(stage, 'usr', 'local', 'bin', 'node'))
  const native = globSync('node_modules/@koromix/koffi-linux-x64/linux_x64/*.node', { cwd: checkout })
  for (const library of sharedLibraries([node, shell, ...programs, ...native.map((path) => join(checkout, path))])) {
    copy(library, join(stage, library))
  }
}

/** Every path that the dynamic loader would open for these files, the loader itself included. */
function sharedLibraries(files: readonly string[]): Set<string> {
  const listing = run(requiredProgram('ldd'), files)
  return new Set([...listing.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!))
}

/** The packages that npm has installed for production, but Node itself, of which the program alone is enough. */
function stagePackages(stage: string): void {
  const lock = JSON.parse(readFileSync(join(checkout, 'node_modules', '.package-lock.json'), 'utf8'))
  const packages: [string, { dev?: boolean }][] = Object.entries(lock.packages)
  for (const [path, { dev }] of packages) {
    if ((dev && !TEST_PACKAGES.includes(path)) || /^node_modules\/node(-|$|\/)/.test(path)) continue
    copy(join(checkout, path), join(stage, 'usr', 'lib', path))
  }
  // Where the sources look for the pinned Node, they find it. Absolute, as this folder is mounted elsewhere too.
  const pinned = join(stage, 'usr', 'lib', 'node_modules', 'node', 'bin', 'node')
  mkdirSync(dirname(pinned), { recursive: true })
  symlinkSync('/usr/local/bin/node', pinned)
}

function stageModules(stage: string, version: string): void {
  const target = join(stage, 'lib', 'modules', version)
  const modules = modulesInOrder(version, (path) => DEMAND_MODULES.test(path))
  for (const path of modules) copy(join(modulesFolder(version), path), join(target, path))
  run(requiredProgram('depmod'), ['-b', stage, version])
}

const modulesFolder = (version: string): string => join(kernelFolder, 'lib', 'modules', version)

/** The matching modules and all they depend on, each after what it needs. */
function modulesInOrder(version: string, matches: (path: string) => boolean): string[] {
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

function makeDisk(image: string, folder: string, type: 'ext2' | 'ext4', sizeMb?: number): void {
  const usedKb = Number(run('du', ['-sk', folder]).split('\t')[0])
  // Room for the file system's own tables; 5,000 inodes more than needed cost little.
  const kilobytes = sizeMb === undefined ? Math.ceil(usedKb * 1.06) + 4_096 : sizeMb * 1_024
  const options = ['-q', '-F', '-t', type, '-m', '0', '-E', 'root_owner=0:0', '-d', folder]
  run(requiredProgram('mke2fs'), [...options, image, `${kilobytes}k`])
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to, { recursive: true, dereference: true })
}

/** Replaces what is there: writing through a staged symbolic link would change another file. */
function write(path: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true })
  rmSync(path, { force: true })
  writeFileSync(path, content, { flag: 'wx' })
  chmodSync(path, mode)
}

function requiredProgram(name: string): string {
  const path = programPath(name)
  if (path === undefined) throw new Error(`the program ${name} is missing; run scripts/system-deps as root`)
  return path
}

function run(program: string, args: readonly string[], cwd?: string): string {
  const result = spawnSync(program, args, { encoding: 'utf8', cwd })
  if (result.error) throw result.error
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${result.stderr}`)
  return result.stdout
}

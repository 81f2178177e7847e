/**
 * Builds what the test guest boots from: an initial memory disk, a root disk with Node and the installed packages, and
 * a disk with this checkout's sources. Each is named after a hash of all that went into it, so that a changed source
 * costs a small disk only, and an unchanged one nothing.
 *
 * Needs no root: mke2fs fills a file system from a folder. Works on the packages that scripts/system-deps installs.
 */
import { existsSync, globSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import {
  BUILDING,
  cached,
  checkout,
  copy,
  kernelImage,
  modulesFolder,
  modulesInOrder,
  packInitramfs,
  requiredKernel,
  run,
  sharedLibraries,
  stageBootModules,
  stampsOf,
  write,
} from '#bed/building.ts'
import { requiredProgram } from '#bed/programs.ts'

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
  const version = requiredKernel()
  const builder = [import.meta.filename, BUILDING].map((path) => readFileSync(path, 'utf8')).join()
  const installed = readFileSync(join(checkout, 'node_modules', '.package-lock.json'))
  const programs = ['busybox', ...PROGRAMS].map((name) => requiredProgram(name))
  const stamps = stampsOf([node, ...programs])
  const initramfsInit = readFileSync(join(import.meta.dirname, 'initramfs-init.sh'))
  const rootInit = readFileSync(join(import.meta.dirname, 'root-init.sh'))
  const sources = readSources()
  return {
    kernel: kernelImage(version),
    initramfs: cached('initramfs', [builder, version, ...stamps, initramfsInit], (stage, image) => {
      stageInitramfs(stage, version, initramfsInit)
      packInitramfs(stage, image)
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
  stageBootModules(stage, version, BOOT_MODULES)
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

function makeDisk(image: string, folder: string, type: 'ext2' | 'ext4', sizeMb?: number): void {
  const usedKb = Number(run('du', ['-sk', folder]).split('\t')[0])
  // Room for the file system's own tables; 5,000 inodes more than needed cost little.
  const kilobytes = sizeMb === undefined ? Math.ceil(usedKb * 1.06) + 4_096 : sizeMb * 1_024
  const options = ['-q', '-F', '-t', type, '-m', '0', '-E', 'root_owner=0:0', '-d', folder]
  run(requiredProgram('mke2fs'), [...options, image, `${kilobytes}k`])
}

/** Finds programs of this machine, also those for administrators, whose folders other users lack in their PATH. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

export function programPath(name: string): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(':'),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/bin',
    '/bin',
    // What libvirt calls itself.
    '/usr/lib/libvirt',
    '/usr/libexec',
  ]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The path of a program that must be there. @throws with what installs it. */
export function requiredProgram(name: string): string {
  const path = programPath(name)
  if (path === undefined) throw new Error(`the program ${name} is missing; run scripts/system-deps as root`)
  return path
}

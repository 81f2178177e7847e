import { constants, open } from 'node:fs/promises'

/** Far above any policy that a person writes; keeps a wrong path (a log, a device) from filling memory. */
const SIZE_MAX = 1024 * 1024

/** A policy file that Reeve does not read, with the reason. */
export class UntrustedPolicyFile extends Error {
  override readonly name = 'UntrustedPolicyFile'
}

/**
 * Reads a policy file that only the administrator can have written: owned by root or by the user who runs Reeve, and
 * writable by nobody else. The file that was examined is the one that is read, also when the path is replaced
 * meanwhile. Throws the system's error where it cannot be read, `UntrustedPolicyFile` where it must not be.
 */
export async function readPolicyFile(path: string): Promise<{ text: string }> {
  // A pipe in the file's place would keep an ordinary open waiting for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    const { uid, mode, size } = stat
    const refuse = (reason: string): never => {
      throw new UntrustedPolicyFile(`${path} ${reason}`)
    }
    if (!stat.isFile()) refuse('is not a regular file')
    const own = process.geteuid?.() ?? 0
    if (uid !== 0 && uid !== own) {
      refuse(`belongs to user ${uid}; a policy must belong to root or to the user that runs Reeve (chown ${own})`)
    }
    if ((mode & 0o022) !== 0) {
      const written = (mode & 0o777).toString(8).padStart(4, '0')
      refuse(`may be written by others (mode ${written}); a policy starts commands, so run: chmod go-w ${path}`)
    }
    if (size > SIZE_MAX) refuse(`has ${size} bytes; a policy has at most ${SIZE_MAX}`)
    return { text: await file.readFile('utf8') }
  } finally {
    await file.close()
  }
}

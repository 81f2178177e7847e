/** What libvirt's description of a machine that runs tells and nothing else does. */
export interface Described {
  /** How its processor is made: `kvm`, or `qemu` where it is emulated; other hypervisors have words of their own. */
  readonly type: string
  /** Seconds between the statistics that its balloon asks the guest for; null where it does not ask. */
  readonly statsSeconds: number | null
  readonly hasBalloon: boolean
}

/**
 * libvirt writes its descriptions itself, with all text escaped, so that patterns find what they look for. Only the
 * metadata is others' and may look like anything: it is left out, up to its last end, as nothing after it can hold one.
 */
export function describe(xml: string): Described {
  const own = xml.replace(/<metadata>[\s\S]*<\/metadata>/, '')
  const seconds = Number(/<memballoon\b[^>]*>\s*<stats period='(\d+)'/.exec(own)?.[1])
  return {
    type: /^<domain type='([^']{1,40})'/.exec(own)?.[1] ?? 'unknown',
    statsSeconds: seconds > 0 ? seconds : null,
    hasBalloon: /<memballoon model='(?!none')/.test(own),
  }
}

/** As libvirt counts versions: 9000000 is `9.0.0`, 7002022 is `7.2.22`. */
export function versionText(version: number): string {
  return `${Math.floor(version / 1e6)}.${Math.floor(version / 1e3) % 1e3}.${version % 1e3}`
}

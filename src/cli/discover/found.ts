/** What a policy could name, as it was seen over a few seconds. */
export type Found = FoundGroup | FoundMachine

interface Seen {
  /** What it would be called in a policy; no two have the same. */
  readonly name: string
  /** Millicores that it used meanwhile. */
  readonly cpu: number
  /** Bytes that it works with. */
  readonly memory: number
  /** In millicores and bytes; null where nothing limits it. */
  readonly limits: { readonly cpu: number | null; readonly memory: number | null }
}

export interface FoundGroup extends Seen {
  readonly kind: 'service' | 'container' | 'group'
  readonly path: string
  /** The systemd unit that it is, where systemd runs. */
  readonly unit: string | null
}

export interface FoundMachine extends Seen, ListedMachine {
  readonly kind: 'machine' | 'container of libvirt'
  /** What only machines have. */
  readonly hardware: {
    readonly vcpus: number
    /** Bytes that its balloon leaves it now. */
    readonly balloon: number
  } | null
  /** Its standing as somebody set it, where 1 is that of a machine that nobody set. */
  readonly weight: number
}

/** A machine or a container as its connection tells of it. */
export interface ListedMachine {
  readonly uri: string
  readonly uuid: string
  /** In libvirt, as it may be shown. */
  readonly machine: string
  /** Millicores that the quota of each vCPU leaves it; null without one. */
  readonly vcpuQuota: number | null
}

/** What was found, and what was not to be found. */
export interface Discovery {
  readonly seconds: number
  /** Connections that were named, else none: then the default was looked at. */
  readonly named: readonly string[]
  /** Machines first, then groups, the busiest of each first. */
  readonly found: readonly Found[]
  /** Connections that did not tell, and why. */
  readonly silent: readonly { readonly uri: string; readonly reason: string }[]
  /** Those in no control group of this host: there is nothing to watch, and nothing to manage. */
  readonly unwatched: readonly ListedMachine[]
  /** How many control groups of machines there are that no connection told of. */
  readonly unknown: number
}

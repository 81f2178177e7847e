import type { Knob, Setting } from '#core/model/observation.ts'
import type { DomainInfo } from './domain-list.ts'
import type { Link } from './link.ts'
import { amountOf, freeze, PERIOD_US, quotaUs } from './machine.ts'

/**
 * A container of libvirt's own (LXC): a control group like any other, of which libvirt keeps the weight, the quota and
 * whether it is suspended. For the rest it has no call, and does not undo what is set in the group.
 */
export interface Container {
  readonly kind: 'container'
  readonly uuid: string
  /** What libvirt gave it when it was started. */
  readonly id: number
  readonly name: string
  readonly link: Link
  /** Its control group. */
  readonly path: string
  readonly isPaused: boolean
}

export function containerOf({ uuid, id, name, isPaused }: DomainInfo, link: Link, path: string): Container {
  return { kind: 'container', uuid, id, name, link, path, isPaused }
}

export const CONTAINER_KNOBS = ['cpu.weight', 'cpu.quota', 'freeze'] as const satisfies readonly Knob[]
export type ContainerKnob = (typeof CONTAINER_KNOBS)[number]

/** Changes live state only. What is called the quota of a vCPU is that of the whole container. */
export function setContainerKnob({ uuid, link }: Container, knob: ContainerKnob, to: Setting): Promise<void> {
  return link.use(async (connection) => {
    switch (knob) {
      case 'cpu.weight':
        return connection.setScheduler(uuid, [['cpu_shares', 'ullong', amountOf(knob, to)]])
      case 'cpu.quota':
        return connection.setScheduler(uuid, [
          ['vcpu_period', 'ullong', PERIOD_US],
          ['vcpu_quota', 'llong', quotaUs(to)],
        ])
      case 'freeze':
        return freeze(connection, uuid, to)
    }
  })
}

/** Names that must not be mixed up. A brand costs nothing at run time; the edge casts once, after it has parsed. */

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** The name by which the policy and people know a domain, unique on its host. */
export type DomainName = Branded<'DomainName'>
/** The driver's identity of a domain: a UUID, or a cgroup's inode and boot id. A new one means a new domain of that name. */
export type Identity = Branded<'Identity'>
/** `cpu`, `memory@node0`, `io.read:8:0`, `device:sriov-vf`, or a countable that the policy declares. */
export type ResourceKey = Branded<'ResourceKey'>
/** Unique within a policy: the goal's own name, or one made from its domain, kind and priority. */
export type GoalId = Branded<'GoalId'>
/** A place in the scheduling hierarchy that carries a weight, as its driver names it (a cgroup's path, a VM's UUID). */
export type NodeId = Branded<'NodeId'>

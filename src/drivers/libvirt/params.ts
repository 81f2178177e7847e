/**
 * libvirt's typed parameters, as it lays them out in memory: a field name of 80 bytes, the type, and eight bytes of
 * value. The layout is part of libvirt's binary interface and has not changed since 0.8.
 */

/** A value as libvirt knows it; whole numbers are read as doubles, exact up to 2^53. */
export type ParamValue = number | boolean | string

/** The types of whole numbers that Reeve writes. */
export type WrittenType = 'int' | 'uint' | 'llong' | 'ullong'
export type WrittenParam =
  | readonly [field: string, type: WrittenType, value: number]
  | readonly [field: string, type: 'string', value: string]

const FIELD_BYTES = 80
const TYPE_AT = 80
const VALUE_AT = 88
/** Bytes of one parameter. */
export const PARAM_BYTES = 96

const TYPE = { int: 1, uint: 2, llong: 3, ullong: 4, double: 5, boolean: 6, string: 7 } as const

/**
 * Packs parameters for one call, with texts behind them; `addressOf` tells where the packed bytes lie, which only texts
 * need. Example: `[['cpu_shares', 'ullong', 700]]` becomes 96 bytes.
 */
export function packParams(params: readonly WrittenParam[], addressOf: (packed: Buffer) => bigint = () => 0n): Buffer {
  const texts = params.map(([, type, value]) => (type === 'string' ? Buffer.from(`${value}\0`) : Buffer.alloc(0)))
  const packed = Buffer.alloc(PARAM_BYTES * params.length + Buffer.concat(texts).length)
  let textAt = PARAM_BYTES * params.length
  for (const [i, [field, type, value]] of params.entries()) {
    const at = i * PARAM_BYTES
    packed.write(field, at, FIELD_BYTES - 1, 'latin1')
    packed.writeInt32LE(TYPE[type], at + TYPE_AT)
    if (type === 'int') packed.writeInt32LE(value, at + VALUE_AT)
    else if (type === 'uint') packed.writeUInt32LE(value, at + VALUE_AT)
    else if (type === 'llong') packed.writeBigInt64LE(BigInt(value), at + VALUE_AT)
    else if (type === 'ullong') packed.writeBigUInt64LE(BigInt(value), at + VALUE_AT)
    else {
      packed.writeBigUInt64LE(addressOf(packed) + BigInt(textAt), at + VALUE_AT)
      textAt += (texts[i] as Buffer).copy(packed, textAt)
    }
  }
  return packed
}

/** Reads `count` parameters; `textAt` reads the string that a pointer points to. */
export function unpackParams(
  packed: Buffer,
  count: number,
  textAt: (pointer: bigint) => string,
): Map<string, ParamValue> {
  const params = new Map<string, ParamValue>()
  for (let i = 0; i < count; i++) {
    const at = i * PARAM_BYTES
    const end = packed.indexOf(0, at)
    const field = packed.toString('latin1', at, Math.min(end < 0 ? at + FIELD_BYTES : end, at + FIELD_BYTES))
    const value = valueAt(packed, packed.readInt32LE(at + TYPE_AT), at + VALUE_AT, textAt)
    if (value !== undefined) params.set(field, value)
  }
  return params
}

/** undefined for a type that a later libvirt may bring. */
function valueAt(
  packed: Buffer,
  type: number,
  at: number,
  textAt: (pointer: bigint) => string,
): ParamValue | undefined {
  switch (type) {
    case TYPE.int:
      return packed.readInt32LE(at)
    case TYPE.uint:
      return packed.readUInt32LE(at)
    case TYPE.llong:
      return Number(packed.readBigInt64LE(at))
    case TYPE.ullong:
      return Number(packed.readBigUInt64LE(at))
    case TYPE.double:
      return packed.readDoubleLE(at)
    case TYPE.boolean:
      return packed[at] !== 0
    case TYPE.string:
      return textAt(packed.readBigUInt64LE(at))
    default:
      return undefined
  }
}

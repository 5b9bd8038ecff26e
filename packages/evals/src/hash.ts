import { createHash } from "node:crypto"

/** Of values that JSON can hold, in this order: the same values give the same 64 hexadecimal digits anywhere. */
export const hashOf = (...values: ReadonlyArray<unknown>): string =>
  createHash("sha256").update(JSON.stringify(values)).digest("hex")

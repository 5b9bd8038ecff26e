import { randomBytes } from "node:crypto"

/** 400 characters, none like others: what is alike is compressed away, and costs nothing to remember. */
export const newQuestion = (): string => randomBytes(300).toString("base64")

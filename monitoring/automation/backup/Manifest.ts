/** Names and their SHA-256, as `sha256sum` writes them and `sha256sum --check` reads them. */
import { createHash } from "node:crypto"

export type Manifest = ReadonlyMap<string, string>

export const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex")

export const print = (manifest: Manifest): string =>
  [...manifest]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, sum]) => `${sum}  ${name}\n`)
    .join("")

/** Nothing, if any line is another, or a name comes twice. */
export const parse = (text: string): Manifest | undefined => {
  const lines = text.split("\n").slice(0, -1)
  const found = new Map<string, string>()
  for (const line of lines) {
    const [, sum, name] = /^([0-9a-f]{64}) {2}(\S.*)$/u.exec(line) ?? []
    if (sum === undefined || name === undefined || found.has(name)) return undefined
    found.set(name, sum)
  }
  return text.endsWith("\n") ? found : undefined
}

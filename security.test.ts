/** Whoever renames a test that shows how a requirement is met renames it in docs/security.md as well. */
import { expect, it } from "vitest"
import { existsSync, readFileSync } from "node:fs"

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8")

/** The last cell of each row: a file and what its test says, or a dash. */
const named = [...read("docs/security.md").matchAll(/^\| \d.* \| (.+) \|$/gmu)].flatMap(([, cell = ""]) =>
  cell === "-" ? [] : [cell]
)

const isThere = (cell: string): boolean => {
  const [, file = "", name = ""] = /^`(.+\.test\.ts)`: "(.+)"$/u.exec(cell) ?? []
  const path = file.startsWith("packages/") ? file : `packages/server/src/${file}`
  return name !== "" && existsSync(new URL(path, import.meta.url)) && read(path).includes(name)
}

it("docs/security.md names tests that exist", () => {
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter((cell) => !isThere(cell))).toEqual([])
})

/** What the tests of lint rules are made of: one run of oxlint, and what it says of each line. */
import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { promisify } from "node:util"
import { beforeAll, expect, it } from "vitest"

/** Sources by the path of the file they are a line of. A file belongs to one rule. */
type Sources = Readonly<Record<string, ReadonlyArray<string>>>

export const from = (...specifiers: ReadonlyArray<string>) => specifiers.map((name) => `export { it } from "${name}"`)

export const server = "packages/server/src"
export const room = (file: string, ...sources: ReadonlyArray<string>) => ({ [`${server}/Chat/${file}.ts`]: sources })

const tree: Array<readonly [path: string, sources: ReadonlyArray<string>]> = []

let report: {
  readonly diagnostics: ReadonlyArray<{
    readonly message: string
    readonly help?: string
    readonly filename: string
    readonly labels: ReadonlyArray<{ readonly span: { readonly line: number } }>
  }>
} = { diagnostics: [] }

beforeAll(async () => {
  const cwd = await mkdtemp(join(tmpdir(), "parley-lint-"))
  try {
    await cp("oxlint.config.ts", join(cwd, "oxlint.config.ts"))
    await writeFile(join(cwd, "package.json"), `{ "type": "module" }`)
    for (const [path, sources] of tree) {
      await mkdir(dirname(join(cwd, path)), { recursive: true })
      await writeFile(join(cwd, path), sources.join("\n"), { flag: "wx" })
    }
    const command = [resolve("node_modules/oxlint/bin/oxlint"), "--format=json"]
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd }).catch(
      (failed: { readonly stdout: string }) => failed
    )
    report = JSON.parse(stdout)
  } finally {
    await rm(cwd, { recursive: true })
  }
})

const seen = (files: Sources) =>
  Object.entries(files).flatMap(([path, sources]) =>
    sources.map((source, index) => ({
      source: `${path}: ${source}`,
      messages: report.diagnostics
        .filter(({ filename }) => filename === path)
        .filter(({ labels }) => sources.length === 1 || labels[0]?.span.line === index + 1)
        .map(({ help, message }) => `${message} ${help ?? ""}`)
    }))
  )

export const rule = (title: string, message: string, refused: Sources, accepted: Sources = {}) => {
  tree.push(...Object.entries(refused), ...Object.entries(accepted))
  it(title, () => {
    const refusals = seen(refused)
    expect(refusals).toEqual(refusals.map(({ source }) => ({ source, messages: [expect.stringContaining(message)] })))
    const acceptances = seen(accepted)
    expect(acceptances).toEqual(acceptances.map(({ source }) => ({ source, messages: [] })))
  })
}

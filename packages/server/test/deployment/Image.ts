/** What docker/Dockerfile says, and the files of the image, made in a folder as far as that can be without Docker. */
import dockerignore from "@balena/dockerignore"
import { DockerfileParser, type Instruction, JSONInstruction } from "dockerfile-ast"
import { execFile } from "node:child_process"
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

export const root = fileURLToPath(new URL("../../../..", import.meta.url)).replace(/\/$/u, "")

export const dockerfile = await readFile(`${root}/docker/Dockerfile`, "utf8")
const ignored = dockerignore.default().add(await readFile(`${root}/.dockerignore`, "utf8"))

export interface Step {
  readonly keyword: string
  /** Without comments and line ends. */
  readonly text: string
  readonly words: ReadonlyArray<string>
  readonly flags: Readonly<Record<string, string>>
}

const stepOf = (instruction: Instruction): Step => {
  const text = (instruction.getArgumentsContent() ?? "").replaceAll(/#.*\n/gu, "").replaceAll(/\s+/gu, " ").trim()
  const flags = instruction instanceof JSONInstruction ? instruction.getFlags() : []
  return {
    keyword: instruction.getKeyword(),
    text,
    words: text.split(" "),
    flags: Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue() ?? ""]))
  }
}

/** The steps of each stage, by its name; the last one is called "image". */
export const stages = new Map<string, Array<Step>>()
for (const step of DockerfileParser.parse(dockerfile).getInstructions().map(stepOf)) {
  if (step.keyword === "FROM") stages.set(step.words[2] ?? "image", [step])
  else [...stages.values()].at(-1)?.push(step)
}

/** What the image says last of this, in its own steps. */
export const said = (keyword: string): Step => {
  const found = stages.get("image")?.findLast((step) => step.keyword === keyword)
  if (found === undefined) throw new Error(`docker/Dockerfile has no ${keyword} in its last stage`)
  return found
}

/** A command that is written as JSON, after the word `CMD` in a health check. */
export const command = (keyword: string): ReadonlyArray<string> =>
  JSON.parse(
    said(keyword)
      .text.replace(/^CMD /u, "")
      .replace(/^[^[]*/u, "")
  )

/** Only what touches nothing but the folder of the stage: it runs on the machine of whoever runs the tests. */
const harmless =
  /^(?:npm ci|find node_modules|chmod -R a\+rX \.|mkdir \.data|node packages\/app\/build\.ts)(?: (?!\/|~|\.\.)\S+)*$/u

const runIn = async (directory: string, step: Step) => {
  for (const part of step.text.split("&&").map((part) => part.trim())) {
    if (!harmless.test(part)) throw new Error(`This test knows nothing of what docker/Dockerfile runs here: ${part}`)
    const env = { ...process.env, npm_config_prefer_offline: "true", npm_config_update_notifier: "false" }
    await promisify(execFile)("sh", ["-c", part], { cwd: directory, env, maxBuffer: 2 ** 24 })
  }
}

const isFolder = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false
  )

/** As Docker does: a folder's content into a folder, files into a folder that is named with a slash. */
const copy = async (from: string, to: string, step: Step, stagePaths: ReadonlyMap<string, string>) => {
  const sources = step.words.slice(0, -1)
  const target = step.words.at(-1) ?? ""
  const stage = step.flags["from"]
  const base = stage === undefined ? from : stagePaths.get(stage)
  if (base === undefined) throw new Error(`docker/Dockerfile copies from an unknown stage ${stage}`)
  for (const source of sources) {
    const path = stage === undefined ? join(base, source) : join(base, source.replace(/^\/app\//u, ""))
    const isInto = target.endsWith("/") && !(await isFolder(path))
    const destination = join(to, target, isInto ? basename(source) : "")
    await mkdir(dirname(destination), { recursive: true })
    // Nobody looks at a stage again, and to copy thousands of files takes its time.
    if (stage !== undefined) await rename(path, destination)
    else
      await cp(path, destination, {
        recursive: true,
        filter: async (file) => (await isFolder(file)) || !ignored.ignores(relative(root, file))
      })
  }
}

/** Makes `/app` of the image; gives its folder, which anybody may enter, and what removes it. */
export const build = async () => {
  const home = await mkdtemp(join(tmpdir(), "parley-image-"))
  await chmod(home, 0o755)
  const paths = new Map<string, string>()
  for (const [name, steps] of stages) {
    const directory = join(home, name)
    await mkdir(directory, { mode: 0o755 })
    paths.set(name, directory)
    for (const step of steps) {
      if (step.keyword === "COPY") await copy(root, directory, step, paths)
      // What the last stage runs is about the base image, which is not here.
      if (step.keyword === "RUN" && name !== "image") await runIn(directory, step)
    }
  }
  return { app: join(home, "image"), remove: () => rm(home, { recursive: true, force: true }) }
}

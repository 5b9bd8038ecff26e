/** A real nginx of a test's own on a free port, with docker/nginx.conf.example: only addresses and folders are the test's. */
import { Context, Effect, FileSystem, Schedule } from "effect"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { freePort } from "../bench/Processes.ts"

/** The address from which it asks: one of loopback that no test uses. */
export const address = "127.0.0.2"

const example = fileURLToPath(new URL("../../../docker/nginx.conf.example", import.meta.url))

const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]

/** With something else in the place of what the example must have. */
const changed = (text: string, changes: Readonly<Record<string, string>>): string =>
  Object.entries(changes).reduce((current, [there, then]) => {
    if (current.split(there).length !== 2) throw new Error(`nginx.conf.example should have this once: ${there}`)
    return current.replace(there, then)
  }, text)

/** Servers by port; one that is `down` gets nothing. */
export type Upstreams = ReadonlyArray<{ readonly port: number; readonly down?: boolean }>

export class RealNginx extends Context.Service<
  RealNginx,
  {
    readonly url: string
    /** As an operator does it: the file is changed, nginx told, and given a second to have it done. */
    readonly reload: (servers: Upstreams) => Effect.Effect<void>
  }
>()("@parley/server/test/RealNginx") {
  static readonly make = Effect.fnUntraced(function* (servers: Upstreams) {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* Effect.orDie(fs.makeTempDirectoryScoped({ prefix: "parley-nginx-" }))
    const port = yield* freePort
    const write = (upstreams: Upstreams) =>
      Effect.orDie(
        fs.writeFileString(
          `${folder}/nginx.conf`,
          changed(readFileSync(example, "utf8"), {
            "  worker_connections 8192;": "  worker_connections 1024;",
            "worker_processes auto;": "worker_processes 2;",
            "http {\n": `http {\n  access_log off;\n${folders.map((name) => `  ${name}_temp_path ${folder}/${name};\n`).join("")}`,
            "listen 80;": `listen 127.0.0.1:${port};`,
            "proxy_pass http://parley;": `proxy_pass http://parley;\n      proxy_bind ${address};`,
            ...Object.fromEntries(
              upstreams.map(({ down = false, port: to }, index) => [
                `server parley-${index + 1}:8000 `,
                `server 127.0.0.1:${to} ${down ? "down " : ""}`
              ])
            )
          })
        )
      )
    yield* write(servers)
    const user = process.getuid?.() === 0 ? "user root; " : ""
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          "nginx",
          ["-p", folder, "-c", `${folder}/nginx.conf`, "-e", "stderr", "-g", `${user}daemon off; pid ${folder}/pid;`],
          {
            stdio: ["ignore", "ignore", "inherit"],
            // Where Debian keeps servers, and only root looks.
            env: { PATH: `${process.env["PATH"]}:/usr/sbin` }
          }
        )
      ),
      (child) =>
        Effect.callback<void>((resume) => {
          if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGTERM")
        })
    )
    const ended = Effect.callback<never>((resume) => {
      const say = () =>
        resume(Effect.die(new Error("nginx has ended, or is not there: `make test` installs it, or says how")))
      child.once("error", say).once("exit", say)
    })
    const url = `http://127.0.0.1:${port}`
    const up = Effect.tryPromise((signal) => fetch(`${url}/health/live`, { signal })).pipe(
      Effect.retry(Schedule.spaced("20 millis")),
      Effect.orDie
    )
    yield* Effect.raceFirst(up, ended)
    return RealNginx.of({
      url,
      reload: (upstreams) =>
        write(upstreams).pipe(
          Effect.tap(() => Effect.sync(() => child.kill("SIGHUP"))),
          Effect.andThen(Effect.sleep("1 second"))
        )
    })
  })
}

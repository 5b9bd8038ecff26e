import { NodeCrypto, NodeFileSystem, NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { FamilyId, Unauthorized, UserId } from "@parley/domain/Users"
import { ConfigProvider, DateTime, Deferred, Effect, Fiber, FileSystem, Layer, Redacted } from "effect"
import { TestClock } from "effect/testing"
import {
  decodeJwt,
  decodeProtectedHeader,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT
} from "jose"
import { AccessTokens } from "./AccessTokens.ts"

const textEncoder = new TextEncoder()
const key = "the key of these tests, 32 bytes or more"
const otherKey = "another key, which has 32 bytes or more too"
const userId = UserId.make("0199c0de-0000-7000-8000-000000000001")
const familyId = FamilyId.make("0199c0de-0000-7000-8000-000000000004")

/** The service as a server would have it that was set up in this way. */
const setUp = (settings: Readonly<Record<string, string>> = {}) =>
  Layer.fresh(AccessTokens.layer).pipe(
    Layer.provide([NodeCrypto.layer, NodeServices.layer]),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ JWT_SECRET_KEY: key, ...settings })))
  )

const claims = { iss: "parley", aud: "parley-api", sub: userId, sid: familyId, jti: "1", iat: 0, exp: 3600 }
const header = { alg: "HS256", typ: "at+jwt" }

const sign = (changed: JWTPayload = {}, options: { header?: JWTHeaderParameters; key?: string } = {}) =>
  Effect.promise(() =>
    new SignJWT({ ...claims, ...changed })
      .setProtectedHeader(options.header ?? header)
      .sign(textEncoder.encode(options.key ?? key))
  )

const without = (name: keyof typeof claims) => sign({ [name]: undefined })

const verify = (token: string) => Effect.flatMap(AccessTokens, (tokens) => tokens.verify(Redacted.make(token)))

const refused = Effect.fnUntraced(function* (token: string) {
  const error = yield* Effect.flip(verify(token))
  assert.deepStrictEqual(error, new Unauthorized({ detail: "Invalid or expired token" }))
})

describe("an access token", () => {
  it.effect("says who, by which login, and until when, in the form of RFC 9068", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_500)
      const { expiresAt, expiresIn, token } = yield* Effect.flatMap(AccessTokens, (tokens) =>
        tokens.issue(userId, familyId)
      )
      assert.deepStrictEqual(decodeProtectedHeader(token), header)
      // Nothing else: it is signed, not sealed, so it must not tell e-mail addresses or names.
      const told = decodeJwt(token)
      assert.match(told.jti ?? "", /^[0-9a-f-]{36}$/u)
      assert.deepStrictEqual(told, { ...claims, jti: told.jti ?? "", iat: 1, exp: 3601 })
      assert.strictEqual(expiresIn, 3600)
      assert.strictEqual(DateTime.toEpochMillis(expiresAt), 3_601_000)
    }).pipe(Effect.provide(setUp({ JWT_ACCESS_TOKEN_EXPIRE_HOURS: "1" })))
  )

  it.effect("is good until it expires, and no longer", () =>
    Effect.gen(function* () {
      const { token } = yield* Effect.flatMap(AccessTokens, (tokens) => tokens.issue(userId, familyId))
      yield* TestClock.adjust("59 minutes")
      assert.deepInclude(yield* verify(token), { sub: userId, sid: familyId })
      yield* TestClock.adjust("1 minute")
      yield* refused(token)
    }).pipe(Effect.provide(setUp({ JWT_ACCESS_TOKEN_EXPIRE_HOURS: "1" })))
  )

  it.effect("lives whole seconds, also when its hours are a fraction", () =>
    Effect.gen(function* () {
      const { expiresIn } = yield* Effect.flatMap(AccessTokens, (tokens) => tokens.issue(userId, familyId))
      assert.strictEqual(expiresIn, 37)
    }).pipe(Effect.provide(setUp({ JWT_ACCESS_TOKEN_EXPIRE_HOURS: "0.0101" })))
  )

  it.effect("is made by hand in these tests as the server would make it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* verify(yield* sign()), { sub: userId, sid: familyId, exp: 3600 })
    }).pipe(Effect.provide(setUp()))
  )

  for (const [what, token] of [
    ["is not signed", Effect.sync(() => new UnsecuredJWT(claims).encode())],
    ["is signed by nobody", Effect.map(sign(), (token) => token.slice(0, token.lastIndexOf(".") + 1))],
    ["is signed with another key", sign({}, { key: otherKey })],
    ["is signed with another algorithm", sign({}, { header: { ...header, alg: "HS512" } })],
    ["is of another type", sign({}, { header: { ...header, typ: "JWT" } })],
    ["is of no type", sign({}, { header: { alg: "HS256" } })],
    ["is another's", sign({ iss: "elsewhere" })],
    ["is for another", sign({ aud: "another-api" })],
    ["has expired", sign({ exp: -1 })],
    ["is not good yet", sign({ nbf: 3600 })],
    ["never expires", without("exp")],
    ["names nobody", without("sub")],
    ["names no login", without("sid")],
    ["has no id", without("jti")],
    ["names somebody who is no user", sign({ sub: "admin" })],
    ["has a login that is no id", sign({ sid: "' OR true --" })],
    ["is empty", Effect.succeed("")],
    ["is a word", Effect.succeed("abc")],
    ["is a refresh token", Effect.succeed("a".repeat(43))],
    ["is dots", Effect.succeed("..")],
    ["is very long", Effect.succeed("a.".repeat(100_000))]
  ] as const)
    it.effect(`is refused when it ${what}`, () => Effect.flatMap(token, refused).pipe(Effect.provide(setUp())))

  it.effect("is refused when a letter of it is changed", () =>
    Effect.gen(function* () {
      const token = yield* sign()
      for (let at = 0; at < token.length - 1; at += 7) {
        const letter = token[at] === "A" ? "B" : "A"
        yield* refused(token.slice(0, at) + letter + token.slice(at + 1))
      }
    }).pipe(Effect.provide(setUp()))
  )

  it.effect("is good under the key used before, but not made with it", () =>
    Effect.gen(function* () {
      yield* verify(yield* sign({}, { key: otherKey }))
      const { token } = yield* Effect.flatMap(AccessTokens, (tokens) => tokens.issue(userId, familyId))
      yield* Effect.provide(verify(token), setUp())
    }).pipe(Effect.provide(setUp({ JWT_SECRET_KEY_PREVIOUS: otherKey })))
  )
})

describe("the key, when none is set in development", () => {
  /** A server that keeps what it makes in this folder, and how it writes files. */
  const keptIn = (dataDir: string, files: Layer.Layer<FileSystem.FileSystem> = NodeFileSystem.layer) =>
    Layer.fresh(AccessTokens.layer).pipe(
      Layer.provide([NodeCrypto.layer, files]),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ DATA_DIR: dataDir })))
    )
  const issue = Effect.flatMap(AccessTokens, (tokens) => tokens.issue(userId, familyId))

  it.effect("is one for all servers of a folder, even if they start at once, and outlives them", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = `${yield* fs.makeTempDirectoryScoped()}/new`
      const servers = Array.from({ length: 20 }, () => Effect.provide(issue, keptIn(folder)))
      const tokens = yield* Effect.all(servers, { concurrency: "unbounded" })
      yield* Effect.forEach(tokens, ({ token }) => Effect.provide(verify(token), keptIn(folder)))
      assert.deepStrictEqual(yield* fs.readDirectory(folder), ["jwt-secret-key"])
      const { mode } = yield* fs.stat(`${folder}/jwt-secret-key`)
      assert.strictEqual(mode & 0o777, 0o600)
      assert.isAtLeast((yield* fs.readFileString(`${folder}/jwt-secret-key`)).length, 43)
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect("is never read half", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const [begun, goOn] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const slow = Layer.succeed(FileSystem.FileSystem, {
        ...fs,
        writeFileString: (path, text, options) =>
          fs
            .writeFileString(path, "", options)
            .pipe(
              Effect.andThen(Deferred.succeed(begun, undefined)),
              Effect.andThen(Deferred.await(goOn)),
              Effect.andThen(fs.writeFileString(path, text))
            )
      })
      const first = yield* Effect.forkChild(Effect.provide(issue, keptIn(folder, slow)))
      yield* Deferred.await(begun)
      const second = yield* Effect.provide(issue, keptIn(folder))
      yield* Deferred.succeed(goOn, undefined)
      for (const { token } of [yield* Fiber.join(first), second]) yield* Effect.provide(verify(token), keptIn(folder))
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.effect("is another in another folder", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const [one, other] = [yield* fs.makeTempDirectoryScoped(), yield* fs.makeTempDirectoryScoped()]
      const { token } = yield* Effect.provide(issue, keptIn(one))
      yield* Effect.provide(refused(token), keptIn(other))
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})

import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import { randomUUID } from "node:crypto"
import type { Page } from "playwright-core"
import { Browser, complaintsOf, enter, keptLogin, message, newcomer, say } from "../../test/Browser.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { TestServer } from "../../test/TestServer.ts"

const until = (wait: () => Promise<unknown>) => Effect.promise(wait)

const logOut = (page: Page) => page.getByRole("button", { name: "Log out" }).click()

const register = async (page: Page) => {
  await page.getByRole("button", { name: "Make an account" }).click()
  await enter(page, `${randomUUID().slice(0, 8)}@example.com`)
  await message(page).waitFor()
}

/** Answers to these requests are kept back until `release`; `held` waits for the first. */
const holding = Effect.fnUntraced(function* (page: Page, method: string, path: RegExp) {
  const released = Promise.withResolvers<void>()
  const isHeld = yield* Deferred.make<void>()
  yield* until(() =>
    page.route(path, async (route) => {
      if (route.request().method() !== method) return await route.continue()
      const response = await route.fetch()
      Deferred.doneUnsafe(isHeld, Effect.void)
      await released.promise
      await route.fulfill({ response }).catch(() => undefined)
    })
  )
  return { held: Deferred.await(isHeld), release: Effect.sync(() => released.resolve()) }
})

layer(Browser.layer.pipe(Layer.provideMerge(TestServer.layer)), { excludeTestServices: true, timeout: "60 seconds" })(
  "at /app",
  (it) => {
    it.effect("who logs out has ended the login on the server, though the access token was not good any more", () =>
      Effect.gen(function* () {
        const server = yield* TestServer
        const page = yield* newcomer()
        const other = yield* Effect.promise(() => page.context().newPage())
        yield* until(() => other.goto("/app"))
        yield* until(() => message(other).waitFor())
        // The other window is told of what is kept.
        const { refresh_token } = yield* Effect.promise(() => keptLogin(page, { access_token: "spoilt" }))
        const ended = other.waitForResponse((response) => response.url().endsWith("/auth/logout") && response.ok())
        yield* until(() => logOut(other))
        yield* until(() => ended)
        const refresh = server.ask("POST", "/v1/auth/refresh", { body: { refresh_token } })
        assert.strictEqual((yield* refresh).status, 401)
      })
    )

    it.effect("what the last person asked for is not shown to the next", () =>
      Effect.gen(function* () {
        const page = yield* newcomer()
        yield* until(() => say(page, "My secret"))
        yield* until(() => page.getByRole("link", { name: "My secret" }).waitFor())
        const { held, release } = yield* holding(page, "GET", /\/chat\/sessions(?:\?.*)?$/u)
        yield* until(() => page.goto("/app"))
        yield* held
        yield* until(() => logOut(page))
        const answered = page.waitForResponse(/\/chat\/sessions(?:\?.*)?$/u)
        yield* until(() => register(page))
        assert.strictEqual(yield* Effect.promise(() => page.getByRole("status").innerText()), "")
        yield* release
        yield* until(() => answered)
        yield* until(() => say(page, "Mine"))
        yield* until(() => page.getByRole("link", { name: "Mine" }).waitFor())
        assert.strictEqual(yield* Effect.promise(() => page.getByText("My secret").count()), 0)
        assert.deepStrictEqual(complaintsOf(page), [])
      })
    )

    it.effect("the end of an answer to one who has gone is not told to the next", () =>
      Effect.gen(function* () {
        const stub = yield* StubModel
        const gate = yield* Deferred.make<void>()
        const half = { afterChunks: { count: 1, stop: Deferred.await(gate) } }
        yield* stub.enqueue(Reply.text(["A secret", " that ends."], half))
        const page = yield* newcomer()
        const finished = page.waitForEvent("requestfinished", (request) => request.url().endsWith("/chat/stream"))
        yield* until(() => say(page, "Slowly"))
        yield* until(() => page.getByText("A secret").first().waitFor())
        yield* until(() => logOut(page))
        yield* until(() => register(page))
        // Whatever is told to a screen reader from now on.
        yield* until(() =>
          page.evaluate(`window.told = []
            new MutationObserver(([{ target }]) => window.told.push(target.textContent))
              .observe(document.querySelector("[role=status].unseen"), { characterData: true, childList: true, subtree: true })`)
        )
        yield* Deferred.succeed(gate, undefined)
        yield* until(() => finished)
        yield* until(() => say(page, "Mine"))
        yield* until(() => page.getByText("The stub has spoken.").first().waitFor())
        const told = yield* Effect.promise(() => page.evaluate(() => String(Reflect.get(globalThis, "told"))))
        assert.include(told, "The stub has spoken.")
        assert.notInclude(told, "secret")
      })
    )

    it.effect("a message that is sent while the chat gets its name has an answer of its own", () =>
      Effect.gen(function* () {
        const stub = yield* StubModel
        const gate = yield* Deferred.make<void>()
        yield* stub.enqueue(
          Reply.text("The first answer."),
          Reply.text("The second answer.", { beforeHeaders: Deferred.await(gate) })
        )
        const page = yield* newcomer()
        const { held, release } = yield* holding(page, "GET", /\/chat\/sessions\/[^/]+$/u)
        yield* until(() => say(page, "First"))
        yield* until(() => page.getByText("The first answer.").first().waitFor())
        yield* held
        yield* until(() => say(page, "Second"))
        yield* until(() => page.locator(".bubble").getByText("Second").waitFor())
        yield* Effect.repeat(stub.stats, { until: ({ open }) => open === 1 })
        const answers = page.locator(".message.answer .markdown")
        yield* release
        yield* until(() => page.getByRole("heading", { level: 1, name: "First" }).waitFor())
        assert.deepStrictEqual(yield* Effect.promise(() => answers.allInnerTexts()), ["The first answer."])
        yield* Deferred.succeed(gate, undefined)
        yield* until(() => answers.getByText("The second answer.").waitFor())
        assert.deepStrictEqual(yield* Effect.promise(() => answers.allInnerTexts()), [
          "The first answer.",
          "The second answer."
        ])
      })
    )

    it.effect("two windows that renew a login at once stay logged in, also where there are no locks", () =>
      Effect.gen(function* () {
        const page = yield* newcomer()
        const context = page.context()
        yield* until(() => context.addInitScript("delete Navigator.prototype.locks"))
        const other = yield* Effect.promise(() => context.newPage())
        yield* until(() => keptLogin(page, { expires_at: 0 }))
        const { held, release } = yield* holding(page, "POST", /\/auth\/refresh$/u)
        yield* until(() => page.reload())
        yield* held
        const refused = other.waitForResponse((response) => response.url().endsWith("/auth/refresh"))
        yield* until(() => other.goto("/app"))
        assert.strictEqual((yield* Effect.promise(() => refused)).status(), 401)
        yield* release
        for (const one of [page, other]) yield* until(() => one.getByText("of €2.50").first().waitFor())
        assert.isFalse(yield* Effect.promise(() => page.evaluate(() => "locks" in navigator)))
      })
    )
  }
)

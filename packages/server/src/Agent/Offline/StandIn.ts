/**
 * What the offline model says. No language model is behind it and every answer says so: it matches a few sentences, so
 * that chat, memory and tools can be tried before there is a key. A pure function of the conversation.
 */
import type { ChatCompletionRequest, Message } from "./ChatCompletionRequest.ts"

export type Reply =
  | { readonly _tag: "Say"; readonly text: string }
  | { readonly _tag: "Use"; readonly tool: string; readonly input: Readonly<Record<string, string>> }

const notice = "I am Parley's offline stand-in; no language model is behind this answer."

const howTo =
  "To talk to one, set LLM_API_KEY and restart. For Ollama, vLLM or any other OpenAI-compatible server " +
  "set LLM_BASE_URL as well (for Ollama http://localhost:11434/v1, with any key), and LLM_MODEL to a model it serves."

const abilities =
  "Parley keeps your sessions and remembers each conversation, answers whole or as a live stream, " +
  "and lets its model use tools."

const example = `Try "what time is it?", "my name is Ann", "what is my name?", "what did I say first?", "6 * 7".`

const say = (text: string): Reply => ({ _tag: "Say", text: `${text}\n\n(${notice} Set LLM_API_KEY to talk to one.)` })

/** Answers the tools that have just run, or else what the user said last. */
export const reply = (request: ChatCompletionRequest): Reply => {
  const results = resultsOf(request.messages)
  if (results.length > 0) {
    return say(results.map(({ result, tool }) => `The tool ${tool} answered: ${shorten(result, 1000)}`).join("\n"))
  }
  const said = request.messages.flatMap((message) => (message.role === "user" ? [message.content.trim()] : []))
  const tools = request.tool_choice === "none" ? [] : (request.tools ?? []).map((tool) => tool.function.name)
  const last = said.at(-1) ?? ""
  for (const topic of topics) {
    const match = topic.pattern.exec(last)
    if (match !== null) return topic.reply({ last, match, said, tools })
  }
  return say(
    last === ""
      ? "You said nothing I can read. I only read text."
      : `You said "${shorten(last)}". I can only answer a few sentences. ${example}`
  )
}

interface Turn {
  readonly last: string
  readonly match: RegExpExecArray
  /** All the user said, oldest first; `last` is its end. */
  readonly said: ReadonlyArray<string>
  readonly tools: ReadonlyArray<string>
}

const use = (turn: Turn, tool: string, input: Readonly<Record<string, string>>): Reply =>
  turn.tools.includes(tool)
    ? { _tag: "Use", tool, input }
    : say(`For that I would use the tool ${tool}, but it is not switched on here.`)

/** Tried in this order; the first whose pattern occurs answers. */
const topics: ReadonlyArray<{ readonly pattern: RegExp; readonly reply: (turn: Turn) => Reply }> = [
  {
    pattern:
      /^(?:what(?:'s| is)|calculate)?\s*(-?[\d.]+)\s*([-+*/x×÷]|plus|minus|times|divided by)\s*(-?[\d.]+)[\s=?.!]*$/i,
    reply: ({ match }) => {
      const [, left = "", operator = "", right = ""] = match
      const result = calculate(Number(left), operator.toLowerCase(), Number(right))
      return say(
        Number.isFinite(result)
          ? `${left} ${operator} ${right} = ${Number(result.toPrecision(12))}`
          : `${left} ${operator} ${right} has no answer.`
      )
    }
  },
  {
    pattern: /\bwhat(?:'s| is) my name\b|\bwho am i\b|\bdo you (?:know|remember) my name\b/i,
    reply: ({ said }) => {
      const name = said.map((text) => introduction.exec(text)?.[1]).findLast((found) => found !== undefined)
      return say(name === undefined ? "You have not told me your name in this conversation." : `Your name is ${name}.`)
    }
  },
  {
    pattern: /\bwhat (?:did )?i (?:say|said|ask|asked|write|wrote) first\b|\bfirst thing i (?:said|asked|wrote)\b/i,
    reply: ({ said }) =>
      say(
        said.length < 2 ? "This is the first thing you said." : `The first thing you said: "${shorten(said[0] ?? "")}"`
      )
  },
  {
    pattern: /\bwhat did i (?:just )?(?:say|ask|write)\b/i,
    reply: ({ said }) =>
      say(
        said.length < 2 ? "This is the first thing you said." : `Before this you said: "${shorten(said.at(-2) ?? "")}"`
      )
  },
  {
    pattern: /\b(?:what(?:'s| is)?|tell me) (?:the |today's )?(?:current )?(?:time|date|day)\b/i,
    reply: (turn) => use(turn, "current_time", {})
  },
  {
    pattern:
      /\b(?:search(?: the (?:web|internet))?(?: for)?|look (?:up|for)|google|find out(?: about)?)\b[\s:]*(.*)$/is,
    reply: (turn) => {
      const [after = "", whole = ""] = [turn.match[1], turn.last].map((text) =>
        shorten(text ?? "").replace(/[\s?!.]+$/, "")
      )
      return use(turn, "web_search", { query: after === "" ? whole : after })
    }
  },
  {
    pattern:
      /\b(?:who|what|which model) are you\b|\bare you (?:an? )?(?:ai|bot|human|real|llm)\b|\byour name\b|\bapi.?key\b/i,
    reply: () => ({ _tag: "Say", text: `${notice} Parley started me because it has no LLM_API_KEY. ${howTo}` })
  },
  { pattern: /\bwhat can you do\b|\bhelp\b|\bparley\b/i, reply: () => say(`${abilities} ${example}`) },
  {
    pattern: /\b(?:my name is|call me)\s+\S/i,
    reply: ({ last }) =>
      say(`Nice to meet you, ${introduction.exec(last)?.[1] ?? "stranger"}. I will remember it in this conversation.`)
  },
  { pattern: /\bthank(?:s| you)\b/i, reply: () => say("You are welcome.") },
  { pattern: /^(?:hi|hello|hey|good (?:morning|afternoon|evening))\b/i, reply: () => say(`Hello! ${example}`) }
]

/** A name is up to three words that begin with a capital, or one word as it was typed. */
const introduction = /\b(?:[Mm]y name is|[Cc]all me)\s+((?:\p{Lu}[\p{L}'’-]*)(?:\s\p{Lu}[\p{L}'’-]*){0,2}|[\p{L}'’-]+)/u

const calculate = (left: number, operator: string, right: number): number => {
  if (operator === "+" || operator === "plus") return left + right
  if (operator === "-" || operator === "minus") return left - right
  if (operator === "/" || operator === "÷" || operator === "divided by") return left / right
  return left * right
}

/** The results at the end of the conversation, with the names of the tools they came from. */
const resultsOf = (messages: ReadonlyArray<Message>) => {
  const end = messages.findLastIndex((message) => message.role !== "tool")
  const asked = messages[end]
  const calls = asked?.role === "assistant" ? (asked.tool_calls ?? []) : []
  return messages.slice(end + 1).flatMap((message) =>
    message.role === "tool"
      ? [
          {
            result: message.content,
            tool: calls.find((call) => call.id === message.tool_call_id)?.function.name ?? message.tool_call_id
          }
        ]
      : []
  )
}

const shorten = (text: string, mostCodePoints = 120): string => {
  const all = [...text]
  return all.length <= mostCodePoints ? text : `${all.slice(0, mostCodePoints).join("")}…`
}

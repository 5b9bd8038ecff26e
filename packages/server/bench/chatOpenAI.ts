/** `ChatOpenAI` as Parley configures it, for what Parley is compared with. */
import { ChatOpenAI } from "@langchain/openai"

export const chatOpenAI = (baseURL: string) =>
  new ChatOpenAI({
    model: "gpt-4o-mini",
    apiKey: "stub",
    configuration: { baseURL },
    maxTokens: 2000,
    maxRetries: 0,
    streamUsage: true,
    useResponsesApi: false,
    temperature: 0.2
  })

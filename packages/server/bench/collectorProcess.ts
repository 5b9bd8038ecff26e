/** Takes traces, and says nothing of them: --mood well answers, failing answers 500, hang never answers. */
import { createServer } from "node:http"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: { port: { type: "string", default: "0" }, mood: { type: "string", default: "well" } }
})

createServer((request, response) => {
  request.resume().on("end", () => {
    // The benchmark asks whether it is there.
    if (values.mood === "hang" && request.method === "POST") return
    const status = values.mood === "failing" && request.method === "POST" ? 500 : 200
    response.writeHead(status, { "content-type": "application/json" }).end("{}")
  })
}).listen(Number(values.port), "127.0.0.1")

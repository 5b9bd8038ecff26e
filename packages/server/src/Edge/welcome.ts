import { Console, Effect } from "effect"
import { HttpServer } from "effect/http"
import { settings } from "../App/settings.ts"
import { appEnvironment } from "../Settings/Setting.ts"

const tour = (url: string, hasPage: boolean) => `
  Parley        ${url}${hasPage ? `\n  Talk to it    ${url}/app` : ""}
  Try the API   ${url}/docs
  API document  ${url}/openapi.json
  Health        ${url}/health

  Paste this into another terminal to register and chat:

    field() { node -pe "const it = JSON.parse(fs.readFileSync(0)); it.$1 ?? (console.error(it), process.exit(1))"; }
    TOKEN=$(curl -s ${url}/api/v1/auth/register -H 'content-type: application/json' \\
      -d '{"email":"me'$RANDOM'@example.com","password":"Correct-horse-7"}' | field access_token)
    SESSION=$(curl -s ${url}/api/v1/chat/sessions -H "authorization: Bearer $TOKEN" \\
      -H 'content-type: application/json' -d '{}' | field session_id)
    curl -N ${url}/api/v1/chat/stream -H "authorization: Bearer $TOKEN" \\
      -H 'content-type: application/json' -d '{"session_id":"'$SESSION'","content":"Hello, who are you?"}'

  Ctrl-C stops it. Accounts and conversations stay.
`

/** Says where the server is: to a developer with something to paste, to operators in the log. */
export const welcome = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const url = HttpServer.formatAddress(address).replace("127.0.0.1", "localhost")
  const environment = yield* appEnvironment.config
  const hasPage = yield* settings.appPage.config
  yield* environment === "development" ? Console.log(tour(url, hasPage)) : Effect.logInfo(`Listening on ${url}`)
})

/** Answers 405 with `Allow` where a path exists under another method; the router alone would say 404. */
import { Effect } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { HttpApi, type HttpApiGroup } from "effect/http-api"

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const
type Method = (typeof methods)[number]

const refuse = (allowed: ReadonlySet<Method>) => {
  // The router answers HEAD wherever it answers GET.
  const allow = [...allowed, ...(allowed.has("GET") ? ["HEAD"] : [])].join(", ")
  return HttpServerResponse.jsonUnsafe({ detail: "Method not allowed" }, { status: 405, headers: { allow } })
}

const isMethod = (method: string): method is Method => methods.some((known) => known === method)
const isPath = (path: string): path is `/${string}` => path.startsWith("/")

/** For every path of the API, the methods that it does not have. */
export const layer = <Id extends string, Groups extends HttpApiGroup.Constraint>(api: HttpApi.HttpApi<Id, Groups>) =>
  HttpRouter.use((router) => {
    const byPath = new Map<`/${string}`, Set<Method>>()
    HttpApi.reflect(api, {
      onGroup: () => {},
      onEndpoint: ({ endpoint: { method, path } }) => {
        if (isMethod(method) && isPath(path)) byPath.set(path, (byPath.get(path) ?? new Set()).add(method))
      }
    })
    const routes = [...byPath].flatMap(([path, allowed]) =>
      methods
        .filter((method) => !allowed.has(method))
        .map((method) => HttpRouter.route(method, path, Effect.succeed(refuse(allowed))))
    )
    return router.addAll(routes)
  })

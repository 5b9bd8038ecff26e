/** Answers for a path that exists under other methods: 405 with `Allow`, and OPTIONS. The router alone would say 404. */
import { Effect } from "effect"
import { FindMyWay, HttpRouter, HttpServerError, HttpServerResponse } from "effect/http"
import { HttpApi, type HttpApiGroup } from "effect/http-api"

const isPath = (path: string): path is `/${string}` => path.startsWith("/")

/** The router answers HEAD wherever it answers GET. */
const allowOf = (methods: ReadonlySet<string>): string =>
  [...methods, ...(methods.has("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ")

const refuse = (method: string, methods: ReadonlySet<string>) => {
  const headers = { allow: allowOf(methods) }
  return method === "OPTIONS"
    ? HttpServerResponse.empty({ status: 204, headers })
    : HttpServerResponse.jsonUnsafe({ detail: "Method not allowed" }, { status: 405, headers })
}

/** The request that no route takes, if that is the error. */
const unrouted = (error: unknown) =>
  HttpServerError.isHttpServerError(error) && error.reason._tag === "RouteNotFound" ? error.request : undefined

/** Knows the paths of the API, and `pages`: others that are there to be read. Matches them as the router does. */
export const layer = <Id extends string, Groups extends HttpApiGroup.Constraint>(
  api: HttpApi.HttpApi<Id, Groups>,
  options: { readonly pages: ReadonlyArray<`/${string}`>; readonly routerConfig: Partial<FindMyWay.RouterConfig> }
) =>
  HttpRouter.middleware(
    Effect.sync(() => {
      const methodsOf = new Map<`/${string}`, Set<string>>(options.pages.map((path) => [path, new Set(["GET"])]))
      HttpApi.reflect(api, {
        onGroup: () => {},
        onEndpoint: ({ endpoint: { method, path } }) => {
          if (isPath(path)) methodsOf.set(path, (methodsOf.get(path) ?? new Set()).add(method))
        }
      })
      const paths = FindMyWay.make<ReadonlySet<string>>(options.routerConfig)
      for (const [path, methods] of methodsOf) paths.on("GET", path, methods)

      return (httpEffect) =>
        Effect.catch(httpEffect, (error) => {
          const request = unrouted(error)
          if (request === undefined) return Effect.fail(error)
          const known = paths.find("GET", request.url)
          return known === undefined ? Effect.fail(error) : Effect.succeed(refuse(request.method, known.handler))
        })
    }),
    { global: true }
  )

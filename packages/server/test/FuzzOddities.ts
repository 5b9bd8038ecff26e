/** What a client should not send, and may: what fuzzing draws from. The simplest first, for failures shrink to it. */
import { Arbitrary, Schema } from "effect"

const below = (count: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: count - 1 })))

export const pick = <const A>(first: A, ...more: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(below(more.length + 1), (index) => more[index - 1] ?? first)

export const oneOf = <A>(first: Arbitrary.Arbitrary<A>, ...more: ReadonlyArray<Arbitrary.Arbitrary<A>>) =>
  Arbitrary.flatMap(pick(first, ...more), (chosen) => chosen)

/** Around every length that is a limit somewhere. */
const lengths = pick(7, 8, 64, 65, 72, 73, 100, 101, 254, 255, 1000, 30_000, 30_001)

export const text: Arbitrary.Arbitrary<string> = oneOf(
  pick("", " ", "\t", "0", "-1", "1e309", "NaN", "null", "true", "[]", "{}", "__proto__", "constructor"),
  pick(
    "\u0000",
    "a\u0000b",
    "\ud800",
    "x\udfff\ud800y",
    "\ufffd",
    "\ufeff",
    "\u202eabc",
    "e\u0301",
    "\u0130",
    "\u1e9e"
  ),
  pick(
    "'; DROP TABLE users; --",
    "../../etc/passwd",
    "\r\nX-Injected: 1",
    "{{7*7}}",
    "%s%n",
    "<script>",
    "a@b",
    "a@b.c"
  ),
  pick("00000000-0000-0000-0000-000000000000", "0199C0DE-0000-7000-8000-000000000002", "0001-01", "9999-12", "2026-13"),
  // Cursors: of nothing, of no JSON, of times and numbers that nothing keeps.
  pick(
    "IiI",
    "e30",
    "W10",
    "____",
    "Ii0xIg",
    "Ijk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5Ig",
    "WyIrMjc1NzYwLTA5LTEzVDAwOjAwOjAwLjAwMFoiLCJhIl0"
  ),
  Arbitrary.map(
    Arbitrary.all({ unit: pick("x", "\u00e9", "\u{1f600}", "e\u0301", "\u0000", "\n", "Aa1!"), times: lengths }),
    ({ times, unit }) => unit.repeat(times)
  ),
  Arbitrary.schema(Schema.String)
)

const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`

/** Values as text: JSON can say what `JSON.stringify` never would. */
export const json: Arbitrary.Arbitrary<string> = oneOf(
  pick("null", "true", "false", "0", "-1", "1.5", "-0", "[]", "{}", '""', "[null]", '["a","a"]', '{"a":1}'),
  pick("1e308", "1e400", "-1e400", "1E-400", "9007199254740993", "9".repeat(400), `0.${"1".repeat(400)}`),
  pick('{"__proto__":{"a":1}}', '{"toString":1,"length":-1}', '{"":{"":{"":0}}}', '"\\ud800"', '"\\u0000"'),
  pick(nested(50), nested(20_000), `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`, `[${"0,".repeat(50_000)}0]`),
  Arbitrary.map(text, (value) => JSON.stringify(value)),
  Arbitrary.map(Arbitrary.schema(Schema.Json), (value) => JSON.stringify(value))
)

/** What is no JSON, or not only. */
export const malformed: Arbitrary.Arbitrary<string | Uint8Array> = pick<string | Uint8Array>(
  "",
  "{",
  "}",
  "nul",
  '{"a":',
  "[1,]",
  "{'a':1}",
  "\ufeff{}",
  "\u0000",
  '{"a":1}{"b":2}',
  "[".repeat(100_000),
  "=&=&%ZZ&%",
  // No UTF-8, UTF-16, gzip
  new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
  new Uint8Array([0x1f, 0x8b, 0x08, 0x00]),
  // To the last byte that is read, and one more
  `{}${" ".repeat(1_048_574)}`,
  `{}${" ".repeat(1_048_575)}`
)

export const contentType: Arbitrary.Arbitrary<string> = pick(
  "",
  "text/plain",
  "application/json;",
  "application/json; charset=utf-16",
  "application/json, text/plain",
  "APPLICATION/JSON",
  "application/vnd.api+json",
  "application/x-www-form-urlencoded",
  "application/x-ndjson",
  "application/octet-stream",
  "multipart/form-data",
  "multipart/form-data; boundary=x",
  "text/event-stream",
  "json",
  ",",
  "/",
  "x".repeat(1000)
)

export const headers: Arbitrary.Arbitrary<Readonly<Record<string, string>>> = pick<Readonly<Record<string, string>>>(
  { "x-request-id": "" },
  { "x-request-id": "short" },
  { "x-request-id": "a b\u00ff".repeat(30) },
  { "x-request-id": "x".repeat(1000) },
  { accept: "application/xml" },
  { accept: "*/*;q=0, ;;," },
  { "accept-encoding": "gzip;q=2, br, *;q=0" },
  { "content-encoding": "gzip" },
  { "content-encoding": "identity, gzip" },
  { "transfer-encoding": "chunked" },
  { expect: "100-continue" },
  { expect: "a miracle" },
  {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "sec-websocket-version": "13"
  },
  { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABkAAQAAP__" },
  { host: "" },
  { host: "a b" },
  { host: "[::1" },
  { host: "evil.example.com:99999" },
  { "x-forwarded-for": "not an address, 1.2.3.4, ::1" },
  { "x-forwarded-host": "evil.example.com", "x-forwarded-proto": "gopher" },
  { forwarded: 'for="[::1]:x";proto=' },
  { origin: "null", "access-control-request-method": "DELETE" },
  { "x-http-method-override": "DELETE" },
  { cookie: "=; ;a==b; __proto__=1" },
  { range: "bytes=5-1", "if-none-match": "*", "if-modified-since": "yesterday" },
  { traceparent: "00-00000000000000000000000000000000-0000000000000000-zz", b3: "-", "x-b3-traceid": "\u00ff" },
  { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: ",=,".repeat(100) },
  { te: "trailers, deflate;q=0.5" },
  { "x-long": "x".repeat(17_000) },
  Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`x-header-${index}`, "1"]))
)

/** Of the header `Authorization`; empty for none. */
export const authorization: Arbitrary.Arbitrary<string> = pick(
  "",
  "Bearer",
  "Bearer ",
  "Bearer x",
  "Bearer a.b.c",
  "Bearer ..",
  "bearer __token__",
  "Bearer  __token__",
  "Bearer __token__x",
  "Bearer __token__, Bearer __token__",
  "Bearer __strangers_token__",
  "Bearer __refresh_token__",
  "Bearer eyJhbGciOiJub25lIn0.e30.",
  "Bearer \u00ff\u00fe",
  `Bearer ${"x".repeat(10_000)}`,
  "Basic YTpi",
  "__token__"
)

/** Ids of others, of nothing, and none at all. */
export const segment: Arbitrary.Arbitrary<string> = oneOf(
  pick(
    "__strangers_session__",
    "__uuid__",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff"
  ),
  pick(
    "",
    "%",
    "%zz",
    "%00",
    "%ff",
    "%ED%A0%80",
    "%2F",
    "%2e%2e",
    "..",
    ".",
    "a/b",
    "a//b",
    "*",
    ":session_id",
    "{session_id}"
  ),
  pick("__session__/", "__session__%20", "%20__session__", "__session__;a=b", "x".repeat(3000), "x".repeat(17_000)),
  Arbitrary.map(text, (value) => encodeURIComponent(value.toWellFormed()).slice(0, 8000))
)

export const afterPath: Arbitrary.Arbitrary<string> = pick(
  "",
  "/",
  "//",
  "/..",
  "/.",
  "%00",
  "%",
  "%zz",
  "%2F",
  ";a=b",
  "#a",
  "\\"
)

export const query: Arbitrary.Arbitrary<string> = pick(
  "",
  "&",
  "=",
  "a",
  "%",
  "%zz=%zz",
  "%00=%00",
  "%ff=%ff",
  "a=1&a=2",
  "a[]=1&a[b]=2",
  "__proto__=1&constructor[prototype]=2",
  "+=+",
  "?a=b?c",
  `a=${"x".repeat(8000)}`,
  Array.from({ length: 2000 }, (_, index) => `p${index}`).join("&")
)

/** docker/k8s against Kubernetes' own schemas, and against what it must be besides. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Exit } from "effect"
import { validate as deployment } from "kubernetes-models/_schemas/IoK8sApiAppsV1Deployment"
import { validate as autoscaler } from "kubernetes-models/_schemas/IoK8sApiAutoscalingV2HorizontalPodAutoscaler"
import { validate as job } from "kubernetes-models/_schemas/IoK8sApiBatchV1Job"
import { validate as namespace } from "kubernetes-models/_schemas/IoK8sApiCoreV1Namespace"
import { validate as secret } from "kubernetes-models/_schemas/IoK8sApiCoreV1Secret"
import { validate as service } from "kubernetes-models/_schemas/IoK8sApiCoreV1Service"
import { validate as serviceAccount } from "kubernetes-models/_schemas/IoK8sApiCoreV1ServiceAccount"
import { validate as networkPolicy } from "kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy"
import { validate as disruptionBudget } from "kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { parseAllDocuments } from "yaml"
import * as Settings from "../../src/Settings/Settings.ts"
import * as Image from "./Image.ts"

const folder = `${Image.root}/docker/k8s`

const documents = (path: string) =>
  parseAllDocuments(readFileSync(`${folder}/${path}`, "utf8")).map((document) => {
    assert.isEmpty(document.errors, path)
    return { path, value: document.toJS() }
  })

const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".yaml"))
const kustomizations = files.filter((file) => file.endsWith("kustomization.yaml"))
const all = files.filter((file) => !kustomizations.includes(file)).flatMap(documents)

interface Validator {
  (data: unknown): boolean
  errors?: ReadonlyArray<object> | null
}

const validators = new Map<string, Validator>([
  ["apps/v1 Deployment", deployment],
  ["autoscaling/v2 HorizontalPodAutoscaler", autoscaler],
  ["batch/v1 Job", job],
  ["networking.k8s.io/v1 NetworkPolicy", networkPolicy],
  ["policy/v1 PodDisruptionBudget", disruptionBudget],
  ["v1 Namespace", namespace],
  ["v1 Secret", secret],
  ["v1 Service", service],
  ["v1 ServiceAccount", serviceAccount]
])

/** Notes what is read of it: the validators read what they know, so what is left over are misspelt fields. */
const watched = (data: unknown, path: string, unread: Set<string>): unknown => {
  if (typeof data !== "object" || data === null) return data
  const copy = Array.isArray(data)
    ? data.map((item, index) => watched(item, `${path}/${index}`, unread))
    : Object.fromEntries(Object.entries(data).map(([key, value]) => [key, watched(value, `${path}/${key}`, unread)]))
  for (const key of Object.keys(copy)) unread.add(`${path}/${key}`)
  return new Proxy(copy, {
    get: (target, key) => {
      unread.delete(`${path}/${String(key)}`)
      return Reflect.get(target, key)
    }
  })
}

const problems = (value: { readonly apiVersion: string; readonly kind: string }) => {
  const validate = validators.get(`${value.apiVersion} ${value.kind}`)
  if (validate === undefined) return [`unknown: ${value.apiVersion} ${value.kind}`]
  const unread = new Set<string>()
  const isValid = validate(watched(value, "", unread))
  return [...(isValid ? [] : [JSON.stringify(validate.errors)]), ...unread]
}

const only = (kind: string) => {
  const found = all.filter(({ value }) => value.kind === kind)
  assert.lengthOf(found, 1, kind)
  return found[0]?.value
}

const server = only("Deployment")
const pods = [server.spec.template, only("Job").spec.template]
const containers = pods.flatMap(({ spec }) => spec.containers)
const [container] = server.spec.template.spec.containers
const names = new Set(Settings.all.map(({ name }) => name))

describe("a manifest", () => {
  for (const { path, value } of all)
    it(`${path}, ${value.kind} ${value.metadata.name}, is what Kubernetes knows, without a field more`, () =>
      assert.deepStrictEqual(problems(value), []))

  it("with a misspelt field or a wrong type is found out", () => {
    const misspelt = structuredClone(server)
    misspelt.spec.template.spec.containers[0].livenessProb = {}
    assert.deepStrictEqual(problems(misspelt), ["/spec/template/spec/containers/0/livenessProb"])
    const wrong = structuredClone(server)
    wrong.spec.template.spec.terminationGracePeriodSeconds = "soon"
    assert.isNotEmpty(problems(wrong))
  })

  it("is in a kustomization, but for the Secret, which is an example", () => {
    const listed = kustomizations.flatMap((path) => {
      const [kustomization] = documents(path)
      return kustomization?.value.resources.map((file: string) => path.replace("kustomization.yaml", file))
    })
    assert.sameMembers([...listed, "secret.example.yaml", ...kustomizations], files)
  })
})

describe("a pod", () => {
  it("may do nothing that the strictest of Kubernetes' standards forbids, and writes nowhere", () => {
    for (const { spec } of pods) {
      assert.isTrue(spec.securityContext.runAsNonRoot)
      assert.strictEqual(
        `${spec.securityContext.runAsUser}:${spec.securityContext.runAsGroup}`,
        Image.said("USER").text
      )
      assert.strictEqual(spec.securityContext.seccompProfile.type, "RuntimeDefault")
      assert.isFalse(spec.automountServiceAccountToken)
      assert.isFalse(spec.enableServiceLinks)
    }
    for (const { securityContext } of containers)
      assert.deepStrictEqual(securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] }
      })
    assert.strictEqual(only("Namespace").metadata.labels["pod-security.kubernetes.io/enforce"], "restricted")
  })

  it("says what it needs, and has a bound", () => {
    for (const { resources } of containers) {
      assert.hasAllKeys(resources.requests, ["cpu", "memory"])
      assert.isString(resources.limits.memory)
    }
  })

  it("sets settings that there are, secrets by reference alone", () => {
    for (const { env } of containers)
      for (const { name, value, valueFrom } of env) {
        assert.isTrue(names.has(name), name)
        if (value === undefined) assert.deepInclude(valueFrom.secretKeyRef, { name: "parley", key: name })
        else assert.strictEqual(name, "APP_ENV")
      }
    const literals = documents("kustomization.yaml").flatMap(({ value }) => value.configMapGenerator[0].literals)
    for (const literal of literals) {
      assert.isTrue(names.has(literal.split("=")[0]), literal)
      assert.notMatch(literal, /SECRET|KEY|TOKEN|PASSWORD|URL/u)
    }
  })

  it("migrates with a program that is there", () => {
    for (const file of only("Job").spec.template.spec.containers[0].args)
      assert.isTrue(existsSync(`${Image.root}/${file}`))
  })
})

describe("the servers", () => {
  it("are asked at paths that are probes, on the port they listen on", () => {
    const source = readFileSync(`${Image.root}/packages/domain/src/Health.ts`, "utf8")
    for (const [probe, path] of [
      ["startupProbe", "/health/live"],
      ["livenessProbe", "/health/live"],
      ["readinessProbe", "/health/ready"]
    ] as const) {
      assert.deepStrictEqual(container[probe].httpGet, { path, port: "http" })
      assert.include(source, `"${path}"`)
    }
    assert.deepStrictEqual(container.ports, [{ name: "http", containerPort: Number(Image.said("EXPOSE").text) }])
    assert.strictEqual(only("Service").spec.ports[0].targetPort, "http")
  })

  it("have the time to end turns in, after nobody sends them any", () => {
    const shutdownGraceSeconds = 30
    const { terminationGracePeriodSeconds } = server.spec.template.spec
    const preStop = container.lifecycle.preStop.sleep.seconds
    assert.isAtLeast(terminationGracePeriodSeconds, preStop + shutdownGraceSeconds + 5)
  })

  it("are those that service, autoscaler, budget and network policy mean", () => {
    const { labels } = server.spec.template.metadata
    assert.deepStrictEqual(server.spec.selector.matchLabels, labels)
    assert.deepStrictEqual(only("Service").spec.selector, labels)
    assert.deepStrictEqual(only("PodDisruptionBudget").spec.selector.matchLabels, labels)
    const { scaleTargetRef, minReplicas } = only("HorizontalPodAutoscaler").spec
    assert.deepStrictEqual(scaleTargetRef, { apiVersion: "apps/v1", kind: "Deployment", name: server.metadata.name })
    assert.isAtLeast(minReplicas, 2)
    // Else each apply would undo what the autoscaler did.
    assert.notProperty(server.spec, "replicas")
  })

  it("are closed to all that no policy names", () => {
    const policies = all.filter(({ value }) => value.kind === "NetworkPolicy").map(({ value }) => value.spec)
    assert.deepInclude(policies, { podSelector: {}, policyTypes: ["Ingress", "Egress"] })
    for (const { podSelector } of policies)
      for (const { metadata } of pods) assert.deepInclude(metadata.labels, podSelector.matchLabels ?? {})
  })
})

it("the example of a Secret has what is required, and no value that would do", () => {
  const { stringData } = only("Secret")
  const missing = ConfigProvider.fromUnknown({ APP_ENV: "production" })
  for (const { config, name } of Settings.all) {
    const isRequired = Exit.isFailure(Effect.runSyncExit(config.parse(missing)))
    assert.strictEqual(name in stringData, isRequired, name)
  }
  for (const [name, value] of Object.entries(stringData)) {
    assert.match(String(value), /^REPLACE: /u)
    const { config } = Settings.all.find((setting) => setting.name === name) ?? {}
    if (name !== "LLM_API_KEY")
      assert.isTrue(
        config !== undefined && Exit.isFailure(Effect.runSyncExit(config.parse(ConfigProvider.fromUnknown(stringData))))
      )
  }
})

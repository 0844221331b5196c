// Judges resources of Kubernetes by the schemas of their kinds, which are compiled functions in these
// packages. On standard input a JSON array of resources; on standard output what is wrong, a line each.
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = {
  "": "kubernetes-models",
  apps: "kubernetes-models",
  "networking.istio.io": "@kubernetes-models/istio",
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
};
// These are in every resource, and what is below them is everybody's own.
const FREE = new Set(["labels", "annotations", "matchLabels", "selector"]);
// What is below these is no part of the resource's schema.
const OPEN = { EnvoyFilter: ["value"] };

const HERE = dirname(fileURLToPath(import.meta.url));

/** The text of the schemas that a kind is made of: one with all in it, or those of the package. */
function schemas(name, kind) {
  const folder = join(HERE, "node_modules", name, "_schemas");
  const files = readdirSync(folder).filter((file) => file.endsWith(".js"));
  const own = files.filter((file) => file.endsWith(`${kind}.js`));
  const read = name.endsWith("istio") ? own : files;
  return read.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
}

/** The keys of a resource, with their paths. */
function* keys(value, free, path) {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* keys(item, free, `${path}/${index}`);
  } else if (value !== null && typeof value === "object") {
    for (const [key, item] of Object.entries(value)) {
      if (FREE.has(key)) continue;
      yield [key, `${path}/${key}`];
      if (!free.includes(key)) yield* keys(item, free, `${path}/${key}`);
    }
  }
}

let judged = 0;
for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  const slash = resource.apiVersion.indexOf("/");
  const group = slash < 0 ? "" : resource.apiVersion.slice(0, slash);
  const name = PACKAGES[group];
  if (!name) continue;
  judged += 1;
  const where = `${resource.kind} ${resource.metadata.name}`;
  const module = `${name}/${resource.apiVersion}/${resource.kind}`;
  const model = (await import(module))[resource.kind];
  try {
    new model(resource).validate();
  } catch (error) {
    console.log(`${where}: ${error.message}`);
  }
  // Kubernetes drops fields that a schema does not know, and these functions do not look at them.
  const text = schemas(name, resource.kind);
  for (const [key, path] of keys(resource.spec, OPEN[resource.kind] ?? [], "/spec")) {
    if (!new RegExp(`[."]${key.replace(/[.$]/g, "\\$&")}\\b`).test(text)) {
      console.log(`${where}: ${path} is not known`);
    }
  }
}
console.log(`judged ${judged}`);

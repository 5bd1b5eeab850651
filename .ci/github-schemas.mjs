// Trims GitHub's own descriptions of its API to what this repo uses of them, and keeps the result in
// fixtures/github. Without arguments: writes it. With --check: says whether it is still the same.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PACKAGES = { openapi: "@octokit/openapi@23.0.2", graphql: "@octokit/graphql-schema@15.26.1" };
const FIXTURES = new URL("../fixtures/github/", import.meta.url).pathname;

// What is used: operations of REST, and types of GraphQL with all of their fields.
const used = JSON.parse(readFileSync(join(FIXTURES, "used.json")));

const folder = mkdtempSync(join(tmpdir(), "github-schemas-"));
const read = (name, file) => {
  const archive = execFileSync("npm", ["pack", "--silent", name], { cwd: folder }).toString().trim();
  execFileSync("tar", ["xzf", archive, `package/${file}`], { cwd: folder });
  return JSON.parse(readFileSync(join(folder, "package", file)));
};

// --- REST ---------------------------------------------------------------------------------------------

const SILENT = new Set(["description", "example", "examples", "title", "externalDocs", "default", "deprecated", "format", "discriminator", "xml"]);
const SCHEMA = "#/components/schemas/";

/** A schema of OpenAPI 3.0 as JSON Schema, without what is there for people. `wanted`: names of properties. */
function schema(given, wanted) {
  if (Array.isArray(given)) return given.map((one) => schema(one, wanted));
  if (given === null || typeof given !== "object") return given;
  const result = {};
  for (const [key, value] of Object.entries(given)) {
    if (key === "properties") {
      const kept = Object.entries(value).filter(([name]) => !wanted || wanted.has(name));
      result.properties = Object.fromEntries(kept.map(([name, one]) => [name, schema(one, wanted)]));
    } else if (key === "required" && wanted) {
      continue; // An answer may be an excerpt.
    } else if (key === "$ref") {
      result.$ref = value.replace(SCHEMA, "#/schemas/");
    } else if (key === "enum") {
      result.enum = value;
    } else if (key === "oneOf" && wanted) {
      result.anyOf = schema(value, wanted); // Excerpts may fit several.
    } else if (!SILENT.has(key) && !key.startsWith("x-") && key !== "nullable") {
      result[key] = schema(value, wanted);
    }
  }
  if (!given.nullable) return result;
  if (result.enum && !result.enum.includes(null)) result.enum = [...result.enum, null];
  if (typeof result.type === "string") return { ...result, type: [result.type, "null"] };
  return { anyOf: [result, { type: "null" }] };
}

function rest(api) {
  const component = (one) => (one.$ref ? one.$ref.split("/").slice(1).reduce((at, key) => at[key], api) : one);
  const json = (content) => content?.content?.["application/json"]?.schema;
  const wanted = new Set(used.properties);
  const operations = {};
  for (const name of used.rest) {
    const [method, path] = name.split(" ");
    const operation = api.paths[path]?.[method.toLowerCase()];
    if (!operation) throw new Error(`GitHub has no ${name}`);
    const parameters = [...(api.paths[path].parameters ?? []), ...(operation.parameters ?? [])].map(component);
    const query = parameters.filter((one) => one.in === "query");
    const answers = Object.entries(operation.responses).map(([status, answer]) => {
      const body = json(component(answer));
      return [status, body ? schema(body, wanted) : null];
    });
    const body = json(operation.requestBody);
    operations[name] = {
      query: Object.fromEntries(query.map((one) => [one.name, schema(one.schema)])),
      body: body ? schema(body) : null,
      answers: Object.fromEntries(answers),
    };
  }
  const schemas = {};
  const collect = (value) => {
    if (value === null || typeof value !== "object") return;
    const name = value.$ref?.replace("#/schemas/", "");
    if (name && !(name in schemas)) {
      schemas[name] = schema(api.components.schemas[name], wanted);
      collect(schemas[name]);
    }
    Object.values(value).forEach(collect);
  };
  collect(operations);
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { source: PACKAGES.openapi, operations, schemas: sorted };
}

// --- GraphQL ------------------------------------------------------------------------------------------

function graphql(introspection) {
  const types = (introspection.data ?? introspection).__schema.types;
  const written = (type) =>
    type.kind === "NON_NULL" ? `${written(type.ofType)}!` : type.kind === "LIST" ? `[${written(type.ofType)}]` : type.name;
  const inputs = (all) => Object.fromEntries(all.map((one) => [one.name, written(one.type)]));
  const result = {};
  for (const [name, fields] of Object.entries(used.graphql)) {
    const type = types.find((one) => one.name === name);
    if (!type) throw new Error(`GitHub has no type ${name}`);
    result[name] = { kind: type.kind };
    if (type.kind === "INPUT_OBJECT") result[name].inputs = inputs(type.inputFields);
    if (type.kind === "ENUM") result[name].values = type.enumValues.map((one) => one.name);
    if (type.possibleTypes) result[name].possible = type.possibleTypes.map((one) => one.name).filter((one) => one in used.graphql);
    if (!type.fields) continue;
    result[name].fields = {};
    for (const field of fields) {
      const found = type.fields.find((one) => one.name === field);
      if (!found) throw new Error(`GitHub's ${name} has no ${field}`);
      result[name].fields[field] = { type: written(found.type), ...(found.args.length ? { arguments: inputs(found.args) } : {}) };
    }
  }
  return { source: PACKAGES.graphql, types: result };
}

// ------------------------------------------------------------------------------------------------------

/** One line for each entry of the two outer levels: a difference shows what it is about. */
function laidOut(value, depth = 2, indent = "") {
  if (depth === 0 || value === null || typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}  `;
  const entries = Object.entries(value).map(([key, one]) => `${inner}${JSON.stringify(key)}: ${laidOut(one, depth - 1, inner)}`);
  return entries.length ? `{\n${entries.join(",\n")}\n${indent}}` : "{}";
}

const results = {
  "openapi.json": rest(read(PACKAGES.openapi, "generated/api.github.com.json")),
  "graphql.json": graphql(read(PACKAGES.graphql, "schema.json")),
};
rmSync(folder, { recursive: true });
for (const [file, result] of Object.entries(results)) {
  const text = `${laidOut(result)}\n`;
  const path = join(FIXTURES, file);
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`fixtures/github/${file} isn't what GitHub's description says: run .ci/github-schemas.mjs`);
    process.exit(1);
  }
}

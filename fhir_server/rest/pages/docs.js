// Shows the OpenAPI document of this server and sends requests to it. Texts are set as text, never as markup.
"use strict";

const byTag = new Map();
let api = null;

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function resolve(item) {
  if (!item.$ref) return item;
  return item.$ref.split("/").slice(1).reduce((node, key) => node[key.replaceAll("~1", "/")], api);
}

function index() {
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      for (const tag of operation.tags ?? []) {
        if (!byTag.has(tag)) byTag.set(tag, []);
        byTag.get(tag).push({ path, method, operation });
      }
    }
  }
}

function list(filter) {
  const current = decodeURIComponent(location.hash.slice(1)) || "System";
  const wanted = filter.trim().toLowerCase();
  const tags = [...byTag.keys()].filter((tag) => tag.toLowerCase().includes(wanted));
  document.getElementById("types").replaceChildren(...tags.map((tag) => {
    const link = make("a", { href: `#${tag}` }, tag);
    if (tag === current) link.setAttribute("aria-current", "page");
    return make("li", {}, link);
  }));
}

function show() {
  const tag = decodeURIComponent(location.hash.slice(1)) || "System";
  const main = document.getElementById("main");
  main.replaceChildren(make("h2", {}, tag), ...(byTag.get(tag) ?? []).map(card));
  list(document.getElementById("filter").value);
  main.focus();
}

function card({ path, method, operation }) {
  const title = make("summary", {},
    make("span", { class: `method ${method}` }, method.toUpperCase()),
    make("code", {}, path), make("span", { class: "words" }, operation.summary ?? ""));
  const details = make("details", {}, title);
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(form(path, method, operation));
  });
  return details;
}

function form(path, method, operation) {
  const fields = make("div", { class: "fields" });
  const inputs = (operation.parameters ?? []).map(resolve).map((parameter) => {
    const input = make("input", { autocomplete: "off", spellcheck: "false" });
    if (parameter.required) input.required = true;
    const kind = parameter.in === "header" ? "header" : parameter.description ?? parameter.in;
    fields.append(make("label", {}, parameter.name, " ", make("span", { class: "kind" }, kind), input));
    return { parameter, input };
  });
  const types = Object.keys(operation.requestBody?.content ?? {});
  const type = make("select", {}, ...types.map((name) => make("option", {}, name)));
  const body = make("textarea", { spellcheck: "false" });
  const result = make("div", { "aria-live": "polite" });
  const element = make("form", {}, fields);
  if (types.length) element.append(make("label", {}, "Content-Type", type), make("label", {}, "Body", body));
  element.append(make("button", { type: "submit" }, "Send"), result);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    send(path, method, inputs, types.length && body.value ? { type: type.value, text: body.value } : null, result);
  });
  return element;
}

async function send(path, method, inputs, body, result) {
  const headers = { Accept: "application/fhir+json" };
  const query = new URLSearchParams();
  let filled = path;
  for (const { parameter, input } of inputs) {
    if (!input.value) continue;
    if (parameter.in === "path") filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (parameter.in === "header") headers[parameter.name] = input.value;
    else query.append(parameter.name, input.value);
  }
  if (body) headers["Content-Type"] = body.type;
  const url = `${api.servers[0].url}${filled === "/" ? "" : filled}${query.size ? `?${query}` : ""}`;
  try {
    const answer = await fetch(url, { method: method.toUpperCase(), headers, body: body?.text });
    const text = await answer.text();
    const told = ["location", "etag", "last-modified", "x-request-id"]
      .filter((name) => answer.headers.has(name)).map((name) => `${name}: ${answer.headers.get(name)}`).join("\n");
    result.replaceChildren(
      make("p", { class: `status ${answer.ok ? "good" : "bad"}` }, `${answer.status} ${answer.statusText}`),
      make("pre", {}, `${method.toUpperCase()} ${url}\n\n${told}`), make("pre", {}, pretty(text)));
  } catch (error) {
    result.replaceChildren(make("p", { class: "status bad" }, `The server did not answer: ${error.message}`));
  }
}

function pretty(text) {
  // Numbers must keep their digits, so JSON is laid out as text and never parsed.
  let depth = 0, quoted = false, out = "";
  if (!text.startsWith("{")) return text;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (quoted) {
      out += char;
      if (char === "\\") out += text[at += 1];
      else if (char === '"') quoted = false;
    } else if (char === '"') { quoted = true; out += char; }
    else if (char === "{" || char === "[") { depth += 1; out += `${char}\n${"  ".repeat(depth)}`; }
    else if (char === "}" || char === "]") { depth -= 1; out += `\n${"  ".repeat(depth)}${char}`; }
    else if (char === ",") out += `,\n${"  ".repeat(depth)}`;
    else if (char === ":") out += ": ";
    else out += char;
  }
  return out;
}

async function start() {
  try {
    api = await (await fetch("openapi.json")).json();
  } catch (error) {
    document.getElementById("main").replaceChildren(make("p", {}, `The description cannot be loaded: ${error.message}`));
    return;
  }
  document.getElementById("base").textContent = api.servers[0].url;
  index();
  document.getElementById("filter").addEventListener("input", (event) => list(event.target.value));
  window.addEventListener("hashchange", show);
  show();
}

start();

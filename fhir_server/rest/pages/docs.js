// Shows the OpenAPI document of this server and sends requests to it. Texts are set as text, never as markup.
"use strict";

const SYSTEM = "System";
const byTag = new Map([[SYSTEM, []]]);
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

function chosen() {
  const name = decodeURIComponent(location.hash.slice(1));
  return byTag.has(name) ? name : SYSTEM;
}

function list(filter) {
  const current = chosen();
  const wanted = filter.trim().toLowerCase();
  const tags = [...byTag.keys()].filter((tag) => tag.toLowerCase().includes(wanted));
  if (!tags.length) {
    document.getElementById("types").replaceChildren(make("li", { class: "empty" }, "No type has this in its name."));
    return;
  }
  document.getElementById("types").replaceChildren(...tags.map((tag) => {
    const link = make("a", { href: `#${tag}` }, tag);
    if (tag === current) link.setAttribute("aria-current", "page");
    return make("li", {}, link);
  }));
}

function show() {
  const tag = chosen();
  document.title = `${tag} · FHIR R4 server`;
  document.getElementById("main").replaceChildren(make("h2", {}, tag), about(tag), ...byTag.get(tag).map(card));
  list(document.getElementById("filter").value);
  document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest" });
}

function about(tag) {
  if (tag === SYSTEM) {
    return make("p", {}, "What is asked of the server as a whole. Open a line to fill it in and send it; each type has",
      " a list of its own.");
  }
  const text = "what its elements mean";
  return make("p", {}, `What can be asked about ${tag} (`,
    make("a", { href: `https://hl7.org/fhir/R4/${tag.toLowerCase()}.html`, rel: "noreferrer" }, text), ").");
}

function follow() {
  if (location.hash === "#main") return;
  show();
  document.getElementById("main").focus();
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
  const more = make("div", { class: "fields" });
  const all = (operation.parameters ?? []).map(resolve).filter((parameter) => parameter.name !== "criteria");
  const inputs = all.map((parameter) => {
    const input = make("input", { autocomplete: "off", spellcheck: "false" });
    if (parameter.required) input.required = true;
    const kind = parameter.in === "header" ? "header" : parameter.description ?? parameter.in;
    const isCommon = parameter.in === "header" || parameter.name.startsWith("_");
    (isCommon ? more : fields).append(
      make("label", {}, parameter.name, " ", make("span", { class: "kind" }, kind), input));
    return { parameter, input };
  });
  const types = Object.keys(operation.requestBody?.content ?? {});
  const type = make("select", {}, ...types.map((name) => make("option", {}, name)));
  const body = make("textarea", { spellcheck: "false" });
  const result = make("div", { "aria-live": "polite" });
  const element = make("form", {}, fields);
  if (more.childElementCount) {
    element.append(make("details", { class: "more" }, make("summary", {}, "Options of every request of this kind"), more));
  }
  const criteria = make("input", { autocomplete: "off", spellcheck: "false", placeholder: "identifier=system|value" });
  const isConditional = all.length < (operation.parameters ?? []).length;
  if (isConditional) fields.prepend(make("label", {}, "criteria ", make("span", { class: "kind" }, "query"), criteria));
  if (types.length) element.append(make("label", {}, "Content-Type", type), make("label", {}, "Body", body));
  element.append(make("button", { type: "submit" }, "Send"), result);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    const sent = types.length && body.value ? { type: type.value, text: body.value } : null;
    send(path, method, inputs, criteria.value, sent, result);
  });
  return element;
}

async function send(path, method, inputs, criteria, body, result) {
  const headers = { Accept: "application/fhir+json" };
  const query = new URLSearchParams(criteria);
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
  document.getElementById("main").replaceChildren(make("p", {}, "Loading the description of the server."));
  try {
    api = await (await fetch("openapi.json")).json();
  } catch (error) {
    document.getElementById("main").replaceChildren(make("p", {}, `The description cannot be loaded: ${error.message}`));
    return;
  }
  const base = api.servers[0].url;
  document.getElementById("base").textContent = base;
  document.getElementById("home").hidden = new URL(base).pathname === "/";
  index();
  document.getElementById("filter").addEventListener("input", (event) => list(event.target.value));
  window.addEventListener("hashchange", follow);
  show();
}

start();

// Shows /v1/openapi.json. Writes text nodes only, so nothing of the description is ever taken for markup.
"use strict";

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind !== undefined) made.className = kind;
  return made;
}

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.oneOf || schema.anyOf) return (schema.oneOf || schema.anyOf).map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.join(" | ");
  const type = [].concat(schema.type || "any").join(" or ");
  return schema.items ? "array of " + typeOf(schema.items) : type;
}

function rows(heads, lines) {
  const table = element("table");
  const head = table.appendChild(element("tr"));
  heads.forEach((text) => head.appendChild(element("th", text)));
  for (const line of lines) {
    const row = table.appendChild(element("tr"));
    line.forEach((text) => row.appendChild(element("td", text)));
  }
  return table;
}

function shown(path, method, operation) {
  const details = element("details");
  const summary = details.appendChild(element("summary"));
  summary.append(element("span", method, "method " + method), " ", element("code", path), " ", operation.summary);
  const body = details.appendChild(element("div"));
  body.appendChild(element("p", operation.description));
  if (operation.parameters) {
    const lines = operation.parameters.map((at) =>
      [at.name + (at.required ? " *" : ""), at.in, typeOf(at.schema), at.description || ""]);
    body.appendChild(rows(["parameter", "in", "type", ""], lines));
  }
  if (operation.requestBody) {
    const kinds = Object.entries(operation.requestBody.content);
    body.appendChild(element("p", "Body: " + kinds.map(([kind, at]) => kind + ", " + typeOf(at.schema)).join("; ")));
  }
  const lines = Object.entries(operation.responses).map(([status, at]) => {
    const kinds = Object.entries(at.content || {});
    return [status, at.description, kinds.map(([kind, of]) => kind + ": " + typeOf(of.schema)).join("; ")];
  });
  body.appendChild(rows(["status", "", "content"], lines));
  return details;
}

function show(description) {
  document.getElementById("about").textContent = description.info.description;
  const routes = document.getElementById("routes");
  routes.textContent = "";
  const sections = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0];
      if (!sections.has(tag)) {
        sections.set(tag, element("section"));
        sections.get(tag).appendChild(element("h2", tag));
      }
      sections.get(tag).appendChild(shown(path, method, operation));
    }
  }
  sections.forEach((section) => routes.appendChild(section));
  const types = document.getElementById("schemas");
  for (const [name, schema] of Object.entries(description.components.schemas)) {
    const details = types.appendChild(element("details"));
    details.appendChild(element("summary", name));
    const body = details.appendChild(element("div"));
    if (schema.description) body.appendChild(element("p", schema.description));
    body.appendChild(element("pre", JSON.stringify(schema.properties || schema, null, 2)));
  }
}

fetch("/v1/openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => { document.getElementById("routes").textContent = "The description can't be read: " + error; });

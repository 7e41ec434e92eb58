//! The description of the API (OpenAPI 3.1), made of the routes' table and the types that they read and write.

use std::collections::BTreeMap;

use feiqian_identity::Role;
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::model::TransferView;
use crate::problem::{PROBLEM_JSON, ProblemBody};
use crate::routes::{Answer, Body, Described, Parameter, ROUTES, Route, Values};

const ABOUT: &str = "Amounts are decimal texts beside their ISO 4217 currency, ids are UETRs (ISO 20022), times are UTC. \
                     A transfer is sent under an id of the client's; sent again with the same content it is answered with \
                     its original outcome, with other content it is refused (409). Problems are RFC 9457, with the field as \
                     a JSON pointer and the code of ExternalStatusReason1Code. Answers 429 and 503 say when to come back \
                     (Retry-After): nothing of such a request has taken effect.";

type Schemas = BTreeMap<String, Value>;

/// The description, indented, with a line's end.
#[must_use]
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

fn document() -> Value {
    let mut schemas = Schemas::new();
    let mut others = Vec::new();
    ProblemBody::schemas(&mut others);
    insert(&mut schemas, "Problem", &ProblemBody::schema(), &others);
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let operation = operation(route, &mut schemas);
        paths.entry(route.path).or_default().insert(route.method.name().to_owned(), operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Feiqian",
            "version": "1",
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "security": [{ "key": [] }, { "signature": [] }, { "certificate": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of the participant's, which is kept here as a hash.",
                },
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Signature",
                    "description": "RFC 9421 with Content-Digest (RFC 9530), Ed25519.",
                },
                "certificate": { "type": "mutualTLS", "description": "A certificate of the participant's." },
            },
        },
    })
}

fn insert(schemas: &mut Schemas, name: &str, schema: &RefOr<Schema>, others: &[(String, RefOr<Schema>)]) {
    for (name, schema) in others.iter().map(|(name, schema)| (name.as_str(), schema)).chain([(name, schema)])
    {
        schemas.insert(name.to_owned(), serde_json::to_value(schema).unwrap_or_default());
    }
}

/// A reference to a type, which is described once.
fn reference(described: Described, schemas: &mut Schemas) -> Value {
    let name = (described.name)();
    let mut others = Vec::new();
    (described.others)(&mut others);
    insert(schemas, &name, &(described.schema)(), &others);
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut parameters: Vec<Value> = route.path.split('/').filter_map(path_parameter).collect();
    parameters.extend(route.query.iter().map(query_parameter));
    let roles: Vec<&str> = route.roles.iter().map(|role| role_name(*role)).collect();
    let mut operation = json!({
        "operationId": route.operation,
        "tags": [route.tag],
        "summary": route.summary,
        "description": format!("Roles: {}.", roles.join(", ")),
        "responses": responses(route, schemas),
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = &route.body {
        operation["requestBody"] = json!({ "required": true, "content": content_of(body, schemas) });
    }
    operation
}

/// As descriptions and configurations name it.
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Submitter => "submitter",
        Role::Approver => "approver",
        Role::Viewer => "viewer",
        Role::Auditor => "auditor",
        Role::Operator => "operator",
        Role::Validator => "validator",
    }
}

fn content_of(body: &Body, schemas: &mut Schemas) -> Value {
    let schema = match body.schema {
        Some(described) => reference(described, schemas),
        None if body.media_types.iter().any(|kind| kind.starts_with("image/")) => {
            json!({ "type": "string", "format": "binary" })
        }
        None => json!({ "type": "string" }),
    };
    let content = body.media_types.iter().map(|kind| ((*kind).to_owned(), json!({ "schema": schema })));
    Value::Object(content.collect())
}

fn path_parameter(part: &str) -> Option<Value> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    let (schema, text) = match name {
        "uetr" => (json!({ "type": "string", "format": "uuid" }), "Id of the transfer."),
        "account" => {
            (json!({ "type": "string", "minLength": 1, "maxLength": 64 }), "Its number or one of its names.")
        }
        "webhook" => (
            json!({ "type": "string", "pattern": "^[a-z0-9-]{1,32}$" }),
            "The name under which it is registered.",
        ),
        "message" => (
            json!({ "type": "string", "pattern": "^[A-Za-z0-9]{1,35}[.][A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{5}[.][a-z]{4}[.][0-9]{3}$" }),
            "Its name in the list.",
        ),
        "alias" => (json!({ "type": "string", "minLength": 1, "maxLength": 64 }), "A name, with its scheme."),
        _ => (json!({ "type": "integer", "minimum": 0 }), "Its number."),
    };
    Some(json!({ "name": name, "in": "path", "required": true, "schema": schema, "description": text }))
}

fn query_parameter(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        Values::Text => json!({ "type": "string", "minLength": 1, "maxLength": 64 }),
        Values::Like(pattern) => json!({ "type": "string", "pattern": pattern }),
        Values::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Values::OneOf(values) => json!({ "type": "string", "enum": values }),
    };
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "schema": schema,
        "description": parameter.text,
    })
}

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    let mut add = |status: &str, text: &str, content: Value| {
        let mut response = json!({ "description": text });
        if !content.is_null() {
            response["content"] = content;
        }
        if let Some(headers) = headers(status) {
            response["headers"] = headers;
        }
        responses.insert(status.to_owned(), response);
    };
    match route.answer {
        Answer::Json(described) => add("200", "Done.", of_json(&reference(described, schemas))),
        Answer::Nothing => add("204", "Done.", Value::Null),
        Answer::Transfer => {
            let described = Described {
                name: TransferView::name,
                schema: TransferView::schema,
                others: TransferView::schemas,
            };
            let content = of_json(&reference(described, schemas));
            add("200", "Decided before: the original outcome.", content.clone());
            add("201", "Durable and decided.", content.clone());
            add("202", "Its outcome is not known in time: ask for it, or send it again.", content);
        }
        Answer::Proof => {
            let binary = json!({ "schema": { "type": "string", "format": "binary" } });
            let json = json!({ "schema": { "type": "object" } });
            let content = json!({ "application/octet-stream": binary, "application/json": json });
            add("200", "The file.", content);
        }
        Answer::Xml => {
            add("200", "The message.", json!({ "application/xml": { "schema": { "type": "string" } } }));
        }
        Answer::Reply => {
            add("200", "The answer.", json!({ "application/xml": { "schema": { "type": "string" } } }));
            add("204", "Taken; no answer is due.", Value::Null);
        }
        Answer::Events(described) => {
            let data = reference(described, schemas);
            let text = "Events without end; the data of each is as described.";
            add("200", text, json!({ "text/event-stream": { "schema": data } }));
        }
    }
    for (status, text) in problems(route) {
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        let mut content = json!({ PROBLEM_JSON: { "schema": schema } });
        if status == "400" && matches!(route.answer, Answer::Reply) {
            content["application/xml"] = json!({ "schema": { "type": "string" } });
        }
        add(status, text, content);
    }
    responses.into()
}

/// What an answer of this status always carries beside its body.
fn headers(status: &str) -> Option<Value> {
    let (name, schema, text) = match status {
        "401" => ("WWW-Authenticate", json!({ "type": "string" }), "How to prove who is asking."),
        "429" | "503" => {
            ("Retry-After", json!({ "type": "integer", "minimum": 1 }), "Seconds after which to come back.")
        }
        _ => return None,
    };
    Some(json!({ name: { "required": true, "schema": schema, "description": text } }))
}

fn of_json(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema.clone() } })
}

/// What can go wrong on a route.
fn problems(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut all = vec![
        ("400", "The request can't be read."),
        ("401", "Nobody is known to have sent this."),
        ("403", "The caller has no role that may do this."),
        ("404", "There is no such thing for the caller."),
        ("422", "A field can't be taken, or the engine refused, with the ISO reason."),
        ("429", "The participant has too much in flight, or signs too much: come back later."),
        ("500", "The files or the engine have failed; the operator has to look into it."),
        ("503", "Too busy, or closing down: come back later."),
    ];
    if route.body.is_some() {
        all.extend([
            ("408", "The body did not come in time."),
            ("409", "The id stands for something else already."),
            ("413", "The body is over a bound."),
            ("415", "The body is of another type."),
        ]);
    }
    if route.may_stay_unknown {
        all.push(("504", "It may still take effect: ask for it, or send it again under its id."));
    }
    all.sort_unstable();
    all
}

//! The description is that of the code, and all of it is served.

use std::path::Path;

use feiqian_http::{openapi, routes};
use serde_json::Value;

use crate::house::House;

/// Written anew by `FEIQIAN_WRITE_OPENAPI=1`.
#[test]
fn the_committed_description_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("FEIQIAN_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, openapi::text()).expect("written");
    }
    let committed = std::fs::read_to_string(&path).expect("it is committed");
    let way = "run this test with FEIQIAN_WRITE_OPENAPI=1, look at what changed, and commit it";
    assert!(committed == openapi::text(), "adapters/http/openapi.json is not that of the code: {way}");
}

#[test]
fn every_route_is_described_and_every_reference_leads_somewhere() {
    let house = House::new();
    let served = house.send("GET", "/v1/openapi.json", &[], b"").with(200);
    assert_eq!(served["openapi"], "3.1.0");
    for route in routes::served() {
        let operation = &served["paths"][route.path][route.method.to_lowercase()];
        assert!(operation["operationId"].is_string(), "{} {}", route.method, route.path);
        let parts = route.path.split('/').filter(|part| part.starts_with('{')).count();
        let described = operation["parameters"]
            .as_array()
            .map_or(0, |all| all.iter().filter(|parameter| parameter["in"] == "path").count());
        assert_eq!(described, parts, "{}", route.path);
    }
    let mut references = Vec::new();
    collect(&served, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a local one");
        assert!(served.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| collect(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[test]
fn the_page_needs_nobody_else() {
    let house = House::new();
    for path in ["/v1/docs", "/v1/docs/page.js"] {
        let answer = house.send("GET", path, &[], b"");
        let text = String::from_utf8(answer.body.clone()).expect("UTF-8");
        assert_eq!(answer.status, 200);
        assert!(!text.contains("http://") && !text.contains("https://"), "{path} names another host");
        let policy = answer.head("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'"), "{policy}");
    }
}

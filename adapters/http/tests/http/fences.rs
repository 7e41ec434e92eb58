//! I7 on every route: with its roles, and with another's ids. A route without a row fails here.

use std::collections::BTreeSet;

use feiqian_http::routes;
use feiqian_identity::Role;
use serde_json::{Value, json};

use crate::codes::{code, token};
use crate::house::{ALICE, BOB, House, payment, uetr};

const READ: &[Role] = &[Role::Submitter, Role::Approver, Role::Viewer, Role::Auditor, Role::Operator];
const PROVE: &[Role] =
    &[Role::Submitter, Role::Approver, Role::Viewer, Role::Auditor, Role::Operator, Role::Validator];
const WRITE: &[Role] = &[Role::Submitter];
const REGISTER: &[Role] = &[Role::Submitter, Role::Approver];
const PROVE_ALL: &[Role] = &[Role::Auditor, Role::Operator, Role::Validator];

/// What bank C is told that asks with A's and B's ids.
enum Fence {
    /// As if there were nothing: this status.
    Refused(u16),
    /// What everybody is told, or of its own: no id of the others stands in it.
    Own,
    /// What every participant must be able to resolve.
    Public,
}
use Fence::{Own, Public, Refused};

struct Row {
    method: &'static str,
    path: &'static str,
    roles: &'static [Role],
    /// With the others' ids in it.
    asked: String,
    body: Value,
    fence: Fence,
}

/// Ids of things that are A's and B's alone.
struct Others {
    transfer: String,
    hold: String,
    queued: String,
    code: String,
    token: String,
}

impl Others {
    /// Ids alone, of nothing.
    fn none() -> Self {
        let none = String::new;
        Self { transfer: uetr(), hold: uetr(), queued: uetr(), code: none(), token: none() }
    }
}

fn rows(of: &Others) -> Vec<Row> {
    let Others { transfer, hold, queued, .. } = of;
    // The token is anybody's who has it; the account that it would pay is not.
    let charge =
        json!({ "payload": of.token, "creditor": BOB, "amount": { "amount": "1.00", "currency": "EUR" } });
    let row = |method, path, roles, asked: String, body: Value, fence| Row {
        method,
        path,
        roles,
        asked,
        body,
        fence,
    };
    let get = |path: &'static str, roles, asked: &str, fence| {
        row("GET", path, roles, asked.to_owned(), json!(null), fence)
    };
    let post = |path: &'static str, asked: &str, body, fence| {
        row("POST", path, WRITE, asked.to_owned(), body, fence)
    };
    let stolen = payment(&uetr(), ALICE, "BNKCXXAAXXX/EUR", "1.00");
    let quote = json!({ "uetr": uetr(), "provider": "BNKBXXAAXXX", "target": "USD", "valid_s": 60,
                        "pay": { "amount": "1.00", "currency": "EUR" } });
    vec![
        get("/v1/accounts", READ, "/v1/accounts?participant=BNKAXXAA", Refused(404)),
        get("/v1/accounts/{account}", READ, "/v1/accounts/OTHR:ALICE", Refused(404)),
        get("/v1/accounts/{account}/postings", READ, "/v1/accounts/3/postings", Refused(404)),
        get("/v1/aliases/{alias}", READ, "/v1/aliases/OTHR:ALICE", Public),
        post("/v1/transfers", "/v1/transfers", stolen.clone(), Refused(422)),
        post(
            "/v1/transfers/bulk",
            "/v1/transfers/bulk",
            json!({ "mode": "atomic", "transfers": [stolen] }),
            Refused(422),
        ),
        get("/v1/transfers/{uetr}", READ, &format!("/v1/transfers/{transfer}"), Refused(404)),
        get(
            "/v1/transfers/{uetr}/receipt",
            PROVE,
            &format!("/v1/transfers/{transfer}/receipt"),
            Refused(404),
        ),
        get("/v1/transfers/{uetr}/batch", PROVE, &format!("/v1/transfers/{transfer}/batch"), Refused(404)),
        // A pacs.008 of A's that C hands in: each payment in it is refused.
        post("/v1/iso20022", "/v1/iso20022", json!(null), Own),
        get("/v1/iso20022/messages", READ, "/v1/iso20022/messages?participant=BNKAXXAA", Refused(404)),
        get(
            "/v1/iso20022/messages/{message}",
            READ,
            "/v1/iso20022/messages/FQF1.BNKAXXAAXXX.camt.056",
            Refused(404),
        ),
        post("/v1/returns", "/v1/returns", json!({ "original": transfer }), Refused(404)),
        post("/v1/holds", "/v1/holds", payment(&uetr(), ALICE, "BNKCXXAAXXX/EUR", "1.00"), Refused(422)),
        post("/v1/codes", "/v1/codes", code(ALICE), Refused(422)),
        row(
            "POST",
            "/v1/codes/read",
            READ,
            "/v1/codes/read".to_owned(),
            json!({ "payload": "x" }),
            Refused(422),
        ),
        row("POST", "/v1/codes/scan", READ, "/v1/codes/scan".to_owned(), json!(null), Refused(422)),
        post("/v1/codes/pay", "/v1/codes/pay", json!({ "payload": of.code, "debtor": ALICE }), Refused(422)),
        post("/v1/tokens", "/v1/tokens", token(ALICE), Refused(422)),
        post("/v1/tokens/charge", "/v1/tokens/charge", charge, Refused(422)),
        get("/v1/holds", READ, "/v1/holds", Own),
        post("/v1/holds/{uetr}/post", &format!("/v1/holds/{hold}/post"), json!({}), Refused(404)),
        post("/v1/holds/{uetr}/void", &format!("/v1/holds/{hold}/void"), json!({}), Refused(404)),
        get("/v1/queue", READ, "/v1/queue", Own),
        post("/v1/queue/{uetr}/amend", &format!("/v1/queue/{queued}/amend"), json!({}), Refused(404)),
        post("/v1/queue/{uetr}/revoke", &format!("/v1/queue/{queued}/revoke"), json!({}), Refused(404)),
        get("/v1/fx/rates", READ, "/v1/fx/rates", Own),
        // Whose quote it would be is whose request it is; of another's nothing is said.
        post("/v1/fx/quotes/draft", "/v1/fx/quotes/draft", quote.clone(), Own),
        post(
            "/v1/fx/quotes",
            "/v1/fx/quotes",
            json!({ "quote": quote, "signature": "0".repeat(128) }),
            Refused(422),
        ),
        get("/v1/fx/quotes/{uetr}", READ, &format!("/v1/fx/quotes/{transfer}"), Refused(404)),
        post(
            "/v1/fx/trades",
            "/v1/fx/trades",
            json!({ "quote": transfer, "debtor": ALICE, "creditor": BOB }),
            Refused(404),
        ),
        get("/v1/cycles", PROVE, "/v1/cycles", Own),
        get("/v1/cycles/{cycle}", PROVE, "/v1/cycles/1", Own),
        get("/v1/positions", READ, "/v1/positions?participant=BNKAXXAA", Refused(404)),
        get("/v1/statements", READ, "/v1/statements?message=camt.052&account=OTHR:ALICE", Refused(404)),
        get("/v1/blocks", PROVE, "/v1/blocks", Own),
        get("/v1/blocks/{height}", PROVE, "/v1/blocks/1", Own),
        get("/v1/checkpoint", PROVE, "/v1/checkpoint", Own),
        get(
            "/v1/proofs/position",
            PROVE,
            "/v1/proofs/position?currency=EUR&participant=BNKAXXAA",
            Refused(404),
        ),
        get(
            "/v1/proofs/completeness",
            PROVE,
            "/v1/proofs/completeness?currency=EUR&participant=BNKAXXAA",
            Refused(404),
        ),
        get("/v1/proofs/balance", PROVE, "/v1/proofs/balance?account=OTHR:ALICE", Refused(404)),
        get("/v1/proofs/consistency", PROVE, "/v1/proofs/consistency?old=1&format=json", Own),
        get(
            "/v1/proofs/settlement",
            PROVE_ALL,
            "/v1/proofs/settlement?cycle=1&currency=EUR&debtor=BNKAXXAA&creditor=BNKBXXAA",
            Refused(403),
        ),
        row(
            "POST",
            "/v1/webhooks",
            REGISTER,
            "/v1/webhooks".to_owned(),
            json!({ "name": "own", "url": "https://hooks.bank.example/" }),
            Refused(422),
        ),
        get("/v1/webhooks", READ, "/v1/webhooks?participant=BNKAXXAA", Refused(404)),
        row(
            "DELETE",
            "/v1/webhooks/{webhook}",
            REGISTER,
            "/v1/webhooks/own".to_owned(),
            json!(null),
            Refused(404),
        ),
        row(
            "POST",
            "/v1/webhooks/{webhook}/replay",
            REGISTER,
            "/v1/webhooks/own/replay".to_owned(),
            json!({ "from": 1 }),
            Refused(404),
        ),
        // Asked of a stream that ends at once, for its query is wrong; `events.rs` reads what it says to whom.
        get("/v1/events", READ, "/v1/events?participant=BNKAXXAA", Refused(400)),
    ]
}

fn furnish(house: &House) -> Others {
    let mut others = Others::none();
    house.post("a", "/v1/transfers", &payment(&others.transfer, ALICE, BOB, "707.77")).with(201);
    house.post("a", "/v1/holds", &payment(&others.hold, ALICE, BOB, "707.77")).with(201);
    let mut waiting = payment(&others.queued, ALICE, BOB, "99999999.00");
    waiting["queue"] = json!({});
    house.seal();
    house.post("a", "/v1/transfers", &waiting).with(201);
    house.seal();
    let made = |who, path, body| {
        house.post(who, path, &body).with(200)["payload"].as_str().expect("a text").to_owned()
    };
    others.code = made("b", "/v1/codes", code(BOB));
    others.token = made("a", "/v1/tokens", token(ALICE));
    others
}

/// A payment from A's clearing account to C's.
pub(crate) fn pacs008() -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/demo/inbox/01-single.xml");
    let text = std::fs::read_to_string(path).expect("there");
    assert!(text.contains("BNKAXXAAXXX"), "the demo's first payment is bank A's");
    text.into_bytes()
}

fn ask(house: &House, who: &str, row: &Row) -> crate::house::Answer {
    match row.method {
        "GET" => house.get(who, &row.asked),
        "DELETE" => house.delete(who, &row.asked),
        _ if row.path == "/v1/iso20022" => {
            let heads =
                [("authorization", format!("Bearer {who}")), ("content-type", "application/xml".into())];
            let heads: Vec<_> = heads.iter().map(|(name, value)| (*name, value.as_str())).collect();
            house.send("POST", &row.asked, &heads, &pacs008())
        }
        _ if row.path == "/v1/codes/scan" => crate::codes::scan(house, who, &crate::codes::picture("x")),
        _ => house.post(who, &row.asked, &row.body),
    }
}

#[test]
fn i7_every_route_has_its_row_with_its_roles() {
    let others = Others::none();
    let rows = rows(&others);
    let served: Vec<_> = routes::served().collect();
    let listed: BTreeSet<_> = rows.iter().map(|row| (row.method, row.path)).collect();
    for route in &served {
        assert!(listed.contains(&(route.method, route.path)), "{} {} has no row", route.method, route.path);
    }
    assert_eq!(
        (listed.len(), rows.len()),
        (served.len(), served.len()),
        "a row without a route, or two of one"
    );
    for row in &rows {
        let route = served.iter().find(|route| (route.method, route.path) == (row.method, row.path));
        assert_eq!(route.expect("served").roles, row.roles, "{} {}", row.method, row.path);
    }
}

#[test]
fn i7_no_route_tells_or_moves_what_is_anothers() {
    let house = House::new();
    let others = furnish(&house);
    let before = house.get("a", "/v1/accounts/OTHR:ALICE").with(200);
    for row in rows(&others) {
        let (answer, name) = (ask(&house, "c", &row), format!("{} {}", row.method, row.asked));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match row.fence {
            Refused(status) => assert_eq!(answer.status, status, "{name}: {text}"),
            Own | Public => assert_eq!(answer.status, 200, "{name}: {text}"),
        }
        if row.path == "/v1/iso20022" {
            assert!(text.contains("AGNT") && text.contains("RJCT") && !text.contains("ACSP"), "{text}");
        } else if !matches!(row.fence, Public) {
            for secret in [&others.hold, &others.queued, "707.77", "99999999", "OTHR:", "9292.23"] {
                assert!(!text.contains(secret), "{name} tells {secret}: {text}");
            }
        }
    }
    house.seal();
    let after = house.get("a", "/v1/accounts/OTHR:ALICE").with(200);
    assert_eq!((&after["balance"], &after["reserved"]), (&before["balance"], &before["reserved"]));
    assert_eq!(house.get("a", &format!("/v1/transfers/{}", others.queued)).with(200)["outcome"], "QUEUED");
}

#[test]
fn i7_no_route_is_open_to_a_role_that_is_not_its_own() {
    let house = House::new();
    let others = furnish(&house);
    let callers = [
        ("c-submitter", Role::Submitter),
        ("c-approver", Role::Approver),
        ("c-viewer", Role::Viewer),
        ("auditor", Role::Auditor),
        ("operator", Role::Operator),
        ("validator", Role::Validator),
    ];
    for row in rows(&others) {
        for (who, role) in callers {
            let status = ask(&house, who, &row).status;
            let is_fenced = status == 403;
            assert_eq!(
                is_fenced,
                !row.roles.contains(&role),
                "{} {} as {who}: {status}",
                row.method,
                row.asked
            );
        }
        assert_eq!(ask(&house, "nobody", &row).status, 401, "{}", row.asked);
    }
}

#[test]
fn i7_who_acts_for_a_bank_sees_no_more_as_its_auditor() {
    let house = House::new();
    let others = furnish(&house);
    let path = format!("/v1/transfers/{}", others.transfer);
    assert_eq!(house.get("c-auditor", &path).status, 404, "an auditor of one bank is none of all");
    house.get("auditor", &path).with(200);
    house.get("operator", "/v1/accounts?participant=BNKAXXAA").with(200);
    assert_eq!(
        house.get("auditor", "/v1/accounts?limit=5").with(200)["accounts"].as_array().map(Vec::len),
        Some(5)
    );
}

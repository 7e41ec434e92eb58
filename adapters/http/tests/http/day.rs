//! A payment day by JSON: paid, held, posted, returned, queued, looked up, sealed, proved, settled.

use feiqian_core::batch::Batch;
use feiqian_core::batch_signature::sign_batch;
use feiqian_core::command::Command;
use feiqian_core::outcome::Outcome;
use feiqian_core::transfer::Record;
use feiqian_core::uetr::Uetr;
use feiqian_iso20022::profile::Profile;
use feiqian_proof::kinds::Proof;
use serde_json::json;

use crate::house::{A, ALICE, B, BOB, House, key, payment, uetr};

#[test]
fn i3_a_transfer_is_decided_once_whatever_is_sent_again_over_a_restart_too() {
    let mut house = House::new();
    let id = uetr();
    let body = payment(&id, ALICE, BOB, "12.50");
    let first = house.post("a", "/v1/transfers", &body);
    let view = first.with(201);
    assert_eq!((&view["state"], &view["outcome"]), (&json!("CLEARED"), &json!("CLEARED")));
    assert_eq!(view["amount"], json!({ "amount": "12.50", "currency": "EUR" }));
    assert_eq!(first.head("location"), Some(format!("/v1/transfers/{id}").as_str()));
    assert_eq!(house.post("a", "/v1/transfers", &body).with(200), view, "the original answer");
    house.restart();
    assert_eq!(house.post("a", "/v1/transfers", &body).with(200), view, "for ever");
    let other = payment(&id, ALICE, BOB, "12.51");
    let (kind, reason, _) = house.post("a", "/v1/transfers", &other).problem(409);
    assert_eq!((kind.as_str(), reason), ("id_reused", json!("DU03")));
    let mut upper = body.clone();
    upper["uetr"] = json!(id.to_uppercase());
    assert_eq!(house.post("a", "/v1/transfers", &upper).with(200), view, "an id is no text");
    let account = house.get("a", "/v1/accounts/OTHR:ALICE").with(200);
    assert_eq!(account["balance"]["amount"], "9987.50");
}

#[test]
fn a_transfer_is_followed_to_its_block_its_receipt_and_its_settlement() {
    let house = House::new();
    let id = uetr();
    let mut body = payment(&id, ALICE, BOB, "5");
    body["end_to_end_id"] = json!("INV-7");
    body["purpose"] = json!("SALA");
    house.post("a", "/v1/transfers", &body).with(201);
    house.seal();
    house.post("a", "/v1/transfers", &payment(&uetr(), A, B, "1.00")).with(201);
    house.seal();
    let path = format!("/v1/transfers/{id}");
    let sealed = house.get("a", &path).with(200);
    assert_eq!((&sealed["state"], &sealed["outcome"]), (&json!("SEALED"), &json!("CLEARED")));
    assert_eq!(
        (&sealed["debtor_agent"], &sealed["creditor_agent"]),
        (&json!("BNKAXXAAXXX"), &json!("BNKBXXAAXXX"))
    );
    assert_eq!((&sealed["details"]["end_to_end_id"], &sealed["cycle"]), (&json!("INV-7"), &json!(1)));
    assert_eq!(house.get("b", &path).with(200), sealed, "the other bank sees the same");

    let key = house.engine().archive().genesis().expect("there").operator_key;
    let receipt = house.get("b", &format!("{path}/receipt"));
    assert_eq!((receipt.status, receipt.head("content-type")), (200, Some("application/octet-stream")));
    let proof = Proof::decode(&receipt.body).expect("a proof");
    proof.verify(&key, None).expect("it holds");
    for path in ["position?currency=EUR", "completeness?currency=EUR", "balance?account=OTHR:ALICE"] {
        let answer = house.get("a", &format!("/v1/proofs/{path}"));
        assert_eq!(answer.status, 200, "{path}");
        Proof::decode(&answer.body).expect("a proof").verify(&key, None).expect("it holds");
    }
    assert_eq!(house.get("a", "/v1/proofs/consistency?old=1&format=json").with(200)["kind"], "consistency");
    let bare = house.get("b", &format!("{path}/receipt?details=false"));
    assert!(bare.status == 200 && bare.body.len() < receipt.body.len(), "{} bytes", bare.body.len());
    let of_log = [
        format!("{path}/receipt?checkpoint=true&details=false"),
        "/v1/proofs/position?currency=EUR&checkpoint=true".to_owned(),
        "/v1/proofs/completeness?currency=EUR&checkpoint=true".to_owned(),
        "/v1/proofs/balance?account=OTHR:ALICE&checkpoint=true".to_owned(),
        "/v1/proofs/consistency?old=1&log=true".to_owned(),
    ];
    for path in of_log {
        let proof = logged(&house, &path);
        proof.verify(&key, None).expect("it holds");
        assert!(matches!(proof, Proof::LogInclusion(_) | Proof::LogConsistency(_)), "{path}");
    }
    assert_eq!(house.get("a", &format!("{path}/receipt?checkpoint=maybe")).status, 422);

    house.order(Command::CloseCycle { cycle: 1 });
    house.seal();
    let settlement =
        house.get("auditor", "/v1/proofs/settlement?cycle=1&currency=EUR&debtor=BNKAXXAA&creditor=BNKBXXAA");
    assert_eq!(settlement.status, 200, "{}", String::from_utf8_lossy(&settlement.body));
    let proof = Proof::decode(&settlement.body).expect("a proof");
    proof.verify(&key, None).expect("it holds");
    let Proof::Settlement(proof) = proof else { panic!("another kind") };
    assert_eq!(proof.obligation.amount, 600, "what was paid in the cycle");
    let back = "/v1/proofs/settlement?cycle=1&currency=EUR&debtor=BNKBXXAA&creditor=BNKAXXAA&format=json";
    assert_eq!(house.get("auditor", back).problem(404).0, "not_found", "B owes nothing");
    let open = back.replace("cycle=1", "cycle=2");
    assert_eq!(house.get("auditor", &open).problem(404).0, "not_found", "it is open");
    assert_eq!(
        house.get("b-auditor", back).problem(403).0,
        "forbidden",
        "an auditor of one bank is none of all"
    );
    house.order(Command::InstructCycle { cycle: 1 });
    house.order(Command::SettleCycle { cycle: 1 });
    house.seal();
    assert_eq!(house.get("a", &path).with(200)["state"], "SETTLED");
    assert_eq!(house.get("a", "/v1/cycles/1").with(200)["state"], "settled");
    let positions = house.get("b", "/v1/positions?cycle=1").with(200);
    assert_eq!(positions["positions"][0]["position"]["amount"], "6.00");
    assert_eq!(positions["positions"].as_array().map(Vec::len), Some(1), "its own alone");
    let statement = house.get("b", "/v1/statements?currency=EUR&cycle=1");
    let text = String::from_utf8(statement.body).expect("UTF-8");
    assert!(statement.status == 200 && text.contains("camt.053.001") && text.contains("INV-7"), "{text}");
}

/// Asks until a checkpoint holds the block: the log follows behind the blocks.
fn logged(house: &House, path: &str) -> Proof {
    for _ in 0..10_000 {
        let answer = house.get("a", path);
        if answer.status == 200 {
            return Proof::decode(&answer.body).expect("a proof");
        }
        assert_eq!(answer.status, 404, "{path}");
        std::thread::yield_now();
    }
    panic!("{path}: no checkpoint came")
}

#[test]
fn who_signed_a_batch_is_proven_to_its_submitter_and_not_to_the_other_side() {
    let house = House::new();
    let id = uetr();
    let record = Record::new(Uetr::parse(&id).expect("an id").bits(), 3, 13, 500, 978);
    let genesis = house.engine().archive().genesis().expect("there");
    let signature = sign_batch(&key('A'), &genesis.chain_id, 4_711, &[record]);
    let batch = Batch { batch_id: 4_711, signature: Some(signature.0), ..Batch::new(0, vec![record]) };
    let ticket = house.engine().submit(batch).expect("room");
    assert_eq!(ticket.wait().expect("it runs").rows[0].outcome(), Some(Outcome::Cleared));
    house.seal();
    let path = format!("/v1/transfers/{id}/batch");
    for who in ["a", "auditor"] {
        let answer = house.get(who, &path);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let proof = Proof::decode(&answer.body).expect("a proof");
        proof.verify(&genesis.operator_key, Some(&genesis.chain_id)).expect("it holds");
        let Proof::SignedBatch(proof) = proof else { panic!("another kind") };
        assert_eq!((proof.batch_id, proof.records.len(), proof.place), (4_711, 1, 0));
    }
    assert_eq!(house.get("a", &format!("{path}?format=json")).with(200)["kind"], "signed_batch");
    house.get("b", &format!("/v1/transfers/{id}")).with(200);
    assert_eq!(house.get("b", &path).problem(404).0, "not_found", "it shows all of A's batch");
    let plain = uetr();
    house.post("a", "/v1/transfers", &payment(&plain, ALICE, BOB, "1.00")).with(201);
    house.seal();
    let unsigned = house.get("a", &format!("/v1/transfers/{plain}/batch")).with(404);
    assert!(unsigned["detail"].as_str().expect("words").contains("not signed"), "{unsigned}");
}

#[test]
fn a_hold_is_posted_in_part_and_the_rest_is_given_back() {
    let house = House::new();
    let id = uetr();
    let mut body = payment(&id, ALICE, BOB, "100.00");
    body["timeout_s"] = json!(3_600);
    assert_eq!(house.post("a", "/v1/holds", &body).with(201)["state"], "HELD");
    let part = json!({ "amount": { "amount": "30.00", "currency": "EUR" }, "keep": true });
    let posted = house.post("a", &format!("/v1/holds/{id}/post"), &part).with(201);
    assert_eq!((&posted["state"], &posted["amount"]["amount"]), (&json!("CLEARED"), &json!("30.00")));
    house.seal();
    let holds = house.get("b", "/v1/holds").with(200);
    assert_eq!(
        (&holds["holds"][0]["uetr"], &holds["holds"][0]["amount"]["amount"]),
        (&json!(id), &json!("70.00"))
    );
    assert_eq!(house.post("a", &format!("/v1/holds/{id}/void"), &json!({})).with(201)["state"], "VOIDED");
    let (kind, ..) = house.post("a", &format!("/v1/holds/{id}/void"), &json!({})).problem(422);
    assert_eq!(kind, "no_pending_hold");
    house.seal();
    assert_eq!(house.get("a", "/v1/holds").with(200)["holds"], json!([]));
    let account = house.get("a", "/v1/accounts/OTHR:ALICE").with(200);
    assert_eq!(
        (&account["balance"]["amount"], &account["reserved"]["amount"]),
        (&json!("9970.00"), &json!("0.00"))
    );
}

#[test]
fn what_was_paid_comes_back_once_and_no_more_than_was_paid() {
    let house = House::new();
    let id = uetr();
    house.post("a", "/v1/transfers", &payment(&uetr(), ALICE, BOB, "50.00")).with(201);
    house.post("a", "/v1/transfers", &payment(&id, ALICE, BOB, "10.00")).with(201);
    let part = json!({ "original": id, "amount": { "amount": "4.00", "currency": "EUR" } });
    assert_eq!(house.post("b", "/v1/returns", &part).with(201)["amount"]["amount"], "4.00");
    house.seal();
    assert_eq!(
        house.post("b", "/v1/returns", &json!({ "original": id })).with(201)["amount"]["amount"],
        "6.00"
    );
    let (kind, reason, _) = house.post("b", "/v1/returns", &part).problem(422);
    assert_eq!((kind.as_str(), reason), ("exceeds_original", json!("FF12")));
    let (kind, ..) = house.post("a", "/v1/returns", &part).problem(404);
    assert_eq!(kind, "not_found", "only who was paid sends back");
}

#[test]
fn a_payment_that_waits_is_listed_amended_and_revoked() {
    let house = House::new();
    let ids = [uetr(), uetr()];
    for id in &ids {
        let mut body = payment(id, BOB, ALICE, "1.00");
        body["queue"] = json!({ "priority": "HIGH", "latest_s": 86_400 });
        let view = house.post("b", "/v1/transfers", &body).with(201);
        assert_eq!((&view["state"], &view["amount"]["amount"]), (&json!("QUEUED"), &json!("1.00")));
    }
    house.seal();
    let queue = house.get("b", "/v1/queue").with(200);
    assert_eq!(queue["queue"].as_array().map(Vec::len), Some(2));
    assert_eq!((&queue["queue"][0]["priority"], &queue["next"]), (&json!("HIGH"), &json!(null)));
    assert_eq!(
        house.get("a", "/v1/queue").with(200)["queue"],
        json!([]),
        "whom it is to reach does not see it"
    );
    let urgent = json!({ "priority": "URGENT", "first": true });
    house.post("b", &format!("/v1/queue/{}/amend", ids[1]), &urgent).with(201);
    house.post("b", &format!("/v1/queue/{}/revoke", ids[0]), &json!({})).with(201);
    house.seal();
    let queue = house.get("b", "/v1/queue").with(200)["queue"].clone();
    assert_eq!((&queue[0]["uetr"], &queue[0]["priority"]), (&json!(ids[1]), &json!("URGENT")));
    assert_eq!(queue.as_array().map(Vec::len), Some(1));
}

#[test]
fn lists_are_paged_by_cursors_without_gap_or_overlap() {
    let house = House::new();
    for _ in 0..7 {
        house.post("a", "/v1/transfers", &payment(&uetr(), ALICE, BOB, "1.00")).with(201);
        house.seal();
    }
    for (path, list, key, expected) in [
        ("/v1/accounts", "accounts", "account", 11),
        ("/v1/accounts/OTHR:ALICE/postings", "postings", "sequence", 8),
    ] {
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let page = house.get("a", &format!("{path}?limit=3{next}")).with(200);
            seen.extend(page[list].as_array().expect("a list").iter().map(|item| item[key].clone()));
            let Some(cursor) = page["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        let mut once = seen.clone();
        once.sort_by_key(|value| value.as_u64());
        once.dedup();
        assert_eq!((seen.len(), once.len()), (expected, expected), "{path}: {seen:?}");
    }
    let last = house.get("a", "/v1/checkpoint").with(200)["sealed"].as_u64().expect("a height");
    let page = house.get("a", "/v1/blocks?limit=2").with(200);
    assert_eq!(page["blocks"][0]["height"], last);
    let cursor = page["next"].as_str().expect("more").to_owned();
    let below = house.get("a", &format!("/v1/blocks?limit=2&cursor={cursor}")).with(200);
    assert_eq!(below["blocks"][0]["height"], last - 2);
}

#[test]
fn a_refusal_says_the_field_and_the_iso_reason() {
    let house = House::new();
    let good = payment(&uetr(), ALICE, BOB, "1.00");
    let with = |pointer: &str, value: serde_json::Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("there") = value;
        body
    };
    let other = |pointer: &str, value: serde_json::Value| {
        let mut body = with(pointer, value);
        body["uetr"] = json!(uetr());
        body
    };
    let rows = [
        (with("/creditor", json!("OTHR:NOBODY")), "invalid_field", json!("AC03"), json!("/creditor")),
        (with("/debtor", json!(BOB)), "invalid_field", json!("AC02"), json!("/debtor")),
        (with("/amount/amount", json!("0")), "invalid_field", json!("AM12"), json!("/amount/amount")),
        (with("/amount/amount", json!("+1")), "invalid_field", json!("AM12"), json!("/amount/amount")),
        (with("/amount/amount", json!("1e3")), "invalid_field", json!("AM12"), json!("/amount/amount")),
        (with("/amount/amount", json!(" 1")), "invalid_field", json!("AM12"), json!("/amount/amount")),
        (with("/amount/amount", json!("1.001")), "invalid_field", json!("AM12"), json!("/amount/amount")),
        (with("/amount/currency", json!("XXX")), "invalid_field", json!("AM03"), json!("/amount/currency")),
        (with("/uetr", json!("7")), "invalid_field", json!(null), json!("/uetr")),
        (other("/amount/currency", json!("USD")), "currency_mismatch", json!("AM03"), json!(null)),
        (other("/amount/amount", json!("99999999.00")), "insufficient_funds", json!("AM04"), json!(null)),
    ];
    for (body, kind, reason, pointer) in rows {
        let found = house.post("a", "/v1/transfers", &body).problem(422);
        assert_eq!(found, (kind.to_owned(), reason, pointer), "{body}");
    }
    let number = with("/amount/amount", json!(1.5));
    assert_eq!(house.post("a", "/v1/transfers", &number).problem(400).2, "/amount/amount");
    let mut more = good.clone();
    more["amuont"] = json!("1");
    assert_eq!(house.post("a", "/v1/transfers", &more).problem(400).0, "malformed_body");
    let (kind, _, place) = house.get("a", "/v1/accounts?after=zzz").problem(400);
    assert_eq!((kind.as_str(), place), ("malformed_query", json!("parameter after")));
    for (path, parameter) in [("/v1/accounts?limit=0", "limit"), ("/v1/transfers/7", "uetr")] {
        let (kind, _, place) = house.get("a", path).problem(422);
        assert_eq!((kind.as_str(), place), ("invalid_field", json!(format!("parameter {parameter}"))));
    }
    let negative = house.post("a", "/v1/transfers", &with("/amount/amount", json!("-7.00"))).with(422);
    assert!(
        negative["detail"].as_str().is_some_and(|text| text.contains("must not be negative")),
        "{negative}"
    );
    assert_eq!(house.get("a", "/v1/aliases/OTHR:BOB").with(200)["account"], 13);
    for own in [A, B] {
        assert_eq!(house.get("a", &format!("/v1/accounts/{own}")).status, 404, "a slash ends a part");
    }
}

#[test]
fn a_pacs_008_is_answered_by_a_pacs_002_and_the_same_again() {
    let house = House::new();
    let heads = [("authorization", "Bearer a"), ("content-type", "application/xml")];
    for _ in 0..2 {
        let answer = house.send("POST", "/v1/iso20022", &heads, &crate::fences::pacs008());
        let text = String::from_utf8(answer.body).expect("UTF-8");
        assert_eq!((answer.status, text.contains("pacs.002.001")), (200, true), "{text}");
        assert!(text.contains("<TxSts>ACSP</TxSts>"), "{text}");
    }
    let broken = house.send("POST", "/v1/iso20022", &heads, b"<Document>");
    let text = String::from_utf8(broken.body).expect("UTF-8");
    assert!(broken.status == 400 && text.contains("admi.002.001"), "{text}");
    house.seal();
    let paid = house.get("a", "/v1/transfers/c3b4489a-a5d0-4f0a-a25a-8eb87e205f35").with(200);
    assert_eq!(
        (&paid["outcome"], &paid["details"]["end_to_end_id"]),
        (&json!("CLEARED"), &json!("E2E-DEMO01-1"))
    );
}

#[test]
fn a_message_is_held_to_the_profile_of_its_sender() {
    let house = House::with(|options| options.usage.house = Profile::named("fednow"));
    let heads = [("authorization", "Bearer a"), ("content-type", "application/xml")];
    let answer = house.send("POST", "/v1/iso20022", &heads, &crate::fences::pacs008());
    let text = String::from_utf8(answer.body).expect("UTF-8");
    assert!(text.contains("<TxSts>RJCT</TxSts>") && text.contains("<Cd>AM03</Cd>"), "{text}");
    assert!(text.contains("fednow pays USD"), "{text}");
}

#[test]
fn a_payment_by_json_is_held_to_the_profile_of_its_sender_with_the_field_that_is_wrong() {
    let refused = |house: &House, body: &serde_json::Value| {
        let (kind, reason, pointer) = house.post("a", "/v1/transfers", body).problem(422);
        assert_eq!(kind, "invalid_field");
        (reason, pointer)
    };
    let of =
        |profile: &'static str| House::with(move |options| options.usage.house = Profile::named(profile));
    let with = |field: &str, text: &str| {
        let mut body = payment(&uetr(), ALICE, BOB, "1.00");
        body[field] = json!(text);
        body
    };
    let house = of("fednow");
    assert_eq!(
        refused(&house, &payment(&uetr(), ALICE, BOB, "1.00")),
        (json!("AM03"), json!("/amount/currency"))
    );
    let house = of("sct-inst");
    assert_eq!(refused(&house, &with("purpose", "SALA")), (json!("AC02"), json!("/debtor")), "no IBAN");

    let mut house = of("cbpr+");
    house.post("a", "/v1/transfers", &with("remittance", "Invoice #7 [paid]")).with(201);
    assert_eq!(refused(&house, &with("end_to_end_id", "INV#7")), (json!("CH16"), json!("/end_to_end_id")));
    let (reason, pointer) = refused(&house, &with("remittance", "Société"));
    assert_eq!((reason, pointer), (json!("CH16"), json!("/remittance")));
    let held = house.post("a", "/v1/holds", &with("end_to_end_id", "INV#7")).problem(422);
    assert_eq!(held.2, json!("/end_to_end_id"));
    let bulk = json!({ "mode": "continue", "transfers": [with("purpose", "SALA"), with("remittance", "é")] });
    let report = house.post("a", "/v1/transfers/bulk", &bulk).with(200);
    assert_eq!(report["transfers"][0]["state"], "CLEARED", "{report}");
    assert_eq!(
        (&report["transfers"][1]["state"], &report["transfers"][1]["reason"]),
        (&json!("REJECTED"), &json!("CH16")),
        "{report}"
    );

    // What is in the journal is answered by what became of it, whatever holds by now.
    let paid = with("remittance", "Invoice #7");
    house.post("a", "/v1/transfers", &paid).with(201);
    house.set_usage(Profile::named("fednow"));
    house.restart();
    house.post("a", "/v1/transfers", &paid).with(200);
}

#[test]
fn i3_what_is_sent_again_without_an_amount_is_the_same_after_a_block_too() {
    let house = House::new();
    let (paid, held) = (uetr(), uetr());
    house.post("a", "/v1/transfers", &payment(&paid, ALICE, BOB, "10.00")).with(201);
    house.post("a", "/v1/holds", &payment(&held, ALICE, BOB, "100.00")).with(201);
    house.seal();
    let part = json!({ "amount": { "amount": "40.00", "currency": "EUR" }, "keep": true });
    let post = format!("/v1/holds/{held}/post");
    house.post("a", &post, &part).with(201);
    house.seal();
    let rest = json!({ "uetr": uetr() });
    let posted = house.post("a", &post, &rest).with(201);
    assert_eq!(posted["amount"]["amount"], "60.00");
    let back = json!({ "original": paid, "uetr": uetr() });
    let returned = house.post("b", "/v1/returns", &back).with(201);
    house.seal();
    assert_eq!(house.post("a", &post, &rest).with(200), posted);
    assert_eq!(house.post("b", "/v1/returns", &back).with(200), returned);
}

#[test]
fn whom_a_payment_did_not_reach_is_not_told_of_it() {
    let house = House::new();
    let (refused, waiting) = (uetr(), uetr());
    house.post("a", "/v1/transfers", &payment(&refused, ALICE, BOB, "99999999.00")).problem(422);
    let mut queued = payment(&waiting, ALICE, BOB, "99999999.00");
    queued["queue"] = json!({});
    house.post("a", "/v1/transfers", &queued).with(201);
    let cleared = uetr();
    house.post("a", "/v1/transfers", &payment(&cleared, ALICE, BOB, "1.00")).with(201);
    house.seal();
    for (id, of_payer, of_payee) in [(&refused, 200, 404), (&waiting, 200, 404), (&cleared, 200, 200)] {
        let path = format!("/v1/transfers/{id}");
        assert_eq!(
            (house.get("a", &path).status, house.get("b", &path).status),
            (of_payer, of_payee),
            "{id}"
        );
    }
    assert_eq!(house.events("b", Some(0)).next().1["uetr"], cleared.as_str(), "nor by events");
}

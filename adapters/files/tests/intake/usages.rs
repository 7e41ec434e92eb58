//! Usage profiles: the house's, a participant's own, and what was paid before one was in force.

use std::time::{Duration, Instant};

use feiqian_files::intake;
use feiqian_files::usage::Usage;
use feiqian_iso20022::profile::Profile;

use crate::after::{answer, demo_file, send, statuses, told};
use crate::house::{House, bic};
use crate::shared::{files, validate};

/// `01-single.xml` as SCT Inst has it.
fn instant() -> String {
    let text = String::from_utf8(demo_file("01-single.xml")).expect("UTF-8");
    let text = text.replace("Müller", "Mueller").replace("Société Générique", "Societe Generique");
    let end = text.find("</SvcLvl>").expect("a service level") + "</SvcLvl>".len();
    let (before, behind) = text.split_at(end);
    format!("{before}<LclInstrm><Cd>INST</Cd></LclInstrm>{behind}")
}

fn held_to(name: &str, profile: &str) -> House {
    let mut house = House::demo(name);
    house.options.usage.house = Profile::named(profile);
    house
}

#[test]
fn a_payment_is_held_to_the_houses_profile_and_told_what_is_wrong_with_it() {
    let house = held_to("usage", "sct-inst");
    let rows = [
        (
            "type.xml",
            instant().replace("<LclInstrm><Cd>INST</Cd></LclInstrm>", ""),
            told("RJCT", Some("CH21")),
        ),
        ("name.xml", instant().replace("Mueller", "Müller"), told("RJCT", Some("CH16"))),
        ("good.xml", instant(), told("ACSP", None)),
    ];
    for (name, text, expected) in rows {
        let report = send(&house, name, text.as_bytes());
        assert_eq!(statuses(&answer(&house, &report)), [expected], "{name}");
    }
    let report = send(&house, "again.xml", instant().replace("Mueller", "Müller").as_bytes());
    let answered = answer(&house, &report);
    assert_ne!(statuses(&answered), [told("ACSP", None)], "another payment of that id");
    validate(&house.options.work.outbox());
}

#[test]
fn a_participant_may_have_a_profile_of_its_own_or_none() {
    let demo = demo_file("01-single.xml");
    let rows = [
        (None, told("RJCT", Some("CH21"))),
        (Some(Profile::named("cbpr+")), told("RJCT", Some("CH16"))),
        (Some(None), told("ACSP", None)),
    ];
    for (at, (own, expected)) in rows.into_iter().enumerate() {
        let mut house = held_to(&format!("usage-own-{at}"), "sct-inst");
        house.options.usage.participants.extend(own.map(|own| (bic("BNKAXXAAXXX"), own)));
        house.options.usage.participants.insert(bic("BNKZXXAAXXX"), None);
        let report = send(&house, "01.xml", &demo);
        assert_eq!(statuses(&answer(&house, &report)), [expected], "row {at}");
    }
}

#[test]
fn lines_of_a_table_are_held_to_the_profile_too_but_for_what_a_table_cannot_say() {
    let header = "uetr,instruction_id,end_to_end_id,debtor_agent,debtor_account,creditor_agent,creditor_account,\
                  amount,currency,remittance";
    let line = |tail: &str| format!("{header}\n7a562c67-ca16-48ba-b074-65581be6f0aa,{tail}\n");
    let usual = "I-1,E-1,BNKAXXAA,Z1,BNKBXXAA,Z2,1.00,EUR,Rent";
    let dollars = usual.replace("BNKAXXAA", "BNKEXXAA").replace("EUR", "USD");
    let rows = [
        ("cbpr+", usual.to_owned(), ("ACSP", "")),
        ("cbpr+", usual.replace("I-1", ""), ("RJCT", "CH21")),
        ("cbpr+", usual.replace("E-1", "E#1"), ("RJCT", "CH16")),
        ("cbpr+", usual.replace("Rent", "Café"), ("RJCT", "CH16")),
        ("sct-inst", usual.to_owned(), ("RJCT", "AC02")),
        ("sct-inst", dollars.clone(), ("RJCT", "AM03")),
        ("fednow", usual.to_owned(), ("RJCT", "AM03")),
        ("fednow", dollars.clone(), ("RJCT", "RC03")),
        ("fednow", dollars.replace("1.00", "10000000.01"), ("RJCT", "AM02")),
    ];
    for (at, (profile, tail, expected)) in rows.into_iter().enumerate() {
        let house = held_to(&format!("usage-table-{at}"), profile);
        house.put("pay.csv", line(&tail).as_bytes());
        intake(house.engine(), &house.options).expect("taken in");
        let answers = files(&house.options.work.outbox());
        let text = answers.iter().find(|(name, _)| name.ends_with(".result.csv")).map(|(_, bytes)| bytes);
        let text = String::from_utf8(text.expect("a result").clone()).expect("UTF-8");
        let cells: Vec<_> = text.lines().nth(1).expect("a line").split(',').collect();
        assert_eq!((cells[3], cells[4]), expected, "{profile}: {text}");
    }
}

#[test]
fn i3_what_was_paid_before_a_profile_is_answered_as_paid() {
    let mut house = House::demo("usage-late");
    let demo = demo_file("01-single.xml");
    send(&house, "01.xml", &demo);
    house.options.usage = Usage { house: Profile::named("fednow"), ..Usage::default() };
    let report = send(&house, "02.xml", &demo);
    assert_eq!(statuses(&answer(&house, &report)), [told("ACSP", None)]);
    assert_eq!(report.duplicates, 1);
}

#[test]
fn a_schemes_time_to_confirm_goes_before_a_longer_one_of_the_house() {
    for (name, profile, longest) in [("usage-time", Some(1), true), ("usage-no-time", None, false)] {
        let mut house = held_to(name, "sct-inst");
        house.options.deadlines.instant_s = 600;
        let own = house.options.usage.house.as_mut().expect("one");
        own.confirmation_s = profile;
        let report = send(&house, "instant/01.xml", instant().as_bytes());
        assert_eq!(report.pending, 1, "{report:?}");
        let until = Instant::now() + Duration::from_secs(if longest { 20 } else { 2 });
        let is_told = || {
            intake(house.engine(), &house.options).expect("taken in");
            let all = files(&house.options.work.outbox());
            all.iter().any(|(name, _)| name.ends_with(".BNKAXXAAXXX.pacs.002.xml"))
        };
        while Instant::now() < until && !is_told() {
            std::thread::yield_now();
        }
        assert_eq!(is_told(), longest, "{name}");
    }
}

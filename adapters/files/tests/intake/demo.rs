//! The demo's inbox ends as the table in `config/demo/README.md` says, and every answer is valid.

use std::collections::BTreeMap;

use feiqian_files::{Disposition, FileReport, intake};
use feiqian_iso20022::Limits;
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::status::StatusReport;

use crate::house::House;
use crate::shared::{demo, files, validate};

/// The table's rows: name and expected answer.
fn expected() -> BTreeMap<String, String> {
    let readme = std::fs::read_to_string(demo().join("README.md")).expect("there");
    let rows = readme.lines().filter(|line| line.starts_with("| `") && line.contains(".xml`"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`').to_owned(), cells[3].to_owned())
    })
    .collect()
}

/// A report in the words of the table.
fn told(report: &FileReport) -> String {
    match report.disposition {
        Disposition::Noted => return "none: noted".to_owned(),
        Disposition::Left => return format!("left: {:?}", report.reason),
        Disposition::Rejected => return "admi.002".to_owned(),
        Disposition::Answered => {}
    }
    let is_customers = report.answer.as_ref().is_some_and(|name| name.ends_with(".pain.002.xml"));
    let answer = if is_customers { "pain.002" } else { "pacs.002" };
    let mut text = format!("{answer} {}", report.status.as_deref().unwrap_or(""));
    if report.accepted > 0 {
        text += &format!(", {} cleared", report.accepted);
    }
    if report.duplicates > 0 {
        text += &format!(" (repeated {})", report.duplicates);
    }
    for (code, count) in &report.rejected {
        text += &format!(", {count} {code}");
    }
    text
}

#[test]
fn each_file_of_the_demo_is_answered_as_its_table_says() {
    let house = House::demo("demo");
    for (name, bytes) in files(&demo().join("inbox")) {
        house.put(&name, &bytes);
    }
    let report = intake(house.engine(), &house.options).expect("taken in");
    let found: BTreeMap<String, String> =
        report.files.iter().map(|file| (file.name.clone(), told(file))).collect();
    assert_eq!(found, expected());
    let work = &house.options.work;
    assert_eq!(files(&work.inbox()), [], "every file has left the inbox");
    assert_eq!(files(&work.outbox()).len(), report.files.iter().filter(|file| file.answer.is_some()).count());
    assert_eq!(files(&work.rejected()).len(), 4, "two files, each with its reason");
    assert!(report.first_cleared().is_some());
    validate(&work.outbox());
}

#[test]
fn an_answer_names_the_original_and_the_reason() {
    let house = House::demo("answers");
    for name in ["01-single.xml", "10-broken.xml", "13-unknown-agent.xml", "20-header-of-another.xml"] {
        house.put(name, &std::fs::read(demo().join("inbox").join(name)).expect("there"));
    }
    let report = intake(house.engine(), &house.options).expect("taken in");
    let outbox = house.options.work.outbox();
    let answer = |at: usize| {
        let name = report.files[at].answer.as_ref().expect("answered");
        std::fs::read(outbox.join(name)).expect("there")
    };
    let first = StatusReport::read(answer(0).as_slice(), Limits::default()).expect("readable");
    assert_eq!(first.head.groups.get(0).expect("there").original_message_id, "DEMO01");
    assert_eq!(first.head.groups.get(0).expect("there").original_message_type, "pacs.008.001.08");
    let status = first.transactions.get(0).expect("there");
    assert_eq!(status.original.end_to_end.as_deref(), Some("E2E-DEMO01-1"));
    assert!(status.original.uetr.is_some() && status.clearing_reference.is_some());

    let reject = MessageReject::read(answer(1).as_slice(), Limits::default()).expect("readable");
    assert_eq!((reject.reference.as_str(), reject.reason.as_str()), ("DEMO10", "Truncated"));

    let partly = StatusReport::read(answer(2).as_slice(), Limits::default()).expect("readable");
    let reason = partly.transactions.get(1).expect("there").reasons[0].clone();
    assert_eq!(reason.code.as_deref(), Some("CNOR"));
    assert!(reason.additional.concat().contains("BNKZXXAAXXX"), "{reason:?}");

    let other = StatusReport::read(answer(3).as_slice(), Limits::default()).expect("readable");
    assert_eq!(other.head.groups.get(0).expect("there").reasons[0].code.as_deref(), Some("AGNT"));
    let header = other.head.business.expect("answered in an envelope, as it came");
    assert_eq!(header.to.bic.map(|bic| bic.to_string()).as_deref(), Some("BNKBXXAAXXX"));
}

#[test]
fn an_initiation_is_answered_by_payment_information_in_its_own_version() {
    let house = House::demo("initiations");
    let text = std::fs::read_to_string(demo().join("inbox/08-initiation-salaries.xml")).expect("there");
    // One of its payments goes to a bank that is not registered.
    let unknown = text.replacen("BNKBXXAA", "BNKZXXAA", 1);
    assert_ne!(text, unknown, "a payment goes to bank B");
    house.put("08.xml", unknown.as_bytes());
    let report = intake(house.engine(), &house.options).expect("taken in");
    let name = report.files[0].answer.as_ref().expect("answered");
    assert!(name.ends_with(".pain.002.xml"), "{name}");
    let answer = std::fs::read(house.options.work.outbox().join(name)).expect("there");
    let answer = StatusReport::read(answer.as_slice(), Limits::default()).expect("readable");
    assert_eq!(answer.head.message_type.identifier(), "pain.002.001.10");
    assert_eq!(answer.head.groups.get(0).expect("there").status.as_deref(), Some("PART"));
    assert!(answer.payments.iter().any(|payment| payment.status.as_deref() == Some("PART")), "{answer:?}");
    let told: u64 =
        answer.payments.iter().filter_map(|one| one.original_count.as_ref()?.parse::<u64>().ok()).sum();
    assert_eq!(told, answer.transactions.len() as u64);
    let ids: Vec<String> = answer.payments.iter().map(|payment| payment.id.clone()).collect();
    for one in &answer.transactions {
        assert!(
            one.payment_information_id.as_deref().is_some_and(|id| ids.iter().any(|own| own == id)),
            "{one:?}"
        );
    }
    validate(&house.options.work.outbox());
}

#[test]
fn a_file_name_can_not_lead_out_of_the_outbox() {
    let house = House::demo("names");
    let single = std::fs::read(demo().join("inbox/01-single.xml")).expect("there");
    for name in ["deep/er/x.xml", "..a b<>&é.xml", "Ünïcödé$(x).XML", &format!("{}.xml", "n".repeat(200))]
    {
        house.put(name, &single);
    }
    house.put("notes.json", b"{}");
    house.put("half.xml.part", b"<");
    house.put(".hidden.xml", b"<");
    let report = intake(house.engine(), &house.options).expect("taken in");
    assert_eq!((report.files.len(), report.skipped), (3, 1), "dot names are not there yet");
    for (name, _) in files(&house.options.work.outbox()) {
        assert!(name.len() < 160 && name.bytes().all(|byte| byte.is_ascii_graphic()), "{name}");
    }
    assert_eq!(files(&house.options.work.outbox()).len(), 3);
    assert_eq!(files(&house.options.work.archive()).len(), 3);
}

//! xmllint as a second opinion on everything that is written, when it is installed and the schemas are there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use feiqian_iso20022::write;
use feiqian_iso20022::{Family, MessageType};

use crate::after_written::{self, versions};
use crate::data::{self, say};
use crate::fixtures::clean;
use crate::round_trip::{
    account_report, business, charged_report, customers_report, full_cover, full_transfer, obligation, report,
};

/// What xmllint says against `text` under the schema of `message`; none if it is valid.
fn complaint(schemas: &Path, message: &str, text: &str) -> Option<String> {
    let schema: PathBuf = schemas.join(format!("{message}.xsd"));
    let mut child = Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("xmllint is there");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("xmllint reads");
    let output = child.wait_with_output().expect("xmllint ends");
    if output.status.success() { None } else { Some(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// The element `name` of `text` with its content.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let start = text.find(&format!("<{name}"))?;
    let end = text.find(&format!("</{name}>"))? + name.len() + 3;
    text.get(start..end)
}

fn written() -> Vec<(String, String)> {
    let mut messages = Vec::new();
    let mut add = |message: &str, text: std::io::Result<String>| {
        messages.push((message.to_owned(), text.expect("written")));
    };
    for version in MessageType::all().filter(|one| one.family() == Family::Pacs002 && one.version() >= 3) {
        let report = report(version.identifier());
        add(version.identifier(), write::to_text(|out| write::pacs002(out, &report)));
    }
    for version in versions(Family::Pain002, 3) {
        let report = customers_report(version.identifier());
        add(version.identifier(), write::to_text(|out| write::pacs002(out, &report)));
    }
    let (head, transfer) = obligation().to_message().expect("supported");
    add("pacs.009.001.08", write::to_text(|out| write::pacs009(out, &head, &[transfer])));
    let (_, cover) = full_cover();
    add("pacs.009.001.08", write::to_text(|out| write::pacs009(out, &head, &[cover])));
    add("pacs.008.001.08", write::to_text(|out| write::pacs008(out, &head, &[full_transfer()])));
    let (summary, transfers) = clean(&data::text(&data::fixtures().join("pacs.008.xml")));
    add("pacs.008.001.08", write::to_text(|out| write::pacs008(out, &summary.head, &transfers)));
    let (summary, transfers) = clean(&data::text(&data::fixtures().join("pain.001.xml")));
    add("pain.001.001.09", write::to_text(|out| write::pain001(out, &summary.head, &transfers)));
    let reject = feiqian_iso20022::reject::MessageReject {
        business: Some(business("admi.002.001.01")),
        reference: "R".to_owned(),
        ..Default::default()
    };
    add("admi.002.001.01", write::to_text(|out| write::admi002(out, &reject)));
    for version in versions(Family::Pacs004, 2) {
        let (head, returns) = after_written::returns(version);
        add(version.identifier(), write::to_text(|out| write::pacs004(out, &head, &returns)));
    }
    for version in versions(Family::Camt056, 1) {
        add(version.identifier(), write::to_text(|out| write::camt056(out, &after_written::recall(version))));
    }
    for version in versions(Family::Camt029, 3) {
        let answer = after_written::resolution(version);
        add(version.identifier(), write::to_text(|out| write::camt029(out, &answer)));
    }
    for version in versions(Family::Pacs028, 1) {
        let request = after_written::status_request(version);
        add(version.identifier(), write::to_text(|out| write::pacs028(out, &request)));
    }
    for family in [Family::Camt052, Family::Camt053, Family::Camt054] {
        for version in versions(family, 2) {
            let text = write::to_text(|out| write::account_report(out, version, &charged_report()));
            add(version.identifier(), text);
            let answer = report_answer(version);
            let two = [account_report(), account_report()];
            add(version.identifier(), write::to_text(|out| write::account_reports(out, &answer, &two)));
        }
    }
    add("camt.053.001.08", write::to_text(|out| write::camt053(out, &account_report())));
    add("camt.054.001.08", write::to_text(|out| write::camt054(out, &account_report())));
    messages
}

/// What answers a camt.060 by `version`.
fn report_answer(version: MessageType) -> write::ReportAnswer {
    write::ReportAnswer {
        message_type: version,
        business: Some(business(version.identifier())),
        message_id: "FQR1".to_owned(),
        creation: "2026-03-16T08:00:01Z".to_owned(),
        query: ("REP-1".to_owned(), Family::Camt060.version(5), "2026-03-16T08:00:00Z".to_owned()),
    }
}

#[test]
fn xmllint_finds_nothing_wrong_with_what_is_written() {
    let Some(schemas) = data::folder("xsd") else { return };
    if Command::new("xmllint").arg("--version").stderr(Stdio::null()).status().is_err() {
        return say("skipped: xmllint is not installed (package libxml2-utils)");
    }
    let (mut checked, mut problems) = (0, Vec::new());
    for (message, text) in written() {
        let parts = [(message.as_str(), "Document"), ("head.001.001.02", "AppHdr")];
        for (schema, name) in parts {
            let Some(part) = element(&text, name) else { continue };
            checked += 1;
            if let Some(complaint) = complaint(&schemas, schema, part) {
                problems.push(format!("{message} {name}: {complaint}"));
            }
        }
    }
    say(&format!("xmllint checked {checked} headers and documents"));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

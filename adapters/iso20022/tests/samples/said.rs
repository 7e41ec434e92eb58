//! What a message says that has no field of its own comes out as it went in: every address, agent's account, structured
//! remittance information and tax of the samples, leaf by leaf, compared as the trees of the two messages have them.

use std::collections::BTreeSet;

use feiqian_iso20022::payment::{CreditTransfer, Entry, MessageHead};
use feiqian_iso20022::returns::{ReturnEntry, ReturnReader};
use feiqian_iso20022::transfers::TRANSFER_FAMILIES;
use feiqian_iso20022::{Family, Limits, MessageType, write};

use crate::data::{self, say};
use crate::domain;
use crate::facts::{Node, trees};

/// File, leaf, why: what the version that is written has no place for.
const WITHOUT_PLACE: &str = include_str!("without_place.tsv");

/// Elements of which all is to come out.
fn is_wanted(name: &str) -> bool {
    let names = [
        "PstlAdr",
        "BrnchId",
        "CtryOfRes",
        "CtctDtls",
        "Strd",
        "Tax",
        "RgltryRptg",
        "RltdRmtInf",
        "InstrForCdtrAgt",
    ];
    let is_agents_account = name.ends_with("Acct") && name.contains("Agt");
    names.contains(&name) || is_agents_account && !name.contains("Rmbrsmnt") && !name.contains("Chrgs")
}

/// Who gives a reason for a return, and of an original what else than the payment it names.
fn is_of_reasons(path: &str, name: &str) -> bool {
    path.ends_with("RtrRsnInf[0]")
        || path.ends_with("OrgnlTxRef[0]") && ["CdtrSchmeId", "MndtRltdInf"].contains(&name)
}

/// The leaves below wanted elements, each with its path from the transaction and its place among its like.
fn leaves(node: &Node, (path, is_inside): (&str, bool), to: &mut BTreeSet<String>) {
    // Those of the hop, of the settlement and of charges' accounts are none of the payment's.
    const OTHERS: [&str; 6] = ["InstgAgt", "InstdAgt", "GrpHdr", "AppHdr", "SttlmInf", "ChrgsAcctAgt"];
    const WRAPPERS: [&str; 7] = ["Pty", "Agt", "FinInstnId", "CmbndId", "NmAndAdr", "PmtInf", "Document"];
    for (at, child) in node.children.iter().enumerate() {
        let nth = node.children[..at].iter().filter(|other| other.name == child.name).count();
        let name = match child.name {
            "BIC" => "BICFI",
            "BICOrBEI" | "BEI" => "AnyBIC",
            "PrvsInstgAgtAcct" => "PrvsInstgAgt1Acct",
            "PrvsInstgAgt" => "PrvsInstgAgt1",
            name => name,
        };
        if !is_inside && (OTHERS.contains(&name) || is_of_reasons(path, name)) {
            continue;
        }
        let below = match name {
            wrapper if WRAPPERS.contains(&wrapper) && !is_inside => path.to_owned(),
            name => format!("{path}/{name}[{nth}]"),
        };
        let is_inside = is_inside || is_wanted(name);
        if child.children.is_empty() && is_inside {
            to.insert(format!("{below}={} {}", child.text, child.currency));
        }
        leaves(child, (&below, is_inside), to);
    }
}

fn said(bytes: &[u8]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let documents = trees(bytes).expect("valid").into_iter().filter(|(_, root)| root.name == "Document");
    for (_, root) in documents {
        for body in &root.children {
            leaves(body, ("", false), &mut all);
        }
    }
    all
}

/// Compares the two; gives how many leaves came out, or tells what did not.
fn compare(file: &str, sent: &[u8], written: &str, missing: &mut Vec<String>) -> usize {
    let (sent, written) = (said(sent), said(written.as_bytes()));
    let has_no_place = |leaf: &String| {
        WITHOUT_PLACE.lines().any(|line| {
            let mut fields = line.split('\t');
            fields.next() == Some(file) && fields.next().is_some_and(|part| leaf.contains(part))
        })
    };
    let lost = sent.difference(&written).filter(|leaf| !has_no_place(leaf));
    missing.extend(lost.map(|leaf| format!("{file}: lost {leaf}")));
    missing.extend(written.difference(&sent).map(|leaf| format!("{file}: made up {leaf}")));
    sent.intersection(&written).count()
}

fn write_again(head: &MessageHead, transfers: &[CreditTransfer]) -> String {
    let head = MessageHead { business: None, number_of_transactions: None, ..head.clone() };
    let text = write::to_text(|out| match head.message_type.family() {
        Family::Pain001 => write::pain001(out, &head, transfers),
        Family::Pacs009 => write::pacs009(out, &head, transfers),
        _ => write::pacs008(out, &head, transfers),
    });
    text.expect("written")
}

#[test]
fn whatever_a_payment_says_of_addresses_accounts_remittance_and_tax_is_passed_on() {
    let Some(folder) = data::folder("samples") else { return };
    let (mut missing, mut count, mut files) = (Vec::new(), 0, 0);
    for sample in data::samples(&folder).into_iter().filter(|sample| sample.is_valid) {
        let Some(family) = domain::family(&sample) else { continue };
        let bytes = data::read(&folder.join(&sample.file));
        let text = if TRANSFER_FAMILIES.contains(&family) {
            let Ok((summary, entries)) = domain::read(&bytes) else { continue };
            let all: Option<Vec<CreditTransfer>> = entries
                .into_iter()
                .map(|entry| match entry {
                    Entry::Transfer(transfer) => Some(*transfer),
                    Entry::Refused(_) => None,
                })
                .collect();
            let Some(transfers) = all else { continue };
            write_again(&summary.head, &transfers)
        } else if family == Family::Pacs004 {
            let Some(text) = write_return(&bytes) else { continue };
            text
        } else {
            continue;
        };
        let before = count;
        count += compare(&sample.file, &bytes, &text, &mut missing);
        files += usize::from(count > before);
    }
    say(&format!("checked {count} leaves of {files} samples passed on"));
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(count > 300 && files > 20, "{count} leaves of {files} files");
}

fn write_return(bytes: &[u8]) -> Option<String> {
    let mut reader = ReturnReader::new(bytes, Limits::default()).ok()?;
    let mut returns = Vec::new();
    while let Some(entry) = reader.next_return().ok()? {
        let ReturnEntry::Return(one) = entry else { return None };
        returns.push(*one);
    }
    let head = MessageHead { business: None, ..reader.finish().ok()?.head };
    let is_written = MessageType::parse("pacs.004.001.02").is_some() && head.message_type.version() >= 2;
    is_written.then(|| write::to_text(|out| write::pacs004(out, &head, &returns)).expect("written"))
}

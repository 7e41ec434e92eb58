//! The payments, reports and rejects that the library makes of the samples, against the same expected facts.

use std::collections::BTreeMap;
use std::path::Path;

use feiqian_core::bic::Bic;
use feiqian_core::money::Amount;
use feiqian_iso20022::payment::{Agent, Entry, FileSummary, Party, ToldAmount, TransferDetails};
use feiqian_iso20022::reject::MessageReject;
use feiqian_iso20022::status::{StatusReason, StatusReport};
use feiqian_iso20022::transfers::{TRANSFER_FAMILIES, TransferReader, check};
use feiqian_iso20022::{Family, Limits, MessageType, ReadError};
use serde_json::{Value, json};

use crate::data::{self, Sample, say};

/// File, what is refused (`file` or the transaction's number), code: every business refusal among the samples.
const BUSINESS: &str = include_str!("business.tsv");

/// A sample of transfers as the library reads it.
pub(crate) fn read(bytes: &[u8]) -> Result<(FileSummary, Vec<Entry>), ReadError> {
    let mut reader = TransferReader::new(bytes, Limits::default())?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_transfer()? {
        entries.push(entry);
    }
    Ok((reader.finish()?, entries))
}

pub(crate) fn family(sample: &Sample) -> Option<Family> {
    MessageType::parse(&sample.message).map(MessageType::family)
}

pub(crate) fn expected(folder: &Path, sample: &Sample) -> Value {
    let stem = sample.file.strip_suffix(".xml").expect("an XML file");
    serde_json::from_slice(&data::read(&folder.join(format!("{stem}.expected.json")))).expect("JSON")
}

pub(crate) fn details(entry: &Entry) -> &TransferDetails {
    match entry {
        Entry::Transfer(transfer) => &transfer.details,
        Entry::Refused(refused) => &refused.details,
    }
}

/// Compares one value with the expected one, if that is given.
pub(crate) fn same(problems: &mut Vec<String>, what: &str, expected: &Value, ours: Option<&str>) {
    let Some(expected) = expected.as_str() else { return };
    if ours.map(str::trim) != Some(expected.trim()) {
        problems.push(format!("{what}: read {ours:?}, expected {expected:?}"));
    }
}

fn same_bic(problems: &mut Vec<String>, what: &str, expected: &Value, ours: Option<Bic>) {
    if let Some(text) = expected.as_str()
        && Bic::parse(text).ok() != ours
    {
        problems.push(format!("{what}: read {ours:?}, expected {text}"));
    }
}

pub(crate) fn same_agent(problems: &mut Vec<String>, what: &str, expected: &Value, ours: Option<&Agent>) {
    let agent = ours.cloned().unwrap_or_default();
    same_bic(problems, what, &expected["bic"], agent.bic);
    let member = agent.member.as_ref();
    same(problems, what, &expected["mmb_id"], member.map(|member| member.id.as_str()));
    same(problems, what, &expected["clr_sys"], member.and_then(|member| member.system.as_deref()));
    same(problems, what, &expected["lei"], agent.lei.as_deref());
    same(problems, what, &expected["name"], agent.name.as_deref());
    same(problems, what, &expected["other"], agent.other.as_deref());
}

pub(crate) fn same_party(problems: &mut Vec<String>, what: &str, expected: &Value, ours: Option<&Party>) {
    let party = ours.cloned().unwrap_or_default();
    same_bic(problems, what, &expected["bic"], party.bic);
    same_bic(problems, what, &expected["any_bic"], party.bic);
    same(problems, what, &expected["mmb_id"], party.member.as_ref().map(|member| member.id.as_str()));
    let texts = [
        ("name", &party.name),
        ("lei", &party.lei),
        ("org_othr", &party.organisation_id),
        ("prvt_othr", &party.private_id),
        ("country", &party.country),
        ("town", &party.town),
    ];
    for (key, ours) in texts {
        same(problems, what, &expected[key], ours.as_deref());
    }
}

pub(crate) fn same_told(problems: &mut Vec<String>, what: &str, expected: &Value, ours: Option<&ToldAmount>) {
    same(problems, what, &expected["amt"], ours.map(|amount| amount.text.as_str()));
    same(problems, what, &expected["ccy"], ours.map(|amount| amount.currency.as_str()));
}

fn same_entry(problems: &mut Vec<String>, expected: &Value, entry: &Entry) {
    let amount = &expected["amount"];
    match entry {
        Entry::Transfer(transfer) => {
            same(problems, "currency", &amount["ccy"], Some(transfer.currency.code()));
            let text = amount["amt"].as_str().expect("every transaction has an amount");
            if Amount::from_decimal(text, transfer.currency) != Ok(transfer.amount) {
                problems.push(format!("amount: read {:?}, expected {text}", transfer.amount));
            }
        }
        Entry::Refused(refused) => same_told(problems, "amount", amount, Some(&refused.amount)),
    }
    same_details(problems, expected, details(entry));
}

fn same_details(problems: &mut Vec<String>, expected: &Value, ours: &TransferDetails) {
    let uetr = ours.ids.uetr.map(|uetr| uetr.to_string());
    let texts = [
        ("instr_id", ours.ids.instruction.as_deref()),
        ("e2e_id", ours.ids.end_to_end.as_deref()),
        ("tx_id", ours.ids.transaction.as_deref()),
        ("uetr", uetr.as_deref()),
        ("clr_sys_ref", ours.clearing_reference.as_deref()),
        ("sttlm_dt", ours.settlement_date.as_deref()),
        ("prty", ours.priority.as_deref()),
        ("svc_lvl", ours.service_level.as_deref()),
        ("lcl_instrm", ours.local_instrument.as_deref()),
        ("ctgy_purp", ours.category_purpose.as_deref()),
        ("chrg_br", ours.charge_bearer.as_deref()),
        ("xchg_rate", ours.exchange_rate.as_deref()),
        ("purp", ours.purpose.as_deref()),
        ("dbtr_acct", ours.debtor_account.as_ref().map(|account| account.text())),
        ("cdtr_acct", ours.creditor_account.as_ref().map(|account| account.text())),
    ];
    for (key, ours) in texts {
        same(problems, key, &expected[key], ours);
    }
    let agents = [
        ("dbtr_agt", &ours.debtor_agent),
        ("cdtr_agt", &ours.creditor_agent),
        ("instg_agt", &ours.instructing_agent),
        ("instd_agt", &ours.instructed_agent),
    ];
    for (key, ours) in agents {
        same_agent(problems, key, &expected[key], ours.as_ref());
    }
    same_party(problems, "dbtr", &expected["dbtr"], Some(&ours.debtor));
    same_party(problems, "cdtr", &expected["cdtr"], Some(&ours.creditor));
    same_party(problems, "ultmt_dbtr", &expected["ultmt_dbtr"], ours.ultimate_debtor.as_ref());
    same_party(problems, "ultmt_cdtr", &expected["ultmt_cdtr"], ours.ultimate_creditor.as_ref());
    same_told(problems, "instd_amt", &expected["instd_amt"], ours.instructed_amount.as_ref());
    if expected["cov"].is_object() {
        let empty = TransferDetails::default();
        same_details(problems, &expected["cov"], ours.underlying.as_deref().unwrap_or(&empty));
    }
    for (at, agent) in expected["intrmy"].as_array().into_iter().flatten().enumerate() {
        same_agent(problems, "intrmy", agent, ours.intermediaries.get(at));
    }
    for (at, charge) in expected["charges"].as_array().into_iter().flatten().enumerate() {
        let ours = ours.charges.get(at);
        same_told(problems, "charges", &charge["amt"], ours.map(|charge| &charge.amount));
        same_agent(problems, "charges", &charge["agt"], ours.and_then(|charge| charge.agent.as_deref()));
    }
    for (at, line) in expected["rmt"]["ustrd"].as_array().into_iter().flatten().enumerate() {
        same(problems, "rmt", line, ours.remittance.get(at).map(String::as_str));
    }
    for (at, reference) in expected["rmt"]["strd_ref"].as_array().into_iter().flatten().enumerate() {
        same(problems, "rmt", reference, ours.remittance_references.get(at).map(String::as_str));
    }
}

pub(crate) fn same_head(problems: &mut Vec<String>, expected: &Value, summary: &FileSummary) {
    let (group, head) = (&expected["grp"], &summary.head);
    same(problems, "msg_id", &group["msg_id"], Some(&head.message_id));
    same(problems, "cre_dt_tm", &group["cre_dt_tm"], Some(&head.creation));
    let count = head.number_of_transactions.map(|count| count.to_string());
    same(problems, "nb_of_txs", &group["nb_of_txs"], count.as_deref());
    same(problems, "ctrl_sum", &group["ctrl_sum"], head.control_sum.as_deref());
    same(problems, "sttlm_dt", &group["sttlm_dt"], head.settlement_date.as_deref());
    same(problems, "sttlm_mtd", &group["sttlm_mtd"], head.settlement_method.as_deref());
    same(problems, "clr_sys", &group["clr_sys"], head.clearing_system.as_deref());
    same_told(problems, "ttl_amt", &group["ttl_amt"], head.total.as_ref());
    same_agent(problems, "instg_agt", &group["instg_agt"], head.instructing_agent.as_ref());
    same_agent(problems, "instd_agt", &group["instd_agt"], head.instructed_agent.as_ref());
    same_party(problems, "initg_pty", &group["initg_pty"], head.initiating_party.as_ref());
    let bah = &expected["bah"];
    let business = head.business.as_ref();
    assert_eq!(bah.is_object(), business.is_some(), "the header");
    if let Some(business) = business {
        same(problems, "fr", &bah["fr"], head.sender().and_then(|sender| bic_as_sent(sender, &bah["fr"])));
        same(problems, "biz_msg_idr", &bah["biz_msg_idr"], Some(&business.business_message_id));
        same(problems, "msg_def_idr", &bah["msg_def_idr"], Some(&business.message_definition));
        same(problems, "biz_svc", &bah["biz_svc"], business.business_service.as_deref());
        same(problems, "cre_dt", &bah["cre_dt"], Some(&business.creation));
        same(problems, "cpy_dplct", &bah["cpy_dplct"], business.copy_duplicate.as_deref());
        same(problems, "prty", &bah["prty"], business.priority.as_deref());
        let is_duplicate = matches!(bah["pssbl_dplct"].as_str(), Some("true" | "1"));
        assert_eq!((business.possible_duplicate, head.is_possible_duplicate()), (is_duplicate, is_duplicate));
        assert_eq!(business.has_signature, bah["has_signature"] == json!(true));
    }
}

/// A BIC of eight characters is kept with eleven.
fn bic_as_sent<'a>(agent: &'a Agent, expected: &Value) -> Option<&'a str> {
    let length = expected.as_str().map_or(0, str::len);
    agent.identifier().map(|id| if agent.bic.is_some() { id.get(..length).unwrap_or(id) } else { id })
}

#[test]
fn transfers_say_what_the_samples_say() {
    let Some(folder) = data::folder("samples") else { return };
    let mut problems = Vec::new();
    let mut business: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut files, mut transfers) = (0, 0);
    for sample in data::samples(&folder).into_iter().filter(|sample| sample.is_valid) {
        if !family(&sample).is_some_and(|family| TRANSFER_FAMILIES.contains(&family)) {
            continue;
        }
        let bytes = data::read(&folder.join(&sample.file));
        let (summary, entries) = read(&bytes).unwrap_or_else(|error| panic!("{} {error}", sample.file));
        assert_eq!(check(bytes.as_slice(), Limits::default()).as_ref(), Ok(&summary), "{}", sample.file);
        let facts = expected(&folder, &sample);
        let mut found = Vec::new();
        same_head(&mut found, &facts, &summary);
        let blocks = facts["pmt"].as_array().map_or(vec![&facts], |blocks| blocks.iter().collect());
        let rows = blocks
            .iter()
            .flat_map(|block| block["txs"].as_array().into_iter().flatten().map(move |row| (*block, row)));
        let rows: Vec<(&Value, &Value)> = rows.collect();
        assert!(rows.is_empty() || rows.len() == entries.len(), "{}", sample.file);
        for ((block, row), entry) in rows.iter().zip(&entries) {
            same_entry(&mut found, row, entry);
            if block["id"].is_string() {
                same_block(&mut found, block, details(entry));
            }
        }
        files += 1;
        transfers += entries.len();
        problems.extend(found.into_iter().map(|problem| format!("{} {problem}", sample.file)));
        refusals(&sample, &summary, &entries, &mut business);
    }
    say(&format!("checked {files} files with {transfers} transfers, {} files with refusals", business.len()));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let lines = business
        .into_iter()
        .flat_map(|(file, rows)| rows.into_iter().map(move |row| format!("{file}\t{row}")));
    let found = lines.collect::<Vec<String>>().join("\n");
    let listed: Vec<&str> = BUSINESS.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(found, listed.join("\n"), "the refusals are not those of business.tsv");
}

fn same_block(problems: &mut Vec<String>, block: &Value, ours: &TransferDetails) {
    same(problems, "id", &block["id"], ours.payment_information_id.as_deref());
    same(problems, "exec", &block["exec"], ours.requested_execution_date.as_deref());
    same(
        problems,
        "dbtr_acct",
        &block["dbtr_acct"],
        ours.debtor_account.as_ref().map(|account| account.text()),
    );
    same_agent(problems, "dbtr_agt", &block["dbtr_agt"], ours.debtor_agent.as_ref());
    same_party(problems, "dbtr", &block["dbtr"], Some(&ours.debtor));
}

fn refusals(
    sample: &Sample,
    summary: &FileSummary,
    entries: &[Entry],
    business: &mut BTreeMap<String, Vec<String>>,
) {
    let file = summary.refusals.iter().map(|refusal| format!("file\t{}\t{}", refusal.code, refusal.text));
    let single = entries.iter().filter_map(|entry| match entry {
        Entry::Refused(refused) => {
            Some(format!("{}\t{}\t{}", refused.index, refused.refusal.code, refused.refusal.text))
        }
        Entry::Transfer(_) => None,
    });
    let rows: Vec<String> = file.chain(single).collect();
    if !rows.is_empty() {
        business.insert(sample.file.clone(), rows);
    }
}

pub(crate) fn same_reasons(problems: &mut Vec<String>, expected: &Value, ours: &[StatusReason]) {
    for (at, reason) in expected.as_array().into_iter().flatten().enumerate() {
        let ours = ours.get(at).cloned().unwrap_or_default();
        same(problems, "code", &reason["code"], ours.code.as_deref());
        same(problems, "prtry", &reason["prtry"], ours.proprietary.as_deref());
        for (at, line) in reason["addtl"].as_array().into_iter().flatten().enumerate() {
            same(problems, "addtl", line, ours.additional.get(at).map(String::as_str));
        }
    }
}

#[test]
fn status_reports_say_what_the_samples_say() {
    let Some(folder) = data::folder("samples") else { return };
    let mut problems = Vec::new();
    let mut files = 0;
    for sample in data::samples(&folder).into_iter().filter(|sample| sample.is_valid) {
        if family(&sample) != Some(Family::Pacs002) {
            continue;
        }
        let bytes = data::read(&folder.join(&sample.file));
        let report = StatusReport::read(bytes.as_slice(), Limits::default()).expect("a valid report");
        let facts = expected(&folder, &sample);
        same(&mut problems, "msg_id", &facts["grp"]["msg_id"], Some(&report.head.message_id));
        for (at, group) in facts["orgnl_grp"].as_array().into_iter().flatten().enumerate() {
            let ours = report.head.groups.get(at).expect("there");
            same(&mut problems, "msg_id", &group["msg_id"], Some(&ours.original_message_id));
            same(&mut problems, "msg_nm", &group["msg_nm"], Some(&ours.original_message_type));
            same(&mut problems, "nb", &group["nb"], ours.original_count.as_deref());
            same(&mut problems, "grp_sts", &group["grp_sts"], ours.status.as_deref());
            same_reasons(&mut problems, &group["reasons"], &ours.reasons);
        }
        for (at, row) in facts["txs"].as_array().into_iter().flatten().enumerate() {
            let ours = report.transactions.get(at).expect("there");
            let uetr = ours.original.uetr.map(|uetr| uetr.to_string());
            let message = ours.original_message.as_ref();
            let texts = [
                ("sts_id", ours.id.as_deref()),
                ("orgnl_msg_id", message.map(|message| message.0.as_str())),
                ("orgnl_msg_nm", message.map(|message| message.1.as_str())),
                ("orgnl_instr_id", ours.original.instruction.as_deref()),
                ("orgnl_e2e_id", ours.original.end_to_end.as_deref()),
                ("orgnl_tx_id", ours.original.transaction.as_deref()),
                ("orgnl_uetr", uetr.as_deref()),
                ("sts", ours.status.as_deref()),
                ("accptnc", ours.acceptance.as_deref()),
                ("fctv_sttlm", ours.effective_settlement_date.as_deref()),
            ];
            for (key, ours) in texts {
                same(&mut problems, key, &row[key], ours);
            }
            same_agent(&mut problems, "instg_agt", &row["instg_agt"], ours.instructing_agent.as_ref());
            same_agent(&mut problems, "instd_agt", &row["instd_agt"], ours.instructed_agent.as_ref());
            same_reasons(&mut problems, &row["reasons"], &ours.reasons);
        }
        files += 1;
    }
    say(&format!("checked {files} status reports"));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn message_rejects_are_read() {
    let Some(folder) = data::folder("samples") else { return };
    let mut files = 0;
    for sample in data::samples(&folder).into_iter().filter(|sample| sample.is_valid) {
        if family(&sample) == Some(Family::Admi002) {
            let bytes = data::read(&folder.join(&sample.file));
            let reject = MessageReject::read(bytes.as_slice(), Limits::default()).expect("a valid reject");
            assert!(!reject.reference.is_empty() && !reject.reason.is_empty(), "{}", sample.file);
            files += 1;
        }
    }
    say(&format!("checked {files} message rejects"));
}

//! What comes after a payment (returns, recalls, their answers, status requests, confirmations), as the library makes it
//! of the samples: against the expected facts, against the list of refusals, and written and read back.

use feiqian_iso20022::case::{Assignment, CaseParty};
use feiqian_iso20022::original::OriginalMessage;
use feiqian_iso20022::payment::{BusinessHead, FileSummary, MessageHead, PaymentIds, Refusal, ToldAmount};
use feiqian_iso20022::recall::Recall;
use feiqian_iso20022::resolution::Resolution;
use feiqian_iso20022::returns::{PaymentReturn, ReturnEntry, ReturnReader};
use feiqian_iso20022::status::{StatusReason, StatusReport};
use feiqian_iso20022::status_request::StatusRequest;
use feiqian_iso20022::{Family, Limits, MessageType, ReadError, write};
use serde_json::Value;

use crate::data::{self, Sample, say};
use crate::domain::{expected, family, same, same_agent, same_party, same_reasons, same_told};

/// File, what is refused (`file` or the transaction's number), code and text: every refusal among these samples.
const REFUSED: &str = include_str!("after.tsv");

pub(crate) fn read_returns(bytes: &[u8]) -> Result<(FileSummary, Vec<ReturnEntry>), ReadError> {
    let mut reader = ReturnReader::new(bytes, Limits::default())?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_return()? {
        entries.push(entry);
    }
    Ok((reader.finish()?, entries))
}

fn same_original(
    problems: &mut Vec<String>,
    row: &Value,
    ids: &PaymentIds,
    message: Option<&OriginalMessage>,
    reasons: &[StatusReason],
) {
    let uetr = ids.uetr.map(|uetr| uetr.to_string());
    let texts = [
        ("orgnl_msg_id", message.map(|message| message.message_id.as_str())),
        ("orgnl_msg_nm", message.map(|message| message.message_type.as_str())),
        ("orgnl_instr_id", ids.instruction.as_deref()),
        ("orgnl_e2e_id", ids.end_to_end.as_deref()),
        ("orgnl_tx_id", ids.transaction.as_deref()),
        ("orgnl_uetr", uetr.as_deref()),
    ];
    for (key, ours) in texts {
        same(problems, key, &row[key], ours);
    }
    same_reasons(problems, &row["reasons"], reasons);
}

fn same_side(problems: &mut Vec<String>, key: &str, facts: &Value, ours: &CaseParty) {
    match ours {
        CaseParty::Agent(agent) => same_agent(problems, key, &facts[key], Some(agent)),
        CaseParty::Party(party) => same_party(problems, key, &facts[key], Some(party)),
    }
}

fn same_assignment(problems: &mut Vec<String>, facts: &Value, ours: &Assignment) {
    let facts = &facts["assgnmt"];
    same(problems, "id", &facts["id"], Some(&ours.id));
    same(problems, "cre", &facts["cre"], Some(&ours.creation));
    same_side(problems, "assgnr", facts, &ours.assigner);
    same_side(problems, "assgne", facts, &ours.assignee);
}

fn rows(facts: &Value) -> &[Value] {
    facts["txs"].as_array().map_or(&[], Vec::as_slice)
}

/// Problems with the facts, and what is refused.
type Checked = (Vec<String>, Vec<String>);

fn line(place: &str, refusal: &Refusal) -> String {
    format!("{place}\t{}\t{}", refusal.code, refusal.text)
}

fn lines<'a>(file: &[Refusal], single: impl Iterator<Item = Option<&'a Refusal>>) -> Vec<String> {
    let single = single.enumerate().filter_map(|(at, refusal)| Some(line(&(at + 1).to_string(), refusal?)));
    file.iter().map(|refusal| line("file", refusal)).chain(single).collect()
}

fn check_returns(bytes: &[u8], facts: &Value) -> Checked {
    let (summary, entries) = read_returns(bytes).expect("valid");
    let mut problems = Vec::new();
    crate::domain::same_head(&mut problems, facts, &summary);
    assert_eq!(rows(facts).len(), entries.len());
    for (row, entry) in rows(facts).iter().zip(&entries) {
        let told = |row: &Value| ToldAmount {
            text: row["rtrd_amt"]["amt"].as_str().expect("an amount").to_owned(),
            currency: row["rtrd_amt"]["ccy"].as_str().expect("a currency").to_owned(),
        };
        let details = match entry {
            ReturnEntry::Return(one) => {
                assert_eq!(told(row).to_minor(), Ok((one.amount, one.currency)));
                &one.details
            }
            ReturnEntry::Refused(one) => {
                assert_eq!(told(row), one.amount);
                &one.details
            }
        };
        let message = details.original_message.as_ref();
        same_original(&mut problems, row, &details.original, message, &details.reasons);
        same(&mut problems, "rtr_id", &row["rtr_id"], details.id.as_deref());
        same_told(
            &mut problems,
            "orgnl_sttlm_amt",
            &row["orgnl_sttlm_amt"],
            details.original_amount.as_ref(),
        );
        let date = details.original_settlement_date.as_deref();
        same(&mut problems, "orgnl_sttlm_dt", &row["orgnl_sttlm_dt"], date);
        same(&mut problems, "sttlm_dt", &row["sttlm_dt"], details.settlement_date.as_deref());
        let instructed = details.returned_instructed_amount.as_ref();
        same_told(&mut problems, "rtrd_instd", &row["rtrd_instd"], instructed);
        same(&mut problems, "chrg_br", &row["chrg_br"], details.charge_bearer.as_deref());
        same_agent(&mut problems, "instg_agt", &row["instg_agt"], details.instructing_agent.as_ref());
        same_agent(&mut problems, "instd_agt", &row["instd_agt"], details.instructed_agent.as_ref());
    }
    let single = entries.iter().map(|entry| match entry {
        ReturnEntry::Return(_) => None,
        ReturnEntry::Refused(refused) => Some(&refused.refusal),
    });
    let refused = lines(&summary.refusals, single);
    let kept: Vec<PaymentReturn> = entries
        .iter()
        .filter_map(|entry| match entry {
            ReturnEntry::Return(one) => Some((**one).clone()),
            ReturnEntry::Refused(_) => None,
        })
        .collect();
    if refused.is_empty() {
        let text = write::to_text(|out| write::pacs004(out, &summary.head, &kept)).expect("written");
        let (again, entries) =
            read_returns(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let kept: Vec<ReturnEntry> = kept.into_iter().map(|one| ReturnEntry::Return(Box::new(one))).collect();
        assert_eq!((plain(again.head), entries), (plain(summary.head), kept));
    }
    (problems, refused)
}

/// A head as it is written: in a header of the version that we write, unsigned.
fn plain(mut head: MessageHead) -> MessageHead {
    head.business = plain_business(head.business);
    head
}

fn plain_business(business: Option<BusinessHead>) -> Option<BusinessHead> {
    let message_type = MessageType::parse("head.001.001.02").expect("supported");
    business.map(|business| BusinessHead { message_type, has_signature: false, ..business })
}

fn check_recall(bytes: &[u8], facts: &Value) -> Checked {
    let mut recall = Recall::read(bytes, Limits::default()).expect("valid");
    let mut problems = Vec::new();
    same_assignment(&mut problems, facts, &recall.assignment);
    same(&mut problems, "case", &facts["case"], recall.case.as_ref().map(|case| case.id.as_str()));
    assert_eq!(rows(facts).len(), recall.transactions.len());
    for (row, ours) in rows(facts).iter().zip(&recall.transactions) {
        same_original(&mut problems, row, &ours.original, ours.original_message.as_ref(), &ours.reasons);
        same(&mut problems, "cxl_id", &row["cxl_id"], ours.id.as_deref());
        same(&mut problems, "case", &row["case"], ours.case.as_ref().map(|case| case.id.as_str()));
        same_told(&mut problems, "orgnl_sttlm_amt", &row["orgnl_sttlm_amt"], ours.original_amount.as_ref());
        let date = ours.original_settlement_date.as_deref();
        same(&mut problems, "orgnl_sttlm_dt", &row["orgnl_sttlm_dt"], date);
    }
    recall.business = plain_business(recall.business);
    let text = write::to_text(|out| write::camt056(out, &recall)).expect("written");
    assert_eq!(Recall::read(text.as_bytes(), Limits::default()).as_ref(), Ok(&recall));
    let single: Vec<Option<Refusal>> = recall.transactions.iter().map(|one| one.refusal()).collect();
    (problems, lines(&recall.refusals(), single.iter().map(Option::as_ref)))
}

fn check_customers_recall(bytes: &[u8], facts: &Value) -> Checked {
    let mut recall = Recall::read_customers(bytes, Limits::default()).expect("valid");
    let mut problems = Vec::new();
    same_assignment(&mut problems, facts, &recall.assignment);
    assert_eq!(recall.transactions.len(), 1);
    let (group, one) = (recall.groups.first().expect("one"), recall.transactions.first().expect("one"));
    assert_eq!(group.payment_information_id, one.payment_information_id);
    assert_eq!(one.payment_information_id.as_deref(), Some("OrgnlPmtInfId"));
    assert_eq!(one.original_message.as_ref(), Some(&group.original));
    assert_eq!(group.original.message_id, "OrgnlMsgId");
    assert_eq!(one.original.end_to_end.as_deref(), Some("OrgnlEndToEndId"));
    assert!(one.original.uetr.is_some() && !one.reasons.is_empty());
    let single = one.refusal();
    let refused = lines(&recall.refusals(), [single.as_ref()].into_iter());
    // What is passed on of it can be written, and read back as it was.
    recall.message_type = recall.passed_type();
    drop((group, one));
    recall.groups.values_mut().clear();
    recall.transactions.values_mut()[0].payment_information_id = None;
    recall.business = plain_business(recall.business);
    let text = write::to_text(|out| write::camt056(out, &recall)).expect("written");
    assert_eq!(Recall::read(text.as_bytes(), Limits::default()).as_ref(), Ok(&recall));
    (problems, refused)
}

fn check_resolution(bytes: &[u8], facts: &Value) -> Checked {
    let mut resolution = Resolution::read(bytes, Limits::default()).expect("valid");
    let mut problems = Vec::new();
    same_assignment(&mut problems, facts, &resolution.assignment);
    same(&mut problems, "conf", &facts["conf"], resolution.confirmation.as_deref());
    assert_eq!(rows(facts).len(), resolution.transactions.len());
    for (row, ours) in rows(facts).iter().zip(&resolution.transactions) {
        same_original(&mut problems, row, &ours.original, ours.original_message.as_ref(), &ours.reasons);
        same(&mut problems, "cxl_sts_id", &row["cxl_sts_id"], ours.id.as_deref());
        same(&mut problems, "sts", &row["sts"], ours.status.as_deref());
        let case = ours.case.as_ref().map(|case| case.id.as_str());
        same(&mut problems, "rslvd_case", &row["rslvd_case"], case);
        assert!(resolution.verdict(&ours).is_some());
    }
    resolution.business = plain_business(resolution.business);
    let text = write::to_text(|out| write::camt029(out, &resolution)).expect("written");
    assert_eq!(Resolution::read(text.as_bytes(), Limits::default()).as_ref(), Ok(&resolution));
    (problems, lines(&resolution.refusals(), std::iter::empty()))
}

fn check_request(bytes: &[u8], facts: &Value) -> Checked {
    let mut request = StatusRequest::read(bytes, Limits::default()).expect("valid");
    let mut problems = Vec::new();
    same(&mut problems, "msg_id", &facts["grp"]["msg_id"], Some(&request.message_id));
    same(&mut problems, "cre_dt_tm", &facts["grp"]["cre_dt_tm"], Some(&request.creation));
    let group = &facts["grp"];
    same_agent(&mut problems, "instg_agt", &group["instg_agt"], request.instructing_agent.as_ref());
    same_agent(&mut problems, "instd_agt", &group["instd_agt"], request.instructed_agent.as_ref());
    for (at, group) in facts["orgnl_grp"].as_array().into_iter().flatten().enumerate() {
        let ours = request.groups.get(at).expect("there").original.clone();
        same(&mut problems, "msg_id", &group["msg_id"], Some(&ours.message_id));
        same(&mut problems, "msg_nm", &group["msg_nm"], Some(&ours.message_type));
    }
    assert_eq!(rows(facts).len(), request.transactions.len());
    for (row, ours) in rows(facts).iter().zip(&request.transactions) {
        same_original(&mut problems, row, &ours.original, ours.original_message.as_ref(), &[]);
        same(&mut problems, "sts_req_id", &row["sts_req_id"], ours.id.as_deref());
    }
    request.business = plain_business(request.business);
    let text = write::to_text(|out| write::pacs028(out, &request)).expect("written");
    assert_eq!(StatusRequest::read(text.as_bytes(), Limits::default()).as_ref(), Ok(&request));
    let single: Vec<Option<Refusal>> = request.transactions.iter().map(|one| one.refusal()).collect();
    (problems, lines(&request.refusals(), single.iter().map(Option::as_ref)))
}

fn check_confirmations(bytes: &[u8], _: &Value) -> Checked {
    let report = StatusReport::read(bytes, Limits::default()).expect("valid");
    let confirmations = report.confirmations();
    let count =
        if report.transactions.is_empty() { report.head.groups.len() } else { report.transactions.len() };
    assert_eq!(confirmations.len(), count);
    (Vec::new(), lines(&report.refusals(), confirmations.iter().map(|one| one.as_ref().err())))
}

fn checker(sample: &Sample) -> Option<fn(&[u8], &Value) -> Checked> {
    match family(sample)? {
        Family::Pacs004 => Some(check_returns),
        Family::Camt055 => Some(check_customers_recall),
        Family::Camt056 => Some(check_recall),
        Family::Camt029 => Some(check_resolution),
        Family::Pacs028 => Some(check_request),
        Family::Pacs002 => Some(check_confirmations),
        _ => None,
    }
}

#[test]
fn what_comes_after_a_payment_says_what_the_samples_say() {
    let Some(folder) = data::folder("samples") else { return };
    let (mut problems, mut refused, mut files) = (Vec::new(), Vec::new(), 0);
    for sample in data::samples(&folder).into_iter().filter(|sample| sample.is_valid) {
        let Some(check) = checker(&sample) else { continue };
        let bytes = data::read(&folder.join(&sample.file));
        let (found, refusals) = check(&bytes, &expected(&folder, &sample));
        problems.extend(found.into_iter().map(|problem| format!("{} {problem}", sample.file)));
        refused.extend(refusals.into_iter().map(|refusal| format!("{}\t{refusal}", sample.file)));
        files += 1;
    }
    say(&format!("checked {files} returns, recalls, answers, requests and confirmations"));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let listed: Vec<&str> = REFUSED.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(refused.join("\n"), listed.join("\n"), "the refusals are not those of after.tsv");
}

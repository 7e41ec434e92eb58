//! After the payment, through a running process that is killed in between: a payment waits for the receiver's bank, is
//! confirmed, asked for, recalled and returned.

use std::path::PathBuf;

use crate::house::{House, demo_inbox, names, repository, wait_for};

fn sample(name: &str) -> PathBuf {
    repository().join("config/demo/after").join(name)
}

/// Moves a file into a folder of the inbox, whole.
fn put(house: &House, from: &std::path::Path, to: &str) {
    let to = house.files("inbox").join(to);
    std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
    let aside = to.with_extension("part");
    std::fs::copy(from, &aside).expect("copied");
    std::fs::rename(&aside, &to).expect("renamed");
}

/// Waits for a file of the outbox whose name begins and ends so; gives its text.
fn await_file(house: &House, (begin, end): (&str, &str)) -> String {
    let find = || {
        let all = names(&house.files("outbox"));
        all.into_iter().find(|name| name.starts_with(begin) && name.ends_with(end))
    };
    let name = wait_for(&format!("{begin}….{end}"), find);
    std::fs::read_to_string(house.files("outbox").join(name)).expect("readable")
}

#[test]
fn a_payment_is_confirmed_recalled_and_returned_over_files_and_kills() {
    let house = House::founded("after");
    let serving = house.serve();
    put(&house, &demo_inbox().join("01-single.xml"), "instant/01.xml");
    assert!(await_file(&house, ("instant_01.", ".pacs.002.xml")).contains("<GrpSts>PDNG</GrpSts>"));
    let passed = await_file(&house, ("FQ", ".BNKBXXAAXXX.pacs.008.xml"));
    assert!(passed.contains("<MsgId>FQc3b4489aa5d04f0aa25a8eb87e205f35</MsgId>"), "{passed}");
    serving.kill();

    let serving = house.serve();
    put(&house, &sample("confirmation.xml"), "confirmation.xml");
    assert!(await_file(&house, ("confirmation.", ".pacs.002.xml")).contains("<TxSts>ACSP</TxSts>"));
    let told = await_file(&house, ("FQF", ".BNKAXXAAXXX.pacs.002.xml"));
    assert!(told.contains("<TxSts>ACSP</TxSts>") && told.contains("DEMO01"), "{told}");
    put(&house, &sample("status-request.xml"), "ask.xml");
    assert!(await_file(&house, ("ask.", ".pacs.002.xml")).contains("<TxSts>ACSP</TxSts>"));
    serving.kill();

    let serving = house.serve();
    put(&house, &sample("recall.xml"), "recall.xml");
    assert!(await_file(&house, ("recall.", ".camt.029.xml")).contains("<TxCxlSts>PDCR</TxCxlSts>"));
    let asked = await_file(&house, ("FQF", ".BNKBXXAAXXX.camt.056.xml"));
    assert!(asked.contains("<Cd>DUPL</Cd>"), "{asked}");
    assert_eq!(house.run(&["recalls"]).json()["recalls"][0]["state"], "open", "beside the running process");
    serving.kill();

    let serving = house.serve();
    put(&house, &sample("recall-answer.xml"), "answer.xml");
    let answered = await_file(&house, ("FQF", ".BNKAXXAAXXX.camt.029.xml"));
    assert!(answered.contains("<TxCxlSts>ACCR</TxCxlSts>"), "{answered}");
    put(&house, &sample("return.xml"), "return.xml");
    assert!(await_file(&house, ("return.", ".pacs.002.xml")).contains("<TxSts>ACSP</TxSts>"));
    let back = await_file(&house, ("FQF", ".BNKAXXAAXXX.pacs.004.xml"));
    assert!(back.contains("<RtrdIntrBkSttlmAmt Ccy=\"EUR\">1000.00<"), "{back}");
    assert_eq!(house.run(&["recalls"]).json()["recalls"][0]["state"], "accepted");
    assert_eq!(serving.terminate(), 0);
    house.run(&["audit"]).json();
}

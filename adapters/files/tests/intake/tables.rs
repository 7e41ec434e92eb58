//! CSV files: a result for each line, nothing of a broken file, the same answer after any crash.

use std::collections::BTreeMap;

use feiqian_files::{Disposition, intake};

use crate::crashes::balances;
use crate::house::House;
use crate::shared::files;

const HEADER: &str = "uetr,end_to_end_id,debtor_agent,debtor_account,creditor_agent,creditor_account,amount,currency,purpose,remittance";
const GIVEN: &str = "7a562c67-ca16-48ba-b074-65581be6f001";

/// Six lines: paid, paid by derived id, over its funds, unknown bank, no amount, an id that is taken.
fn table() -> String {
    let pay = |head: &str, tail: &str| format!("{head},BNKAXXAA,Z1,BNKBXXAA,Z2,{tail}\n");
    [
        format!("{HEADER}\n"),
        pay(&format!("{GIVEN},E2E-1"), "100.00,EUR,SALA,\"Salary, March\""),
        pay(",=1+1", "20.5,EUR,,"),
        pay(",E2E-3", "999999999999.00,EUR,,"),
        ",E2E-4,BNKAXXAA,Z1,NOPEXXAA,Z2,1.00,EUR,,\n".to_owned(),
        pay(",E2E-5", "0.00,EUR,,"),
        pay(&format!("{GIVEN},E2E-6"), "7.00,EUR,,"),
    ]
    .concat()
}

/// Cells of a result by line number. The results have no quoted commas but in the text.
fn result(house: &House) -> BTreeMap<String, Vec<String>> {
    let (_, bytes) = files(&house.options.work.outbox())
        .into_iter()
        .find(|(name, _)| name.ends_with(".result.csv"))
        .expect("a result");
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(text.starts_with("line,uetr,end_to_end_id,status,reason,text,clearing_reference\n"), "{text}");
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    text.lines().skip(1).map(cells).map(|cells| (cells[0].clone(), cells)).collect()
}

#[test]
fn every_line_of_a_table_has_its_result() {
    let house = House::demo("table");
    house.put("pay.csv", table().as_bytes());
    let report = intake(house.engine(), &house.options).expect("taken in");
    let file = &report.files[0];
    assert_eq!(
        (file.disposition, file.transactions, file.accepted),
        (Disposition::Answered, 6, 2),
        "{file:?}"
    );
    assert_eq!(file.first_cleared.as_deref(), Some(GIVEN));
    let result = result(&house);
    let statuses: Vec<_> = result.values().map(|cells| (cells[3].as_str(), cells[4].as_str())).collect();
    let rejected = |code| ("RJCT", code);
    assert_eq!(
        statuses,
        [("ACSP", ""), ("ACSP", ""), rejected("AM23"), rejected("CNOR"), rejected("AM01"), rejected("DU03")]
    );
    assert_eq!((result["2"][1].as_str(), result["2"][2].as_str()), (GIVEN, "E2E-1"));
    assert_eq!(result["3"][2], "'=1+1", "no cell is a formula");
    let sequence: u64 = result["2"].last().expect("a cell").parse().expect("a number");
    let (entry, _) = house.engine().entry(sequence).expect("readable").expect("there");
    assert_eq!(entry.record.amount.get(), 10_000);
    assert_eq!(&entry.record.purpose, b"SALA");
    let details = String::from_utf8(entry.details.expect("kept")).expect("JSON");
    assert!(details.contains("Salary, March") && details.contains("E2E-1"), "{details}");
    assert!(files(&house.options.work.archive()).iter().any(|(name, _)| name.ends_with(".csv")));
    assert_eq!(files(&house.options.work.inbox()), []);
}

#[test]
fn no_line_with_a_wrong_iban_and_no_second_line_of_an_id_is_paid() {
    let house = House::demo("table-wrong");
    let before = balances(&house);
    let pay = |id: &str, debtor: &str, creditor: &str| {
        format!("{id},E2E,BNKAXXAA,{debtor},BNKBXXAA,{creditor},1.00,EUR,,\n")
    };
    let (right, wrong) = ("DE89370400440532013000", "DE88370400440532013000");
    let lines = [pay("", wrong, right), pay("", right, wrong), pay("", right, &format!("IBAN:{wrong}"))];
    house.put("wrong.csv", format!("{HEADER}\n{}", lines.concat()).as_bytes());
    let report = intake(house.engine(), &house.options).expect("taken in");
    assert_eq!((report.rejected().get("AC02"), report.rejected().get("AC03")), (Some(&1), Some(&2)));
    assert_eq!(balances(&house), before, "a typing error is not paid to a bank's clearing account");
    let texts = result(&house);
    assert!(texts["2"][5].contains("wrong check digits"), "{texts:?}");
    assert!(
        texts["2"].concat().contains("send the corrected lines alone"),
        "its id is the file's: {texts:?}"
    );

    let house = House::demo("table-twice");
    let twice = format!("{HEADER}\n{0}{0}", pay(GIVEN, "Z1", "Z2"));
    house.put("twice.csv", twice.as_bytes());
    let report = intake(house.engine(), &house.options).expect("taken in");
    assert_eq!((report.files[0].accepted, report.rejected().get("DU03")), (1, Some(&1)));
    assert!(!result(&house)["3"].concat().contains("send the corrected lines alone"), "its id is its own");
    house.put("none.csv", format!("{HEADER}\n").as_bytes());
    let report = intake(house.engine(), &house.options).expect("taken in");
    let reason = report.files[0].reason.as_deref();
    assert_eq!(reason, Some("line 2: there is a header, and no payment behind it"));
}

#[test]
fn i9_a_table_that_comes_again_after_a_crash_has_the_same_result() {
    let mut house = House::demo("table-crash");
    house.put("pay.csv", table().as_bytes());
    intake(house.engine(), &house.options).expect("taken in");
    let (answers, money) = (files(&house.options.work.outbox()), balances(&house));
    // Killed before the result was whole, once also before anything of it; killed before the file was moved.
    for written in [Some(&b"line,ue"[..]), None] {
        house.restart();
        for (name, _) in &answers {
            let path = house.options.work.outbox().join(name);
            std::fs::remove_file(&path).expect("there");
            if let Some(half) = written {
                std::fs::write(house.options.work.outbox().join(format!(".{name}.part")), half)
                    .expect("written");
            }
        }
        house.put("pay.csv", table().as_bytes());
        let report = intake(house.engine(), &house.options).expect("taken in");
        assert!(report.files[0].duplicates > 2, "{report:?}");
        assert_eq!(files(&house.options.work.outbox()), answers);
        house.put("pay.csv", table().as_bytes());
        intake(house.engine(), &house.options).expect("taken in");
        assert_eq!(files(&house.options.work.outbox()), answers);
        assert_eq!(balances(&house), money, "nothing was paid twice");
    }
    // Under another name it is another file, and no other payment.
    house.put("again.csv", table().as_bytes());
    intake(house.engine(), &house.options).expect("taken in");
    assert_eq!(balances(&house), money);
}

#[test]
fn nothing_of_a_file_that_is_no_table_is_paid() {
    let house = House::demo("table-broken");
    let before = balances(&house);
    let good = table();
    let broken = [
        format!("{good}a,b\n"),
        format!("{good}\"open\n"),
        good.replace("purpose", "Purpose"),
        good.replace("amount", "sum"),
        format!("{good}{}\n", "x".repeat(20_000)),
    ];
    for (text, number) in broken.iter().zip(1..) {
        house.put(&format!("broken-{number}.csv"), text.as_bytes());
    }
    house.put("latin.csv", &[good.as_bytes(), b"\xe9\n"].concat());
    let report = intake(house.engine(), &house.options).expect("taken in");
    assert_eq!(report.count(Disposition::Rejected), 6, "{report:?}");
    assert_eq!(balances(&house), before);
    assert!(result(&house)["0"].contains(&"FF01".to_owned()));
    let rejected = files(&house.options.work.rejected());
    assert_eq!(rejected.iter().filter(|(name, _)| name.ends_with(".csv.reason.txt")).count(), 6);
    assert_eq!(rejected.len(), 12);
    house.put("instant/pay.csv", good.as_bytes());
    let report = intake(house.engine(), &house.options).expect("taken in");
    let codes: Vec<_> = report.rejected().into_iter().collect();
    let of = |code: &str, count| (code.to_owned(), count);
    assert_eq!(codes, [of("AG03", 4), of("AM01", 1), of("DU03", 1)], "{report:?}");
}

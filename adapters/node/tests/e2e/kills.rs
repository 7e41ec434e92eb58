//! I1, I3, I9: twenty SIGKILLs of `serve` under load. The client keeps what it was told, and recovery must have it;
//! files that were not answered are answered by a later run, and nothing is paid twice.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::house::{House, names, wait_for};

const KILLS: u64 = 20;
/// Payments in one file.
const PAYMENTS: u64 = 8;
/// Files sent ahead of the answers.
const AHEAD: usize = 12;
/// One in so many files repeats an earlier one under another name.
const REPEAT_EVERY: u64 = 5;
/// One payment in so many comes from an account without funds.
const UNFUNDED_EVERY: u64 = 7;

/// Numbers that follow from a seed (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What the client sent, and what it was told: its log.
#[derive(Default)]
struct Client {
    sent: u64,
    /// The messages, by number, for repetitions.
    messages: Vec<String>,
    /// Status and reason by UETR, over all answers; two answers on one payment must agree.
    told: BTreeMap<String, String>,
    read: std::collections::BTreeSet<String>,
}

fn uetr(number: u64) -> String {
    format!("{:08x}-0000-4000-8000-000000000001", number + 1)
}

/// A pacs.008 of [`PAYMENTS`] payments of 1.00 EUR from one bank to another.
fn message(file: u64) -> String {
    let mut text = String::from(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08\"><FIToFICstmrCdtTrf>",
    );
    write!(
        text,
        "<GrpHdr><MsgId>KILL{file}</MsgId><CreDtTm>2026-03-16T08:00:00Z</CreDtTm><NbOfTxs>{PAYMENTS}</NbOfTxs>\
         <TtlIntrBkSttlmAmt Ccy=\"EUR\">{PAYMENTS}.00</TtlIntrBkSttlmAmt>\
         <IntrBkSttlmDt>2026-03-16</IntrBkSttlmDt><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>"
    )
    .expect("a string");
    for number in file * PAYMENTS..(file + 1) * PAYMENTS {
        let account = match number % UNFUNDED_EVERY {
            0 => "DE67500105170001000029",
            _ => "DE89370400440532013000",
        };
        let agent =
            |tag: &str, bic: &str| format!("<{tag}><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></{tag}>");
        write!(
            text,
            "<CdtTrfTxInf><PmtId><EndToEndId>E{number}</EndToEndId><TxId>T{number}</TxId><UETR>{}</UETR></PmtId>\
             <IntrBkSttlmAmt Ccy=\"EUR\">1.00</IntrBkSttlmAmt><ChrgBr>SLEV</ChrgBr>{}<Dbtr><Nm>A</Nm></Dbtr>\
             <DbtrAcct><Id><IBAN>{account}</IBAN></Id></DbtrAcct>{}{}<Cdtr><Nm>B</Nm></Cdtr></CdtTrfTxInf>",
            uetr(number),
            agent("InstgAgt", "BNKAXXAAXXX"),
            agent("DbtrAgt", "BNKAXXAAXXX"),
            agent("CdtrAgt", "BNKBXXAAXXX"),
        )
        .expect("a string");
    }
    text + "</FIToFICstmrCdtTrf></Document>"
}

impl Client {
    /// Puts the next file into the inbox, aside first.
    fn send(&mut self, inbox: &Path, numbers: &mut Numbers) {
        let is_repeated = !self.messages.is_empty() && numbers.below(REPEAT_EVERY) == 0;
        let text = match is_repeated {
            true => {
                let at = numbers.below(self.messages.len() as u64);
                self.messages[usize::try_from(at).expect("small")].clone()
            }
            false => {
                let text = message(self.messages.len() as u64);
                self.messages.push(text.clone());
                text
            }
        };
        let name = format!("{:06}.xml", self.sent);
        self.sent += 1;
        let aside = inbox.join(format!(".{name}"));
        std::fs::write(&aside, text).expect("written");
        std::fs::rename(aside, inbox.join(name)).expect("renamed");
    }

    /// Reads the answers that are new.
    fn listen(&mut self, outbox: &Path) {
        for name in names(outbox) {
            if !name.ends_with(".xml") || !self.read.insert(name.clone()) {
                continue;
            }
            let text = std::fs::read_to_string(outbox.join(&name)).expect("an answer is whole");
            for one in text.split("<TxInfAndSts>").skip(1) {
                let id = between(one, "<OrgnlUETR>", "</OrgnlUETR>").expect("an id").to_owned();
                let status = between(one, "<TxSts>", "</TxSts>").expect("a status");
                let reason = between(one, "<Cd>", "</Cd>").unwrap_or_default();
                let told = format!("{status} {reason}");
                let first = self.told.entry(id).or_insert_with(|| told.clone());
                assert_eq!(*first, told, "I3: {name} tells otherwise than an answer before it");
            }
        }
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    text.split_once(from)?.1.split_once(to).map(|(found, _)| found)
}

/// What recovery has, by UETR, in the words of the answers.
fn recovered(house: &House, ids: &[&String]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for ids in ids.chunks(2_000) {
        let mut arguments = vec!["transfer"];
        arguments.extend(ids.iter().map(|id| id.as_str()));
        let report = house.run(&arguments).json();
        let reports = report.as_array().cloned().unwrap_or_else(|| vec![report.clone()]);
        for one in reports {
            let told = match (one["outcome"].as_str(), one["reason"].as_str()) {
                (Some("cleared"), None) => "ACSP ".to_owned(),
                (Some("rejected"), Some("insufficient_funds")) => "RJCT AM04".to_owned(),
                other => panic!("{other:?}: {one}"),
            };
            all.insert(one["uetr"].as_str().expect("an id").to_owned(), told);
        }
    }
    all
}

#[test]
fn i1_what_was_acknowledged_before_a_sigkill_is_there_after_it() {
    let house = House::founded("kills");
    let (inbox, outbox) = (house.files("inbox"), house.files("outbox"));
    let seed = std::env::var("FEIQIAN_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_123);
    let mut numbers = Numbers(seed);
    let mut client = Client::default();
    for round in 0..KILLS {
        let serving = house.serve();
        let wanted = client.read.len() as u64 + 1 + numbers.below(10);
        wait_for("answers", || {
            while names(&inbox).len() < AHEAD {
                client.send(&inbox, &mut numbers);
            }
            client.listen(&outbox);
            (client.read.len() as u64 >= wanted).then_some(())
        });
        // Somewhere within the next file's way, wherever that is on this machine.
        let moment = Instant::now() + Duration::from_micros(numbers.below(15_000));
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        serving.kill();
        client.listen(&outbox);
        // Every third round recovers in a command, the others in the next serve.
        if round % 3 == 0 {
            let ids: Vec<_> = client.told.keys().collect();
            assert_eq!(recovered(&house, &ids), client.told, "seed {seed}, round {round}");
        }
    }
    finish(&house, &mut client, seed);
}

/// All files end answered, all told statuses hold, and the money adds up.
fn finish(house: &House, client: &mut Client, seed: u64) {
    let serving = house.serve();
    wait_for("an empty inbox", || {
        names(&house.files("inbox")).iter().all(|name| !name.ends_with(".xml")).then_some(())
    });
    assert_eq!(serving.terminate(), 0);
    client.listen(&house.files("outbox"));
    let payments = client.messages.len() as u64 * PAYMENTS;
    assert_eq!(client.told.len() as u64, payments, "seed {seed}: every payment has a status");
    let ids: Vec<_> = client.told.keys().collect();
    assert_eq!(recovered(house, &ids), client.told, "seed {seed}");
    let cleared = client.told.values().filter(|told| told.starts_with("ACSP")).count();
    let positions = house.run(&["positions"]).json();
    let lines = positions["positions"].as_array().expect("lines");
    let own = lines.iter().find(|line| line["participant"] == "BNKBXXAAXXX" && line["currency"] == "EUR");
    let expected = Value::from(format!("{cleared}.00"));
    assert_eq!(own.map(|line| &line["position"]), Some(&expected), "seed {seed}: nothing is paid twice");
    house.run(&["audit"]).json();
    let archived = names(&house.files("archive")).len() as u64;
    assert_eq!(archived, client.sent, "seed {seed}: every file is archived");
}

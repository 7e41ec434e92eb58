//! Fees of payments that come in files: their banks send them as ever, and the legs go along; reports say who was charged.

use feiqian_core::account::UNLIMITED;
use feiqian_core::command::Command;
use feiqian_core::fees::{Bearer, Beneficiary, FeeCommand, Scope, Tariff, Tier};
use feiqian_files::settlement::{
    CycleReport, FeeSums, StatementMessage, StatementOf, cycle_report, write_statements,
};
use feiqian_iso20022::Limits;
use feiqian_iso20022::codes::Status;
use feiqian_iso20022::payment::{Agent, CreditTransfer, Entry};
use feiqian_iso20022::transfers::TransferReader;

use crate::after::{answer, demo_file, send, statuses, told};
use crate::crashes::balances;
use crate::house::{House, bic, currency};
use crate::instant::confirmation;
use crate::shared::validate;
use crate::statements::{minor, texts};

const NETWORK: &str = "BNKCXXAAXXX";

/// Sets a tariff on all EUR payments: a flat part, and so many millionths.
fn charge(house: &House, number: u32, bearer: Bearer, (flat, millionths): (u64, u32), to: &[Beneficiary]) {
    let scope = Scope { currency: currency("EUR"), bearer, debtor: None, creditor: None, purpose: None };
    let tiers = vec![Tier { from: 0, flat, millionths, least: 0, most: UNLIMITED }];
    let beneficiaries = to.iter().map(|who| (*who, 1)).collect();
    let tariff = Tariff { scope, tiers, beneficiaries };
    house.command(Command::Fee(FeeCommand::SetTariff { number, tariff }));
}

/// The network's account.
fn network(house: &House) -> Beneficiary {
    let directory = house.engine().directory();
    let bank = directory.participant(bic(NETWORK)).expect("registered");
    Beneficiary::Account(directory.clearing_account(bank, currency("EUR")).expect("open"))
}

/// All payments of a file of the demo.
fn payments(name: &str) -> Vec<CreditTransfer> {
    let bytes = demo_file(name);
    let mut reader = TransferReader::new(bytes.as_slice(), Limits::default()).expect("readable");
    let mut all = Vec::new();
    while let Some(entry) = reader.next_transfer().expect("readable") {
        let Entry::Transfer(transfer) = entry else { panic!("a payment") };
        all.push(*transfer);
    }
    all
}

fn report_of(house: &House) -> CycleReport {
    house.command(Command::CloseCycle { cycle: 1 });
    cycle_report(house.engine(), bic("CLRHXXAAXXX"), 1).expect("a report")
}

fn fees_of<'a>(report: &'a CycleReport, participant: &str) -> &'a FeeSums {
    let found =
        report.positions.iter().find(|line| line.participant == participant && line.currency == "EUR");
    found.and_then(|line| line.fees.as_ref()).unwrap_or_else(|| panic!("{participant} has no fees"))
}

#[test]
fn a_file_of_payments_bears_fees_that_its_bank_need_not_know_and_not_a_cent_is_lost() {
    let house = House::demo("fees");
    let network = network(&house);
    charge(&house, 1, Bearer::Debtor, (1, 0), &[network]);
    charge(&house, 2, Bearer::Creditor, (0, 3_000), &[Beneficiary::DebtorParticipant, network]);
    let sent = send(&house, "bulk.xml", &demo_file("09-bulk-500.xml"));
    let first = statuses(&answer(&house, &sent));
    let cleared = first.iter().filter(|status| **status == told("ACSP", None)).count();
    assert!(cleared > 400, "{cleared} of {} payments", first.len());
    let money = balances(&house);
    // The same once more, and under another tariff: each payment answers what became of it.
    let again = send(&house, "again.xml", &demo_file("09-bulk-500.xml"));
    assert_eq!(statuses(&answer(&house, &again)), first);
    house.command(Command::Fee(FeeCommand::EndTariff { number: 1 }));
    house.command(Command::Fee(FeeCommand::EndTariff { number: 2 }));
    let later = send(&house, "later.xml", &demo_file("09-bulk-500.xml"));
    assert_eq!(statuses(&answer(&house, &later)), first);
    assert_eq!(balances(&house), money);

    let report = report_of(&house);
    let total = report.totals.iter().find(|total| total.currency == "EUR").expect("EUR");
    let all = total.fees.as_ref().expect("fees");
    assert_eq!((&all.charged_sum, &all.net), (&all.received_sum, &"0.00".to_owned()));
    let nets = report.positions.iter().filter_map(|line| line.fees.as_ref()).map(|fees| minor(&fees.net));
    assert_eq!(nets.sum::<i128>(), 0);
    let (mut charged, mut of_network) = (0, 0);
    for (transfer, _) in payments("09-bulk-500.xml").iter().zip(&first).filter(|(_, told)| told.0 == "ACSP") {
        let is_network =
            |agent: &Option<Agent>| agent.as_ref().and_then(|agent| agent.bic) == Some(bic(NETWORK));
        let details = &transfer.details;
        let flat = i128::from(!is_network(&details.debtor_agent));
        // 3 per mille, half up; the odd cent of a half is the payer's bank's, which comes first.
        let interchange = (i128::from(transfer.amount.minor()) * 3 + 500) / 1_000;
        let part = if is_network(&details.creditor_agent) { 0 } else { interchange / 2 };
        of_network += flat + part;
        charged += flat + part + (interchange + 1) / 2;
        if is_network(&details.debtor_agent) {
            of_network += (interchange + 1) / 2;
        }
    }
    assert_eq!(minor(&all.charged_sum), charged);
    assert_eq!(minor(&fees_of(&report, NETWORK).received_sum), of_network);
}

#[test]
fn fees_stand_as_charges_in_statements() {
    let house = House::demo("fee-statement");
    let network = network(&house);
    charge(&house, 1, Bearer::Debtor, (25, 0), &[network]);
    let sent = send(&house, "single.xml", &demo_file("01-single.xml"));
    assert_eq!(statuses(&answer(&house, &sent)), [told("ACSP", None)]);
    let report = report_of(&house);
    let [payer, payee] = ["BNKAXXAAXXX", "BNKCXXAAXXX"].map(|bank| fees_of(&report, bank).clone());
    assert_eq!((payer.charged, payer.charged_sum.as_str(), payer.net.as_str()), (1, "0.25", "-0.25"));
    assert_eq!((payee.received, payee.received_sum.as_str(), payee.charged), (1, "0.25", 0));
    let folder = house.options.work.settlement();
    for (bank, family) in [("BNKAXXAAXXX", "MDOP"), ("BNKCXXAAXXX", "MCOP")] {
        let of = (StatementOf::Participant(bic(bank)), StatementMessage::Statement);
        let lines = write_statements(house.engine(), (&folder, bic("CLRHXXAAXXX")), 1, of).expect("written");
        let euro = lines.iter().find(|line| line.currency == "EUR").expect("EUR");
        let xml = std::fs::read_to_string(&euro.file).expect("there");
        let charges: Vec<_> =
            texts(&xml, "Ntry").into_iter().filter(|entry| entry.contains("<SubFmlyCd>CHRG<")).collect();
        assert_eq!(charges.len(), 1, "{xml}");
        assert!(charges[0].contains(&format!("<Cd>{family}</Cd>")), "{}", charges[0]);
        assert!(charges[0].contains("fee on "), "{}", charges[0]);
    }
    validate(&folder);
}

#[test]
fn a_fee_that_can_not_be_paid_stops_its_payment_and_is_named() {
    let house = House::demo("fee-refused");
    let network = network(&house);
    charge(&house, 1, Bearer::Debtor, (25, 0), &[network]);
    let command =
        Command::SetNetDebitCap { bic: bic("BNKAXXAAXXX"), currency: currency("EUR"), cap: 478_640 };
    house.command(command);
    let before = balances(&house);
    let sent = send(&house, "single.xml", &demo_file("01-single.xml"));
    assert_eq!(statuses(&answer(&house, &sent)), [told("RJCT", Some("AM23"))]);
    let again = send(&house, "again.xml", &demo_file("01-single.xml"));
    assert_eq!(statuses(&answer(&house, &again)), [told("RJCT", Some("AM23"))]);
    assert_eq!(balances(&house), before);
}

#[test]
fn a_payment_that_is_confirmed_owes_when_it_is_and_one_that_may_wait_is_refused() {
    let house = House::demo("fee-instant");
    let network = network(&house);
    charge(&house, 1, Bearer::Debtor, (25, 0), &[network]);
    let sent = send(&house, "instant/01.xml", &demo_file("01-single.xml"));
    assert_eq!(statuses(&answer(&house, &sent)), [told("PDNG", None)]);
    let accepted = send(&house, "yes.xml", &confirmation("BNKBXXAAXXX", Status::Accp, None));
    assert_eq!(statuses(&answer(&house, &accepted)), [told("ACSP", None)]);
    let queued = send(&house, "queued/14.xml", &demo_file("14-unfunded.xml"));
    assert_eq!(statuses(&answer(&house, &queued)), [told("RJCT", Some("NARR"))]);
    let report = report_of(&house);
    assert_eq!(fees_of(&report, "BNKCXXAAXXX").received_sum, "0.25");
}

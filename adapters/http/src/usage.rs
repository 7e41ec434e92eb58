//! Payments by JSON held to the usage profile of who submits them, as messages are: the same table, the same codes. The bank of
//! an account is its owner, by its BIC, and by its routing number where the account is named by that.

use feiqian_core::account::AccountHandle;
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::money::Amount;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::uetr::Uetr;
use feiqian_files::usage::hold_form;
use feiqian_iso20022::payment::{
    AccountId, Agent, ClearingMember, CreditTransfer, PaymentIds, TransferDetails,
};
use feiqian_iso20022::profile::{Form, Stray};
use feiqian_runtime::directory::Directory;

use crate::api::Api;
use crate::instruct::Instruction;
use crate::model::PaymentRequest;
use crate::problem::{Outcome, Problem};

/// What ISO 20022 says where there is nothing.
const NOT_PROVIDED: &str = "NOTPROVIDED";

/// Holds a payment of `own` to its profile; `at` is where it stands in the body.
pub(crate) fn hold(
    api: &Api,
    own: ParticipantHandle,
    (request, instruction): (&PaymentRequest, &Instruction),
    at: &str,
) -> Outcome<()> {
    let (usage, directory) = (&api.options.usage, api.engine.directory());
    if usage.is_nothing() {
        return Ok(());
    }
    let Some(profile) = bic(directory, own).and_then(|bic| usage.of(bic)) else { return Ok(()) };
    let transfer = transfer(directory, request, instruction).ok_or_else(Problem::fault)?;
    let held = hold_form(&api.engine, (profile, Form::JSON), (&transfer, &instruction.record));
    held.map_err(|Stray { element, refusal }| {
        Problem::field(format!("{at}{}", field(element)), refusal.text).because(refusal.code)
    })
}

/// The field that stands for an element.
fn field(element: &str) -> &'static str {
    match element {
        "Ccy" => "/amount/currency",
        "Amt" => "/amount/amount",
        "PmtId/UETR" => "/uetr",
        "PmtId/EndToEndId" => "/end_to_end_id",
        "DbtrAgt" | "DbtrAcct" => "/debtor",
        "CdtrAgt" | "CdtrAcct" => "/creditor",
        "RmtInf/Ustrd" => "/remittance",
        _ => "",
    }
}

/// The payment as a message would say it.
fn transfer(
    directory: &Directory,
    request: &PaymentRequest,
    Instruction { record, .. }: &Instruction,
) -> Option<CreditTransfer> {
    let bank = |account, name: &str| agent(directory, account, name);
    let details = TransferDetails {
        ids: PaymentIds {
            end_to_end: Some(request.end_to_end_id.clone().unwrap_or_else(|| NOT_PROVIDED.to_owned())),
            uetr: Uetr::new(record.uetr.get()),
            ..PaymentIds::default()
        },
        debtor_account: Some(account_id(directory, &request.debtor)),
        debtor_agent: bank(record.debtor.get(), &request.debtor),
        creditor_account: Some(account_id(directory, &request.creditor)),
        creditor_agent: bank(record.creditor.get(), &request.creditor),
        purpose: request.purpose.clone(),
        remittance: request.remittance.clone().into_iter().collect(),
        ..TransferDetails::default()
    };
    let currency = Currency::from_numeric(record.currency.get())?;
    Some(CreditTransfer { index: 1, amount: Amount::new(record.amount.get())?, currency, details })
}

fn agent(directory: &Directory, account: AccountHandle, name: &str) -> Option<Agent> {
    let (owner, ..) = directory.account(account)?;
    let member = name.split_once(':').filter(|(system, _)| *system == "USABA");
    let member =
        member.map(|(system, id)| ClearingMember { system: Some(system.to_owned()), id: id.to_owned() });
    Some(Agent { bic: bic(directory, owner), member, ..Agent::default() })
}

fn account_id(directory: &Directory, name: &str) -> AccountId {
    let is_iban = || directory.alias(&format!("IBAN:{name}")).is_some();
    match name.split_once(':') {
        Some(("IBAN", iban)) => AccountId::Iban(iban.to_owned()),
        Some((scheme, id)) => AccountId::Other { id: id.to_owned(), scheme: Some(scheme.to_owned()) },
        None if is_iban() => AccountId::Iban(name.to_owned()),
        None => AccountId::Other { id: name.to_owned(), scheme: None },
    }
}

/// A participant's BIC.
pub(crate) fn bic(directory: &Directory, participant: ParticipantHandle) -> Option<Bic> {
    directory.registry(|registry| registry.participants().get(participant as usize).map(|found| found.bic))
}

//! From JSON to records: names to accounts, texts to amounts, ids. Refuses what can't be read or is not there, with the
//! field; whether an account may pay is the engine's to say.

use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_core::liquidity::resolve::Priority;
use feiqian_core::money::{Amount, AmountError, decimal, signed_decimal};
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::{Record, flags};
use feiqian_core::uetr::Uetr;
use feiqian_files::details::Details;
use feiqian_iso20022::codes;
use feiqian_proof::hash::{Domain, keyed};
use feiqian_runtime::directory::Directory;
use feiqian_runtime::instructions::{self, class_flag};

use crate::limits::{END_TO_END_ID_MAX, NAME_BYTES_MAX, REMITTANCE_MAX};
use crate::model::{Money, MoneyView, PaymentRequest, PriorityWord};
use crate::number::strict;
use crate::problem::{Outcome, Problem};

const NO_CURRENCY: &str = "not an ISO 4217 code that can be cleared";
/// Named as the message type of payments that came as JSON, in their journaled details.
const MESSAGE_TYPE: &str = "feiqian.v1";

/// A record to be submitted, and what is journaled beside it.
#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub(crate) record: Record,
    pub(crate) details: Option<Vec<u8>>,
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Transfer,
    Hold,
}

/// Reads a payment of `own`; `at` is where it stands in the body.
pub(crate) fn payment(
    directory: &Directory,
    own: ParticipantHandle,
    (request, kind): (&PaymentRequest, Kind),
    at: &str,
) -> Outcome<Instruction> {
    let debtor = own_account(directory, own, &request.debtor, &format!("{at}/debtor"))?;
    let creditor = account_named(directory, &request.creditor).ok_or_else(|| {
        let detail = "there is no such creditor account; correct it";
        Problem::field(format!("{at}/creditor"), detail).because(codes::AC03)
    })?;
    let (currency, amount) = money(&request.amount, &format!("{at}/amount"))?;
    let id = id(request.uetr.as_deref(), &format!("{at}/uetr"))?;
    let mut record = Record::new(id, debtor, creditor, amount, currency.numeric());
    record.purpose = purpose(request.purpose.as_deref(), at)?;
    how(&mut record, request, kind, at)?;
    let details = details(request, at)?;
    if let Some(bytes) = &details {
        record.reference = keyed(Domain::Document, bytes).0;
    }
    Ok(Instruction { record, details })
}

/// Whether it is reserved, may wait, and how long.
fn how(record: &mut Record, request: &PaymentRequest, kind: Kind, at: &str) -> Outcome<()> {
    match (kind, &request.queue, request.timeout_s) {
        (Kind::Transfer, None, None) => {}
        (Kind::Transfer, Some(terms), None) => {
            record.flags = (flags::QUEUE | class_flag(priority(terms.priority))).into();
            (record.delay, record.timeout) = (terms.earliest_s.get().into(), terms.latest_s.get().into());
        }
        (Kind::Hold, None, timeout) => {
            (record.flags, record.timeout) = (flags::HOLD.into(), timeout.unwrap_or_default().get().into());
        }
        (Kind::Transfer, _, Some(_)) => {
            return Err(Problem::field(format!("{at}/timeout_s"), "a transfer has none; see /v1/holds"));
        }
        (Kind::Hold, Some(_), _) => {
            return Err(Problem::field(format!("{at}/queue"), "a hold does not wait"));
        }
    }
    Ok(())
}

/// The account of this name, whosever it is. A number with a sign or zeros before it is none.
pub(crate) fn account_named(directory: &Directory, name: &str) -> Option<AccountHandle> {
    let is_second_writing = name.parse::<AccountHandle>().is_ok() && strict::<AccountHandle>(name).is_none();
    let name = Some(name).filter(|name| name.len() <= NAME_BYTES_MAX && !is_second_writing)?;
    instructions::account_named(directory, name)
}

/// An account of the participant's own; another's is as unknown as one that is not there.
pub(crate) fn own_account(
    directory: &Directory,
    own: ParticipantHandle,
    name: &str,
    at: &str,
) -> Outcome<AccountHandle> {
    let found = account_named(directory, name)
        .filter(|found| directory.account(*found).is_some_and(|(owner, ..)| owner == own));
    found.ok_or_else(|| {
        let detail = "there is no such debtor account of the caller's; correct it";
        Problem::field(at, detail).because(codes::AC02)
    })
}

/// An amount with its currency, in minor units. Digits and one point: no sign, no space, no exponent.
pub(crate) fn money(money: &Money, at: &str) -> Outcome<(Currency, u64)> {
    let currency = currency(&money.currency, &format!("{at}/currency"))?;
    let text = &money.amount;
    let is_strict = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.ends_with(|last: char| last.is_ascii_digit());
    let amount = match text.strip_prefix('-') {
        Some(_) => Err(AmountError::Negative),
        None if is_strict => Amount::from_decimal(text, currency),
        None => Err(AmountError::NotDecimal),
    };
    let amount = amount.map_err(|error| {
        let detail = match error {
            AmountError::Negative => "it must not be negative: say who pays whom by the accounts".to_owned(),
            other => other.to_string(),
        };
        Problem::field(format!("{at}/amount"), detail).because(codes::AM12)
    })?;
    Ok((currency, amount.minor()))
}

/// An amount that must be in the currency that is given.
pub(crate) fn money_in(named: &Money, wanted: Currency, at: &str) -> Outcome<u64> {
    let (currency, amount) = money(named, at)?;
    if currency == wanted {
        return Ok(amount);
    }
    let detail = format!("it is in {wanted}");
    Err(Problem::field(format!("{at}/currency"), detail).because(codes::AM03))
}

pub(crate) fn currency(code: &str, at: &str) -> Outcome<Currency> {
    Currency::from_code(code).ok_or_else(|| Problem::field(at, NO_CURRENCY).because(codes::AM03))
}

/// The currency that a query asks for.
pub(crate) fn currency_asked(code: &str) -> Outcome<Currency> {
    let unknown = || Problem::parameter("currency", NO_CURRENCY).because(codes::AM03);
    Currency::from_code(code).ok_or_else(unknown)
}

/// The id that is given, or a new one.
pub(crate) fn id(given: Option<&str>, at: &str) -> Outcome<u128> {
    match given {
        Some(text) => {
            Uetr::parse(text).map(Uetr::bits).map_err(|error| Problem::field(at, error.to_string()))
        }
        None => new_id(),
    }
}

/// A random id (RFC 9562, version 4).
pub(crate) fn new_id() -> Outcome<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Problem::fault())?;
    Ok(Uetr::from_digest(bytes).bits())
}

pub(crate) const fn priority(word: PriorityWord) -> Priority {
    match word {
        PriorityWord::Urgent => Priority::Urgent,
        PriorityWord::High => Priority::High,
        PriorityWord::Normal => Priority::Normal,
    }
}

fn purpose(given: Option<&str>, at: &str) -> Outcome<[u8; 4]> {
    let mut code = [0; 4];
    let Some(text) = given else { return Ok(code) };
    if text.is_empty() || text.len() > code.len() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Problem::field(format!("{at}/purpose"), "one to four letters or digits"));
    }
    code.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    Ok(code)
}

/// What is journaled beside the record: nothing where nothing was said.
fn details(request: &PaymentRequest, at: &str) -> Outcome<Option<Vec<u8>>> {
    text(request.end_to_end_id.as_deref(), END_TO_END_ID_MAX, &format!("{at}/end_to_end_id"))?;
    text(request.remittance.as_deref(), REMITTANCE_MAX, &format!("{at}/remittance"))?;
    if request.end_to_end_id.is_none() && request.remittance.is_none() {
        return Ok(None);
    }
    let details = Details {
        version: 1,
        message_type: MESSAGE_TYPE.to_owned(),
        end_to_end_id: request.end_to_end_id.clone(),
        purpose: request.purpose.clone(),
        remittance: request.remittance.clone().into_iter().collect(),
        ..Details::default()
    };
    Ok(Some(details.encode()))
}

fn text(given: Option<&str>, max: usize, at: &str) -> Outcome<()> {
    let is_good = given
        .is_none_or(|text| (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control));
    is_good.then_some(()).ok_or_else(|| Problem::field(at, format!("1 to {max} characters, none of control")))
}

/// An amount of minor units as it is shown.
pub(crate) fn shown(minor: u64, currency: Currency) -> MoneyView {
    MoneyView { amount: decimal(minor.into(), currency), currency: currency.code() }
}

/// A signed amount of minor units as it is shown.
pub(crate) fn shown_signed(minor: i128, currency: Currency) -> MoneyView {
    MoneyView { amount: signed_decimal(minor, currency), currency: currency.code() }
}

/// An id as text; zero, which is no id, as zeros.
pub(crate) fn id_text(bits: u128) -> String {
    Uetr::new(bits).map_or_else(|| "00000000-0000-0000-0000-000000000000".to_owned(), |id| id.to_string())
}

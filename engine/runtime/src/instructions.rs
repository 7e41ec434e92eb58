//! Records of what participants instruct beside plain payments: a hold finished, a payment sent back, a queue changed, a
//! quote traded. Also finds the accounts that instructions name. Fills fields; decides nothing.

use feiqian_core::account::AccountHandle;
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::exchange::book::Quote;
use feiqian_core::liquidity::resolve::Priority;
use feiqian_core::transfer::{Record, flags};

use crate::directory::Directory;

/// Finds an account by handle, alias, IBAN, or `BIC/CURRENCY` for a clearing account.
#[must_use]
pub fn account_named(directory: &Directory, name: &str) -> Option<AccountHandle> {
    let by_handle = || name.parse().ok().filter(|handle| directory.account(*handle).is_some());
    let by_alias = || directory.alias(name).or_else(|| directory.alias(&format!("IBAN:{name}")));
    let by_owner = || {
        let (bic, code) = name.split_once('/')?;
        let participant = directory.participant(Bic::parse(bic).ok()?)?;
        directory.clearing_account(participant, Currency::from_code(code)?)
    };
    by_handle().or_else(by_alias).or_else(by_owner)
}

/// The flag of a priority class.
#[must_use]
pub const fn class_flag(priority: Priority) -> u16 {
    match priority {
        Priority::Urgent => flags::URGENT,
        Priority::High => flags::HIGH,
        Priority::Normal => 0,
    }
}

/// A record between the same accounts in the same currency as `of`, under an id of its own, which names `related`.
fn about(of: &Record, (id, related): (u128, u128), amount: u64, bits: u16) -> Record {
    let mut record = Record::new(id, of.debtor.get(), of.creditor.get(), amount, of.currency.get());
    (record.flags, record.related) = (bits.into(), related.into());
    record
}

/// Moves `amount` of a hold, for what it was made; the rest is given back, or stays held where `keeps`.
#[must_use]
pub fn post(held: &Record, id: u128, amount: u64, keeps: bool) -> Record {
    let bits = if keeps { flags::POST | flags::KEEP } else { flags::POST };
    Record { purpose: held.purpose, ..about(held, (id, held.uetr.get()), amount, bits) }
}

/// Gives a hold back.
#[must_use]
pub fn void(held: &Record, id: u128) -> Record {
    about(held, (id, held.uetr.get()), 0, flags::VOID)
}

/// Takes a payment out of the queue.
#[must_use]
pub fn revoke(queued: &Record, id: u128) -> Record {
    about(queued, (id, queued.uetr.get()), 0, flags::QUEUE | flags::VOID)
}

/// Gives a payment that waits another class, other times (seconds of frame time; zero: at once, and for ever), and with
/// [`flags::FIRST`] or [`flags::LAST`] another place in its class.
#[must_use]
pub fn amend(
    queued: &Record,
    id: u128,
    (priority, place): (Priority, u16),
    (delay, timeout): (u32, u32),
) -> Record {
    let bits = flags::QUEUE | class_flag(priority) | place;
    let mut record = about(queued, (id, queued.uetr.get()), 0, bits);
    (record.delay, record.timeout) = (delay.into(), timeout.into());
    record
}

/// Sends `amount` of what a cleared transfer brought back to where it came from.
#[must_use]
pub fn give_back(paid: &Record, id: u128, amount: u64) -> Record {
    let mut record = Record::new(id, paid.creditor.get(), paid.debtor.get(), amount, paid.currency.get());
    (record.flags, record.related) = (flags::RETURN.into(), paid.uetr);
    record
}

/// Both legs of a trade on a quote, in one chain: what the requester pays from its account, and what it gets on its other.
#[must_use]
pub fn trade(
    (quote_id, quote): (u128, &Quote),
    ids: [u128; 2],
    [from, to]: [AccountHandle; 2],
) -> Vec<Record> {
    let leg = |id, (debtor, creditor), amount, currency: Currency, bits: u16| {
        let mut record = Record::new(id, debtor, creditor, amount, currency.numeric());
        (record.flags, record.related) = ((flags::QUOTE | bits).into(), quote_id.into());
        record
    };
    let paid = (from, quote.source_account);
    let got = (quote.target_account, to);
    vec![
        leg(ids[0], paid, quote.source_amount, quote.source, flags::LINKED),
        leg(ids[1], got, quote.target_amount, quote.target, 0),
    ]
}

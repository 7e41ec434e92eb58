//! Enrolments: which accounts a card stands for. Names of the directory are for ever and never pointed elsewhere, so an
//! enrolment is a numbered name of the card's token and its end a name of its own; what a card has stood for stays known
//! to what refers to earlier messages. Reads the directory, and gives the names that commands are to register.
//!
//! ```text
//!  CARD:token      the first enrolment's account      CARD:token-      it has ended
//!  CARD:token.1    the second's                       CARD:token.1-
//! ```
//! Of those in force each is in another currency.

use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_core::participant::ParticipantHandle;
use feiqian_runtime::directory::Directory;

/// Enrolments that one card can have, ended ones included: bounds what an authorisation looks up.
pub const ENROLMENTS_MAX: u32 = 64;

/// A card's mandate to debit an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Enrolment {
    /// Its number among the card's, from 0 on.
    pub number: u32,
    /// The account.
    pub account: AccountHandle,
    /// Whose it is.
    pub owner: ParticipantHandle,
    /// Its currency, or product of one.
    pub currency: Currency,
    /// Whether it has not ended.
    pub is_in_force: bool,
}

/// The name of an enrolment of a card's alias.
#[must_use]
pub fn name(alias: &str, number: u32) -> String {
    if number == 0 { alias.to_owned() } else { format!("{alias}.{number}") }
}

/// The name that says that it has ended.
#[must_use]
pub fn end_name(alias: &str, number: u32) -> String {
    name(alias, number) + "-"
}

/// Why a card can't stand for an account too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountHandle),
    /// It stands for another one in the currency.
    #[error("it stands for account {} in {} already", .0.account, .0.currency)]
    InTheWay(Enrolment),
    /// It has been enrolled so often as a card can be.
    #[error("it has been enrolled {ENROLMENTS_MAX} times, as often as a card can be")]
    TooOften,
}

/// The name that lets a card stand for an account too; none where it does.
///
/// # Errors
/// [`Refused`].
pub fn further_name(
    directory: &Directory,
    alias: &str,
    account: AccountHandle,
) -> Result<Option<String>, Refused> {
    let (_, currency, _) = directory.account(account).ok_or(Refused::NoAccount(account))?;
    let mut number = 0;
    for enrolment in enrolments(directory, alias) {
        if enrolment.is_in_force && enrolment.currency.iso() == currency.iso() {
            let is_same = enrolment.account == account;
            return if is_same { Ok(None) } else { Err(Refused::InTheWay(enrolment)) };
        }
        number = enrolment.number + 1;
    }
    if number < ENROLMENTS_MAX { Ok(Some(name(alias, number))) } else { Err(Refused::TooOften) }
}

/// All enrolments of a card's alias, oldest first.
pub fn enrolments<'a>(directory: &'a Directory, alias: &'a str) -> impl Iterator<Item = Enrolment> + 'a {
    (0..ENROLMENTS_MAX).map_while(move |number| {
        let account = directory.alias(&name(alias, number))?;
        let (owner, currency, _) = directory.account(account)?;
        let is_in_force = directory.alias(&end_name(alias, number)).is_none();
        Some(Enrolment { number, account, owner, currency, is_in_force })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use feiqian_core::limits::ALIAS_BYTES_MAX;

    #[test]
    fn the_longest_name_is_no_longer_than_an_alias_may_be() {
        let alias = "CARD:".to_owned() + &"0".repeat(48);
        assert!(end_name(&alias, ENROLMENTS_MAX).len() <= ALIAS_BYTES_MAX);
        assert_eq!((name("CARD:x", 0), end_name("CARD:x", 0)), ("CARD:x".into(), "CARD:x-".into()));
        assert_eq!((name("CARD:x", 7), end_name("CARD:x", 7)), ("CARD:x.7".into(), "CARD:x.7-".into()));
    }
}

//! How accounts, ids and times are shown and asked for. Reads the directory; a name never decides anything.

use std::collections::BTreeMap;

use feiqian_cards::vault::ALIAS_PREFIX;
use feiqian_core::account::{AccountHandle, AccountKind, AccountTerms};
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::registry::Registry;
use feiqian_core::uetr::Uetr;
use feiqian_files::timestamp;
use feiqian_runtime::directory::Directory;
use serde::Serialize;

use crate::fault::Fault;

/// An account as reports show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountName {
    /// Its handle.
    pub handle: AccountHandle,
    /// Its participant's BIC.
    pub participant: String,
    /// Currency code.
    pub currency: &'static str,
    /// `clearing` or `hosted`.
    pub kind: &'static str,
    /// Its names in the directory.
    pub aliases: Vec<String>,
}

impl std::fmt::Display for AccountName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { handle, participant, currency, kind, aliases } = self;
        // A card's token is no name that anyone knows it by.
        let alias = aliases.iter().find(|alias| !alias.starts_with(ALIAS_PREFIX));
        match (alias, *kind) {
            (Some(alias), _) => write!(f, "{alias} at {participant}"),
            (None, "clearing") => write!(f, "{participant}/{currency}"),
            (None, _) => write!(f, "account {handle} at {participant}"),
        }
    }
}

/// The aliases of every account, to name many.
#[derive(Clone, Debug, Default)]
pub struct Aliases(BTreeMap<AccountHandle, Vec<String>>);

impl Aliases {
    /// All of a registry.
    #[must_use]
    pub fn of(registry: &Registry) -> Self {
        let mut all: BTreeMap<AccountHandle, Vec<String>> = BTreeMap::new();
        for (alias, account) in registry.aliases() {
            all.entry(*account).or_default().push(alias.clone());
        }
        Self(all)
    }

    /// An account's name; none for a handle that does not exist.
    #[must_use]
    pub fn name(&self, registry: &Registry, handle: AccountHandle) -> Option<AccountName> {
        let terms = registry.account(handle)?;
        let (_, participant) = registry.owner_of(terms)?;
        Some(AccountName {
            handle,
            participant: participant.bic.as_str().to_owned(),
            currency: currency_of(terms)?.code(),
            kind: terms.kind.name(),
            aliases: self.0.get(&handle).cloned().unwrap_or_default(),
        })
    }
}

/// The currency of an account.
#[must_use]
pub fn currency_of(terms: &AccountTerms) -> Option<Currency> {
    Currency::from_numeric(terms.currency)
}

/// Finds an account by handle, alias, IBAN, or `BIC/CURRENCY` for a clearing account.
///
/// # Errors
/// [`Fault::Absent`] if there is none.
pub fn find_account(directory: &Directory, id: &str) -> Result<AccountHandle, Fault> {
    let by_handle = id.parse().ok().filter(|handle| directory.account(*handle).is_some());
    let by_alias = || directory.alias(id).or_else(|| directory.alias(&format!("IBAN:{id}")));
    let by_owner = || {
        let (bic, code) = id.split_once('/')?;
        let participant = directory.participant(Bic::parse(bic).ok()?)?;
        directory.clearing_account(participant, Currency::from_code(code)?)
    };
    by_handle.or_else(by_alias).or_else(by_owner).ok_or_else(|| {
        let way = "give a handle, an alias (IBAN:DE89…), an IBAN or BIC/CURRENCY; see `feiqian accounts`";
        Fault::Absent(format!("{id}: no such account; {way}"))
    })
}

/// Reads a UETR from the command line.
///
/// # Errors
/// [`Fault::Usage`].
pub fn parse_uetr(text: &str) -> Result<Uetr, Fault> {
    Uetr::parse(text).map_err(|error| Fault::Usage(format!("{text}: {error}")))
}

/// An id as text; zero, which is no id, as zeros.
#[must_use]
pub fn uetr_text(bits: u128) -> String {
    Uetr::new(bits).map_or_else(|| "00000000-0000-0000-0000-000000000000".to_owned(), |id| id.to_string())
}

/// A time in nanoseconds since 1970 as UTC text.
#[must_use]
pub fn time_text(nanoseconds: u64) -> String {
    timestamp::date_time(nanoseconds)
}

/// Whether an account is a participant's own.
#[must_use]
pub fn is_clearing(terms: &AccountTerms) -> bool {
    terms.kind == AccountKind::Clearing
}

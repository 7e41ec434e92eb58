//! The participants file (`config/demo/participants.toml` is one): who takes part, in which currencies, with
//! which caps, accounts and aliases. Read strictly and checked as a whole; puts nothing in force itself.

use std::path::{Path, PathBuf};

use feiqian_core::account::UNLIMITED;
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::iban::is_iban;
use feiqian_core::limits::{ACCOUNTS_OPENED_MAX, ALIAS_BYTES_MAX, NAME_BYTES_MAX};
use feiqian_core::money::{Amount, AmountError};
use feiqian_proof::signature::PublicKey;
use serde::Deserialize;

use crate::fault::Fault;

/// A file's content, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct House {
    /// Who runs the clearing house.
    pub operator: Bic,
    /// In the order of the file.
    pub participants: Vec<ParticipantPlan>,
}

/// One participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantPlan {
    /// Its code.
    pub bic: Bic,
    /// Its name.
    pub name: String,
    /// Its public key; without one it can't log in to the bulk protocol.
    pub key: Option<PublicKey>,
    /// One for each currency.
    pub positions: Vec<PositionPlan>,
    /// Hosted accounts with a name.
    pub accounts: Vec<AccountPlan>,
}

/// One position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionPlan {
    /// Its currency.
    pub currency: Currency,
    /// Minor units; [`UNLIMITED`] for none.
    pub cap: u64,
    /// Names of the clearing account.
    pub aliases: Vec<String>,
    /// Nameless accounts for a generated load.
    pub hosted_accounts: u32,
    /// Minor units that each of them begins with.
    pub hosted_funding: u64,
}

/// One hosted account with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountPlan {
    /// Its currency.
    pub currency: Currency,
    /// Minor units.
    pub credit_line: u64,
    /// At least one.
    pub aliases: Vec<String>,
    /// Minor units that it begins with.
    pub funding: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    operator: OperatorText,
    #[serde(default)]
    participant: Vec<ParticipantText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OperatorText {
    bic: String,
    #[serde(default, rename = "name")]
    _name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParticipantText {
    bic: String,
    name: String,
    key: Option<String>,
    #[serde(default)]
    position: Vec<PositionText>,
    #[serde(default)]
    account: Vec<AccountText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionText {
    currency: String,
    /// Missing for no cap.
    net_debit_cap: Option<String>,
    #[serde(default)]
    alias: Vec<String>,
    #[serde(default)]
    hosted_accounts: u32,
    hosted_funding: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountText {
    currency: String,
    credit_line: Option<String>,
    alias: Vec<String>,
    funding: Option<String>,
}

impl House {
    /// Reads a participants file.
    ///
    /// # Errors
    /// [`Fault::File`] if it can't be read, [`Fault::Usage`] naming the file, the place and the field.
    pub fn read(file: &Path) -> Result<Self, Fault> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Fault::file(file, "read the participants", &error))?;
        let refused = |what: &str| Fault::Usage(format!("{}: {what}", file.display()));
        let text: FileText = toml::from_str(&text).map_err(|error| refused(error.to_string().trim_end()))?;
        text.check().map_err(|what| refused(&what))
    }
}

impl FileText {
    fn check(self) -> Result<House, String> {
        let operator = bic("operator", &self.operator.bic)?;
        let mut participants = Vec::new();
        let mut bics = Vec::new();
        let mut aliases = Vec::new();
        for text in self.participant {
            let plan = text.check()?;
            take_once(&mut bics, plan.bic.as_str(), "bic")?;
            let own = plan.positions.iter().flat_map(|position| &position.aliases);
            for alias in own.chain(plan.accounts.iter().flat_map(|account| &account.aliases)) {
                take_once(&mut aliases, alias, "alias")?;
            }
            participants.push(plan);
        }
        Ok(House { operator, participants })
    }
}

fn take_once(seen: &mut Vec<String>, name: &str, field: &str) -> Result<(), String> {
    if seen.iter().any(|other| other == name) {
        return Err(format!("{field} {name} stands here twice: remove one"));
    }
    seen.push(name.to_owned());
    Ok(())
}

impl ParticipantText {
    fn check(self) -> Result<ParticipantPlan, String> {
        let place = format!("participant {}", self.bic);
        let code = bic(&place, &self.bic)?;
        if self.name.is_empty() || self.name.len() > NAME_BYTES_MAX {
            return Err(format!("{place}: name must have 1 to {NAME_BYTES_MAX} bytes"));
        }
        let key = self.key.as_deref().map(PublicKey::parse).transpose();
        let key = key.map_err(|error| format!("{place}: key: {error}"))?;
        let positions: Result<Vec<_>, _> = self.position.into_iter().map(|text| text.check(&place)).collect();
        let positions = positions?;
        let mut currencies = Vec::new();
        for position in &positions {
            take_once(&mut currencies, position.currency.code(), "position in")
                .map_err(|what| format!("{place}: {what}"))?;
        }
        let accounts: Result<Vec<_>, _> = self.account.into_iter().map(|text| text.check(&place)).collect();
        let accounts = accounts?;
        for account in &accounts {
            if !positions.iter().any(|position| position.currency == account.currency) {
                let currency = account.currency;
                return Err(format!("{place}: an account in {currency} needs a position in {currency}"));
            }
        }
        Ok(ParticipantPlan { bic: code, name: self.name, key, positions, accounts })
    }
}

impl PositionText {
    fn check(self, place: &str) -> Result<PositionPlan, String> {
        let currency = currency(place, &self.currency)?;
        let place = format!("{place}, position {currency}");
        if self.hosted_accounts > ACCOUNTS_OPENED_MAX {
            return Err(format!("{place}: hosted_accounts is over {ACCOUNTS_OPENED_MAX}"));
        }
        let cap = match &self.net_debit_cap {
            Some(text) => amount(&place, "net_debit_cap", text, currency)?,
            None => UNLIMITED,
        };
        Ok(PositionPlan {
            currency,
            cap,
            aliases: aliases(&place, self.alias)?,
            hosted_accounts: self.hosted_accounts,
            hosted_funding: amount_or_zero(&place, "hosted_funding", self.hosted_funding, currency)?,
        })
    }
}

impl AccountText {
    fn check(self, place: &str) -> Result<AccountPlan, String> {
        let currency = currency(place, &self.currency)?;
        let place = format!("{place}, account in {currency}");
        let aliases = aliases(&place, self.alias)?;
        if aliases.is_empty() {
            return Err(format!("{place}: alias must name it, such as \"IBAN:DE89370400440532013000\""));
        }
        Ok(AccountPlan {
            currency,
            credit_line: amount_or_zero(&place, "credit_line", self.credit_line, currency)?,
            aliases,
            funding: amount_or_zero(&place, "funding", self.funding, currency)?,
        })
    }
}

fn bic(place: &str, text: &str) -> Result<Bic, String> {
    Bic::parse(text).map_err(|error| format!("{place}: bic {text:?} {error}"))
}

fn currency(place: &str, text: &str) -> Result<Currency, String> {
    Currency::from_code(text)
        .ok_or_else(|| format!("{place}: currency {text:?} is not an ISO 4217 code that can be cleared"))
}

fn amount(place: &str, field: &str, text: &str, currency: Currency) -> Result<u64, String> {
    match Amount::from_decimal(text, currency) {
        Ok(amount) => Ok(amount.minor()),
        Err(AmountError::Zero) => Ok(0),
        Err(error) => Err(format!("{place}: {field} {text:?} {error}")),
    }
}

fn amount_or_zero(place: &str, field: &str, text: Option<String>, currency: Currency) -> Result<u64, String> {
    text.map_or(Ok(0), |text| amount(place, field, &text, currency))
}

fn aliases(place: &str, texts: Vec<String>) -> Result<Vec<String>, String> {
    for text in &texts {
        let (kind, name) = text.split_once(':').unwrap_or(("", text));
        if kind.is_empty() || name.is_empty() || text.len() > ALIAS_BYTES_MAX {
            let rule = format!("must be KIND:NAME of at most {ALIAS_BYTES_MAX} bytes");
            return Err(format!("{place}: alias {text:?} {rule}"));
        }
        if kind == "IBAN" && !is_iban(name) {
            return Err(format!("{place}: alias {text:?} is no IBAN, or its check digits are wrong"));
        }
    }
    Ok(texts)
}

/// `name` below the folder that the program is run in or built in, or one above it: the repository's own
/// configuration is found from anywhere inside it.
#[must_use]
pub fn locate(name: &str) -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    let starts = [here.as_deref(), program.as_deref()];
    let folders = starts.into_iter().flatten().flat_map(Path::ancestors);
    folders.map(|folder| folder.join(name)).find(|path| path.exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<House, String> {
        toml::from_str::<FileText>(text).map_err(|error| error.to_string())?.check()
    }

    #[test]
    fn the_demos_file_has_eight_banks_and_ten_thousand_accounts() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let house = House::read(&root.join("config/demo/participants.toml")).expect("good");
        assert_eq!(house.participants.len(), 8);
        for participant in &house.participants {
            let test_key = crate::keys::participant_test_key(participant.bic);
            let public = PublicKey::of(&test_key);
            assert_eq!(participant.key, Some(public), "{} has its TEST KEY: {public}", participant.bic);
        }
        let positions = house.participants.iter().flat_map(|participant| &participant.positions);
        assert_eq!(positions.map(|position| position.hosted_accounts).sum::<u32>(), 10_000);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let operator = "[operator]\nbic = \"CLRHXXAA\"\n";
        let bank = "[[participant]]\nbic = \"BNKAXXAA\"\nname = \"A\"\n";
        let position = "[[participant.position]]\ncurrency = \"EUR\"\nnet_debit_cap = \"1.00\"\n";
        let account =
            "[[participant.account]]\ncurrency = \"EUR\"\nalias = [\"IBAN:DE89370400440532013000\"]\n";
        let rows = [
            (format!("{operator}[[participant]]\nbic = \"BNK\"\nname = \"A\"\n"), "bic \"BNK\""),
            (format!("{operator}{bank}{bank}"), "twice"),
            (format!("{operator}{bank}{position}{position}"), "position in EUR stands here twice"),
            (format!("{operator}{bank}{account}"), "needs a position in EUR"),
            (format!("{operator}{bank}{position}{account}{account}"), "alias IBAN:DE89"),
            (format!("{operator}{bank}{}", position.replace("1.00", "1.005")), "net_debit_cap \"1.005\""),
            (format!("{operator}{bank}{}", position.replace("EUR", "XAU")), "XAU"),
            (format!("{operator}{bank}{position}{}", account.replace("DE89", "DE88")), "check digits"),
            (format!("{operator}{bank}limit = 3\n"), "limit"),
            (format!("{operator}{bank}key = \"00ff\"\n"), "participant BNKAXXAA: key: a public key has 64"),
            (bank.to_owned(), "operator"),
        ];
        for (text, expected) in rows {
            let error = parse(&text).expect_err("refused");
            assert!(error.contains(expected), "{error}");
        }
        assert!(parse(&format!("{operator}{bank}{position}{account}")).is_ok());
    }
}

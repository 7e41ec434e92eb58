//! Tariffs as officers say them and as they are shown: words to values and back. Decides nothing; whether a tariff makes
//! sense, the engine says.

use feiqian_core::account::UNLIMITED;
use feiqian_core::currency::Currency;
use feiqian_core::fees::tariff::MILLIONTHS;
use feiqian_core::fees::{Bearer, Beneficiary, Change, FeeCommand, Scope, Tariff, TariffNumber, Tier};
use feiqian_core::money::decimal;
use feiqian_runtime::directory::Directory;

use crate::cli::{BearerWord, TariffArgs};
use crate::fault::Fault;
use crate::names::{find_account, time_text};
use crate::orders::{bic_named, currency_named, limit};

/// The command that the words stand for.
///
/// # Errors
/// [`Fault::Usage`] for words without meaning, [`Fault::Absent`] for an account that is not there.
pub(crate) fn command_of(said: &TariffArgs, directory: &Directory) -> Result<FeeCommand, Fault> {
    let currency = currency_named(&said.currency)?;
    let bearer = match said.bearer {
        BearerWord::Debtor => Bearer::Debtor,
        BearerWord::Creditor => Bearer::Creditor,
    };
    let bic = |text: &Option<String>| text.as_deref().map(bic_named).transpose();
    let (debtor, creditor) = (bic(&said.debtor)?, bic(&said.creditor)?);
    let purpose = said.purpose.as_deref().map(purpose_named).transpose()?;
    let scope = Scope { currency, bearer, debtor, creditor, purpose };
    let tiers = said.tiers.iter().map(|text| tier_of(text, currency)).collect::<Result<_, _>>()?;
    let all = said.beneficiaries.iter().map(|text| beneficiary_of(text, directory));
    let tariff = Tariff { scope, tiers, beneficiaries: all.collect::<Result<_, _>>()? };
    Ok(fee_command(said.number, Some(tariff), said.from))
}

/// Of a tariff, or of its end: at once, or from a time on, nanoseconds since 1970.
pub(crate) fn fee_command(number: TariffNumber, after: Option<Tariff>, from: Option<u64>) -> FeeCommand {
    match (from, after) {
        (Some(from), after) => FeeCommand::Announce(Change { from, number, after }),
        (None, Some(tariff)) => FeeCommand::SetTariff { number, tariff },
        (None, None) => FeeCommand::EndTariff { number },
    }
}

/// Four letters or digits: a code of fewer could not be told from one that is cut.
pub(crate) fn purpose_named(text: &str) -> Result<[u8; 4], Fault> {
    let code = text.as_bytes().try_into().ok();
    let code = code.filter(|code: &[u8; 4]| code.iter().all(u8::is_ascii_alphanumeric));
    code.ok_or_else(|| {
        Fault::Usage(format!("{text}: a purpose code has four letters or digits, such as SALA"))
    })
}

/// `FROM:FLAT:PER-MILLE[:LEAST[:MOST]]`
fn tier_of(text: &str, currency: Currency) -> Result<Tier, Fault> {
    let parts: Vec<&str> = text.split(':').collect();
    let way = || Fault::Usage(format!("{text}: a tier is FROM:FLAT:PER-MILLE[:LEAST[:MOST]]"));
    let ([from, flat, rate] | [from, flat, rate, _] | [from, flat, rate, _, _]) = parts[..] else {
        return Err(way());
    };
    let bound = |at: usize, absent| parts.get(at).map_or(Ok(absent), |text| limit(text, currency));
    Ok(Tier {
        from: limit(from, currency)?,
        flat: limit(flat, currency)?,
        millionths: per_mille(rate).ok_or_else(way)?,
        least: bound(3, 0)?,
        most: bound(4, UNLIMITED)?,
    })
}

/// Millionths, of a decimal with three digits behind the point at the most.
fn per_mille(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_decimal = !whole.is_empty() && part.len() <= 3 && is_digits(whole) && is_digits(part);
    let millionths = format!("{whole}{part:0<3}").parse().ok().filter(|_| is_decimal);
    millionths.filter(|millionths| *millionths <= MILLIONTHS)
}

/// `WHO[=SHARE]`
fn beneficiary_of(text: &str, directory: &Directory) -> Result<(Beneficiary, u32), Fault> {
    let (who, share) = text.rsplit_once('=').unwrap_or((text, "1"));
    let share = share.parse().map_err(|_| Fault::Usage(format!("{text}: a share is a whole number")))?;
    let who = match who {
        "debtor" => Beneficiary::DebtorParticipant,
        "creditor" => Beneficiary::CreditorParticipant,
        account => Beneficiary::Account(find_account(directory, account)?),
    };
    Ok((who, share))
}

/// What a command about tariffs does, for people.
pub(crate) fn words(command: &FeeCommand, name: impl Fn(u64) -> String) -> String {
    let from = command.from().map_or_else(String::new, |from| format!("from {} on, ", time_text(from)));
    format!("{from}{}", tariff_words(command.number(), command.tariff(), name))
}

/// A tariff, or its end.
pub(crate) fn tariff_words(
    number: TariffNumber,
    tariff: Option<&Tariff>,
    name: impl Fn(u64) -> String,
) -> String {
    let Some(tariff) = tariff else { return format!("end tariff {number}") };
    let Scope { currency, bearer, .. } = tariff.scope;
    let (scope, tiers) = (scope_words(&tariff.scope), tier_words(tariff));
    let to = beneficiary_words(tariff, name);
    format!(
        "tariff {number}: of {currency} payments {scope} the {}'s bank bears {tiers}, to {to}",
        bearer.name()
    )
}

/// Whose payments, to whom and for what.
pub(crate) fn scope_words(scope: &Scope) -> String {
    let of = scope.debtor.map_or("of everybody".to_owned(), |bic| format!("of {bic}"));
    let to = scope.creditor.map(|bic| format!(" to {bic}")).unwrap_or_default();
    let purpose = scope.purpose.map(|code| format!(" for {}", code.escape_ascii())).unwrap_or_default();
    format!("{of}{to}{purpose}")
}

/// What is charged, by tier.
pub(crate) fn tier_words(tariff: &Tariff) -> String {
    let tiers = tariff.tiers.iter().map(|tier| tier_text(tier, tariff.scope.currency));
    tiers.collect::<Vec<_>>().join("; ")
}

fn tier_text(tier: &Tier, currency: Currency) -> String {
    let amount = |minor: u64| decimal(minor.into(), currency);
    let from = if tier.from > 0 { format!("from {} on ", amount(tier.from)) } else { String::new() };
    let rate = format!("{}.{:03}", tier.millionths / 1_000, tier.millionths % 1_000);
    let rate = rate.trim_end_matches('0').trim_end_matches('.');
    let what = match (tier.flat, tier.millionths) {
        (flat, 0) => amount(flat),
        (0, _) => format!("{rate} per mille"),
        (flat, _) => format!("{} and {rate} per mille", amount(flat)),
    };
    let least = if tier.least > 0 { format!(", at least {}", amount(tier.least)) } else { String::new() };
    let most =
        if tier.most != UNLIMITED { format!(", at most {}", amount(tier.most)) } else { String::new() };
    format!("{from}{what}{least}{most}")
}

/// Who gets it, with shares where they are several.
pub(crate) fn beneficiary_words(tariff: &Tariff, name: impl Fn(u64) -> String) -> String {
    let is_one = tariff.beneficiaries.len() == 1;
    let one = |(who, share): &(Beneficiary, u32)| {
        let who = match who {
            Beneficiary::Account(account) => name(*account),
            Beneficiary::DebtorParticipant => "the debtor's bank".to_owned(),
            Beneficiary::CreditorParticipant => "the creditor's bank".to_owned(),
        };
        if is_one { who } else { format!("{who} {share}") }
    };
    tariff.beneficiaries.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_read_and_told() {
        let currency = Currency::from_code("EUR").expect("a currency");
        let none = UNLIMITED;
        for (text, [from, flat, millionths, least, most], told) in [
            ("0:0.10:0", [0, 10, 0, 0, none], "0.10"),
            ("0:0:1.5:0.05:9.00", [0, 0, 1_500, 5, 900], "1.5 per mille, at least 0.05, at most 9.00"),
            ("100.00:0.02:0.025", [10_000, 2, 25, 0, none], "from 100.00 on 0.02 and 0.025 per mille"),
            ("0:0:1000:0:none", [0, 0, 1_000_000, 0, none], "1000 per mille"),
        ] {
            let tier = tier_of(text, currency).expect("a tier");
            let said = [tier.from, tier.flat, tier.millionths.into(), tier.least, tier.most];
            assert_eq!(
                (said, tier_text(&tier, currency).as_str()),
                ([from, flat, millionths, least, most], told)
            );
        }
        for text in ["", "0:0", "0:0:1:2:3:4", "0:0:1001", "0:0:.5", "0:0:0.0001", "0:x:1", "0:0:-1"] {
            assert!(tier_of(text, currency).is_err(), "{text}");
        }
        assert!(["SAL", "SALAR", "SA A", ""].iter().all(|text| purpose_named(text).is_err()));
    }
}

//! A tariff: which payments it covers, what it makes of an amount, who bears that and who gets it. A pure function of
//! integers, so that whoever has the tariff comes to the same, to the minor unit.
//!
//! The tier is the last one whose `from` the amount reaches; it holds for the whole amount. Of it a flat part and so many
//! millionths of the amount, rounded half up to the minor unit, are the fee, at least `least` and at most `most`. The fee
//! is split by shares with the largest remainder; among equal remainders the earlier beneficiary gets the unit.

use alloc::vec::Vec;

use crate::account::{AccountHandle, numbered};
use crate::bic::Bic;
use crate::codec::{Decoder, Encoder, Malformed};
use crate::command::{decode_bic, decode_currency};
use crate::currency::Currency;
use crate::default::share::shares;
use crate::limits::{BENEFICIARIES_MAX, TIERS_MAX};
use crate::money::AMOUNT_MAX;

/// Number of a tariff, as officers give it; not zero.
pub type TariffNumber = u32;

/// A whole in the millionths of a [`Tier`].
pub const MILLIONTHS: u32 = 1_000_000;
const HALF: u128 = 500_000;

/// Which side of a payment bears a fee, with its participant's clearing account. Source: ISO 20022 `ChargeBearerType1Code`,
/// `DEBT` and `CRED`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Bearer {
    /// The debtor's participant, beside what it pays.
    Debtor = 1,
    /// The creditor's participant, out of what it gets: interchange, a merchant's discount.
    Creditor = 2,
}

numbered!(Bearer: Debtor, Creditor);

impl Bearer {
    /// The name in commands and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debtor => "debtor",
            Self::Creditor => "creditor",
        }
    }
}

/// The payments that a tariff covers: between two participants, in a currency, of whom and for what it names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Scope {
    /// In which currency.
    pub currency: Currency,
    /// Who bears the fee.
    pub bearer: Bearer,
    /// Whose payments; none: everybody's.
    pub debtor: Option<Bic>,
    /// To whom; none: to anybody.
    pub creditor: Option<Bic>,
    /// ISO 20022 external purpose code; none: for whatever.
    pub purpose: Option<[u8; 4]>,
}

/// What is charged from an amount on, minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tier {
    /// The least amount that it is for.
    pub from: u64,
    /// Whatever the amount.
    pub flat: u64,
    /// Of the amount; at most [`MILLIONTHS`].
    pub millionths: u32,
    /// The least fee.
    pub least: u64,
    /// The greatest fee, and in no case more than an amount can be.
    pub most: u64,
}

impl Tier {
    /// The fee on an amount that reaches the tier.
    #[must_use]
    pub fn fee(&self, amount: u64) -> u64 {
        // 64 bits by 32 bits fit 128 many times.
        let exact = u128::from(amount).saturating_mul(self.millionths.into());
        let part = exact.saturating_add(HALF).checked_div(MILLIONTHS.into()).unwrap_or(0);
        let fee = part.saturating_add(self.flat.into()).max(self.least.into());
        u64::try_from(fee.min(self.most.into())).unwrap_or(AMOUNT_MAX).min(AMOUNT_MAX)
    }

    fn is_valid(&self) -> bool {
        self.millionths <= MILLIONTHS && self.flat <= AMOUNT_MAX && self.least <= self.most.min(AMOUNT_MAX)
    }
}

/// Who gets a part of a fee.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beneficiary {
    /// This account, of whomever: the operator's or the network's fee account.
    Account(AccountHandle),
    /// The clearing account of the debtor's participant: an issuer's interchange.
    DebtorParticipant,
    /// The clearing account of the creditor's participant.
    CreditorParticipant,
}

/// What is charged for payments of a scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tariff {
    /// For which payments.
    pub scope: Scope,
    /// Ascending, the first from zero; 1 to [`TIERS_MAX`].
    pub tiers: Vec<Tier>,
    /// With their shares, none of them zero; 1 to [`BENEFICIARIES_MAX`], each once.
    pub beneficiaries: Vec<(Beneficiary, u32)>,
}

impl Tariff {
    /// The fee on an amount, minor units.
    #[must_use]
    pub fn fee(&self, amount: u64) -> u64 {
        self.tiers.iter().rev().find(|tier| tier.from <= amount).map_or(0, |tier| tier.fee(amount))
    }

    /// What each beneficiary gets of a fee, in their order: it sums to the fee, and none is off by a whole minor unit.
    #[must_use]
    pub fn parts(&self, fee: u64) -> Vec<(Beneficiary, u64)> {
        let weights: Vec<(u32, u64)> =
            (0..).zip(&self.beneficiaries).map(|(at, (_, share))| (at, (*share).into())).collect();
        let mut parts = shares(fee, &weights).unwrap_or_default();
        parts.sort_unstable_by_key(|(at, _)| *at);
        let amounts = parts.into_iter().map(|(_, amount)| amount);
        self.beneficiaries.iter().map(|(who, _)| *who).zip(amounts).collect()
    }

    /// Whether its numbers make sense, whatever accounts and participants there are.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let begins = self.tiers.first().is_some_and(|first| first.from == 0);
        let ascends = self.tiers.is_sorted_by(|before, after| before.from < after.from);
        let is_for_others = self.scope.debtor.is_none() || self.scope.debtor != self.scope.creditor;
        begins
            && ascends
            && is_for_others
            && self.scope.purpose.is_none_or(|purpose| purpose.iter().all(u8::is_ascii_alphanumeric))
            && self.tiers.len() <= TIERS_MAX
            && self.tiers.iter().all(Tier::is_valid)
            && self.has_valid_beneficiaries()
    }

    fn has_valid_beneficiaries(&self) -> bool {
        let itself = match self.scope.bearer {
            Bearer::Debtor => Beneficiary::DebtorParticipant,
            Bearer::Creditor => Beneficiary::CreditorParticipant,
        };
        let all = &self.beneficiaries;
        (1..=BENEFICIARIES_MAX).contains(&all.len())
            && all.iter().enumerate().all(|(at, (who, share))| {
                *share > 0 && *who != itself && all.iter().take(at).all(|(other, _)| other != who)
            })
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        let Scope { currency, bearer, debtor, creditor, purpose } = self.scope;
        to.u16(currency.numeric());
        to.u8(bearer.number());
        for bic in [debtor, creditor] {
            to.u8(u8::from(bic.is_some()));
            bic.iter().for_each(|bic| to.raw(bic.as_bytes()));
        }
        to.u8(u8::from(purpose.is_some()));
        purpose.iter().for_each(|purpose| to.raw(purpose));
        to.count(self.tiers.len());
        for tier in &self.tiers {
            to.u64(tier.from);
            to.u64(tier.flat);
            to.u32(tier.millionths);
            to.u64(tier.least);
            to.u64(tier.most);
        }
        to.count(self.beneficiaries.len());
        for (who, share) in &self.beneficiaries {
            match who {
                Beneficiary::Account(account) => {
                    to.u8(1);
                    to.u64(*account);
                }
                Beneficiary::DebtorParticipant => to.u8(2),
                Beneficiary::CreditorParticipant => to.u8(3),
            }
            to.u32(*share);
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let scope = Scope {
            currency: decode_currency(from)?,
            bearer: Bearer::from_number(from.u8()?)?,
            debtor: if from.flag()? { Some(decode_bic(from)?) } else { None },
            creditor: if from.flag()? { Some(decode_bic(from)?) } else { None },
            purpose: if from.flag()? { Some(from.array()?) } else { None },
        };
        let tiers = (0..from.count(TIERS_MAX)?).map(|_| {
            let (from_amount, flat, millionths) = (from.u64()?, from.u64()?, from.u32()?);
            Ok(Tier { from: from_amount, flat, millionths, least: from.u64()?, most: from.u64()? })
        });
        let tiers = tiers.collect::<Result<_, Malformed>>()?;
        let beneficiaries = (0..from.count(BENEFICIARIES_MAX)?).map(|_| {
            let who = match from.u8()? {
                1 => Beneficiary::Account(from.u64()?),
                2 => Beneficiary::DebtorParticipant,
                3 => Beneficiary::CreditorParticipant,
                _ => return Err(Malformed),
            };
            Ok((who, from.u32()?))
        });
        let beneficiaries = beneficiaries.collect::<Result<_, Malformed>>()?;
        Ok(Self { scope, tiers, beneficiaries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn tier(from: u64, flat: u64, millionths: u32, (least, most): (u64, u64)) -> Tier {
        Tier { from, flat, millionths, least, most }
    }

    fn tariff(tiers: Vec<Tier>, shares: &[u32]) -> Tariff {
        let currency = Currency::from_code("EUR").expect("a currency");
        let scope = Scope { currency, bearer: Bearer::Debtor, debtor: None, creditor: None, purpose: None };
        let beneficiaries = (0..).zip(shares).map(|(at, share)| (Beneficiary::Account(at), *share)).collect();
        Tariff { scope, tiers, beneficiaries }
    }

    const ANY: (u64, u64) = (0, u64::MAX);

    #[test]
    fn a_fee_is_flat_and_of_the_amount_within_its_bounds_by_tier() {
        let tiers = vec![
            tier(0, 5, 0, ANY),
            tier(1_000, 2, 1_500, ANY),
            tier(100_000, 0, 1_000, (120, 500)),
            tier(AMOUNT_MAX, AMOUNT_MAX, MILLIONTHS, ANY),
        ];
        let tariff = tariff(tiers, &[1]);
        assert!(tariff.is_valid());
        for (amount, fee) in [
            (1, 5),
            (999, 5),
            (1_000, 4), // 2 + 1.5, half up
            (1_333, 4), // 2 + 1.9995
            (1_666, 4), // 2 + 2.499
            (1_667, 5), // 2 + 2.5005
            (99_999, 152),
            (100_000, 120),
            (120_500, 121),
            (500_001, 500),
            (AMOUNT_MAX - 1, 500),
            (AMOUNT_MAX, AMOUNT_MAX),
        ] {
            assert_eq!(tariff.fee(amount), fee, "{amount}");
        }
    }

    #[test]
    fn parts_go_by_largest_remainder_and_equal_ones_to_the_earlier() {
        for (fee, shares, parts) in [
            (0, vec![1, 1], vec![0, 0]),
            (1, vec![1, 1], vec![1, 0]),
            (2, vec![1, 1, 1], vec![1, 1, 0]),
            (100, vec![1, 1, 1], vec![34, 33, 33]),
            (10, vec![2, 3, 5], vec![2, 3, 5]),
            (7, vec![1, 6, 3], vec![1, 4, 2]),
            (1, vec![1, 999_999], vec![0, 1]),
        ] {
            let split = tariff(vec![tier(0, 0, 0, ANY)], &shares).parts(fee);
            assert_eq!(split.iter().map(|(_, part)| *part).collect::<Vec<_>>(), parts, "{fee} by {shares:?}");
        }
    }

    #[test]
    fn not_a_minor_unit_of_a_fee_is_lost_and_no_part_is_off_by_one() {
        let mut state = 11_u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 20) % bound
        };
        for _ in 0..5_000 {
            let count = 1 + next(u64::try_from(BENEFICIARIES_MAX).expect("few"));
            let shares: Vec<u32> =
                (0..count).map(|_| 1 + u32::try_from(next(1 << 31)).expect("31 bits")).collect();
            let total: u128 = shares.iter().map(|share| u128::from(*share)).sum();
            let fee = if next(3) == 0 { next(50) } else { next(1 << 43) };
            let parts = tariff(vec![tier(0, 0, 0, ANY)], &shares).parts(fee);
            assert_eq!(parts.iter().map(|(_, part)| u128::from(*part)).sum::<u128>(), u128::from(fee));
            for ((_, part), share) in parts.iter().zip(shares) {
                let whole = u128::from(fee) * u128::from(share) / total;
                assert!(u128::from(*part) == whole || u128::from(*part) == whole + 1);
            }
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_no_tariff() {
        let good = || tariff(vec![tier(0, 1, 1, ANY), tier(9, 1, 1, ANY)], &[1, 2]);
        assert!(good().is_valid());
        let bic = Bic::parse("BNKAXXAA").ok();
        let spoils: [fn(&mut Tariff, Option<Bic>); 14] = [
            |tariff, _| tariff.tiers.clear(),
            |tariff, _| tariff.tiers[0].from = 1,
            |tariff, _| tariff.tiers[1].from = 0,
            |tariff, _| tariff.tiers[1].millionths = MILLIONTHS + 1,
            |tariff, _| tariff.tiers[1].flat = AMOUNT_MAX + 1,
            |tariff, _| (tariff.tiers[1].least, tariff.tiers[1].most) = (5, 4),
            |tariff, _| tariff.tiers[1].least = AMOUNT_MAX + 1,
            |tariff, _| tariff.tiers = (0..17).map(|from| tier(from, 0, 0, ANY)).collect(),
            |tariff, _| tariff.beneficiaries.clear(),
            |tariff, _| tariff.beneficiaries[1].1 = 0,
            |tariff, _| tariff.beneficiaries[1].0 = Beneficiary::Account(0),
            |tariff, _| tariff.beneficiaries[1].0 = Beneficiary::DebtorParticipant,
            |tariff, _| tariff.scope.purpose = Some([0; 4]),
            |tariff, bic| (tariff.scope.debtor, tariff.scope.creditor) = (bic, bic),
        ];
        for (at, spoil) in spoils.iter().enumerate() {
            let mut tariff = good();
            spoil(&mut tariff, bic);
            assert!(!tariff.is_valid(), "{at}: {tariff:?}");
        }
    }
}

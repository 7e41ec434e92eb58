//! What a load looks like: which accounts it uses and how often, what kinds of transfers, in what shares. Owns the
//! description, what it makes of accounts, and the outcomes that follow; sends and measures nothing.
//!
//! Every outcome must follow from the workload and its seed alone, however the batches of many sessions meet in the
//! journal. So usual transfers are small against what accounts begin with, no cap binds, rejections have reasons
//! that no other transfer can cause or cure, and a hold is finished only when its batch has been answered.

pub mod alias;
pub mod layout;
pub mod maker;
pub mod model;
mod rejections;

use serde::{Deserialize, Serialize};

/// How a transfer's accounts are drawn.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Every account as often as every other.
    Uniform,
    /// The account of rank `r` with a weight of `r` to the power of minus this.
    Zipf(f64),
    /// Every transfer debits or credits one of so many accounts.
    Hot(u64),
    /// Every transfer goes from one clearing account to another.
    ClearingOnly,
}

/// How transfer ids are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UetrOrder {
    /// Random, as RFC 9562 UUIDs of version 4.
    Random,
    /// A session's ids ascend, as UUIDs of version 7 would.
    Ordered,
}

/// Through which of the server's doors a load goes. It says which transfers can be asked for at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// The bulk protocol.
    #[default]
    Wire,
    /// The JSON API.
    Http,
}

/// A load. Shares are of all transfers, 0 to 1.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Workload {
    /// How transfers are sent.
    #[serde(default)]
    pub door: Door,
    /// Hosted accounts, over all participants and currencies.
    pub accounts: u64,
    /// Participants, 2 to 64.
    pub participants: u32,
    /// Currencies, 1 to 8.
    pub currencies: u32,
    /// Which accounts.
    pub distribution: Distribution,
    /// Transfers that go to another participant.
    pub cross_share: f64,
    /// Transfers that are holds, or posts and voids of earlier ones.
    pub two_phase_share: f64,
    /// Transfers that belong to a chain.
    pub chain_share: f64,
    /// Transfers that must be refused, each for one of a dozen reasons.
    pub reject_share: f64,
    /// Ids.
    pub uetr: UetrOrder,
    /// The same seed makes the same load.
    pub seed: u64,
}

/// Participants that a workload may have: their test keys and codes have two digits.
pub const PARTICIPANTS_MAX: u32 = 64;

impl Workload {
    /// Plain transfers over uniform accounts of eight participants in one currency.
    #[must_use]
    pub const fn plain(accounts: u64) -> Self {
        Self {
            door: Door::Wire,
            accounts,
            participants: 8,
            currencies: 1,
            distribution: Distribution::Uniform,
            cross_share: 0.875,
            two_phase_share: 0.0,
            chain_share: 0.0,
            reject_share: 0.0,
            uetr: UetrOrder::Random,
            seed: 1,
        }
    }

    /// Whether it can be made.
    ///
    /// # Errors
    /// What is wrong, in words for the command line.
    pub fn check(&self) -> Result<(), String> {
        let shares = [self.two_phase_share, self.chain_share, self.reject_share];
        let all = shares.iter().chain([&self.cross_share]);
        if all.into_iter().any(|share| !(0.0..=1.0).contains(share)) || shares.iter().sum::<f64>() > 1.0 {
            return Err(
                "shares are 0 to 1, and two-phase, chains and rejections together at the most 1".into()
            );
        }
        if !(2..=PARTICIPANTS_MAX).contains(&self.participants) {
            return Err(format!("participants: 2 to {PARTICIPANTS_MAX}"));
        }
        if !(1..=layout::CODES.len()).contains(&(self.currencies as usize)) {
            return Err(format!("currencies: 1 to {}", layout::CODES.len()));
        }
        let positions = u64::from(self.participants * self.currencies);
        let most = feiqian_core::limits::ACCOUNTS_MAX as u64 / 2;
        if !(2 * positions..=most).contains(&self.accounts) {
            return Err(format!("accounts: {} to {most} for as many positions", 2 * positions));
        }
        match self.distribution {
            Distribution::Zipf(theta) if !(0.0..=5.0).contains(&theta) => {
                Err("Zipf's exponent: 0 to 5".into())
            }
            Distribution::Hot(count) if count == 0 || count > self.accounts / u64::from(self.currencies) => {
                Err("hot accounts: 1 to the accounts of a currency".into())
            }
            _ => Ok(()),
        }
    }
}

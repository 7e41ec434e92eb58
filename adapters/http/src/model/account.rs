//! Accounts, their postings, positions.

use serde::Serialize;
use utoipa::ToSchema;

use super::MoneyView;

/// An account as of the last block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountView {
    /// Its number.
    pub(crate) account: u64,
    /// BIC of its participant.
    pub(crate) participant: String,
    /// `clearing` or `hosted`.
    #[schema(value_type = String)]
    pub(crate) kind: &'static str,
    /// `open`, `frozen`, `send-only`, `receive-only` or `closed`.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
    /// Credits less debits.
    pub(crate) balance: MoneyView,
    /// Reserved by pending holds.
    pub(crate) reserved: MoneyView,
    /// How far below zero it may go; none where only the participant's cap binds.
    pub(crate) credit_line: Option<MoneyView>,
    /// What may still be debited; none where only the participant's cap binds.
    pub(crate) available: Option<MoneyView>,
    /// Height of the block.
    pub(crate) block: u64,
}

/// Accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Accounts {
    /// Ascending by number.
    pub(crate) accounts: Vec<AccountView>,
    /// Where to go on; none at the end. A page may hold fewer accounts than asked for, and others behind it.
    pub(crate) next: Option<String>,
}

/// An account that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Alias {
    /// The name.
    pub(crate) alias: String,
    /// The account's number.
    pub(crate) account: u64,
    /// BIC of its participant.
    pub(crate) participant: String,
    /// ISO 4217 code.
    #[schema(value_type = String)]
    pub(crate) currency: &'static str,
}

/// A posting on an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Posting)]
pub(crate) struct PostingView {
    /// Its place in the journal.
    pub(crate) sequence: u64,
    /// When it was journaled.
    pub(crate) time: String,
    /// Id of the transfer, or of the command that settled a cycle.
    pub(crate) uetr: String,
    /// What the account gained; below zero what it lost.
    pub(crate) amount: MoneyView,
    /// Number of the other account; none for a settlement.
    pub(crate) counterparty: Option<u64>,
    /// BIC of the other account's participant.
    pub(crate) counterparty_agent: Option<String>,
    /// The cycle whose net position this paid.
    pub(crate) settles_cycle: Option<u64>,
}

/// An account's postings as of the last block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Postings {
    /// Newest first.
    pub(crate) postings: Vec<PostingView>,
    /// Where to go on; none at the end.
    pub(crate) next: Option<String>,
}

/// A participant's position in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Position {
    /// BIC.
    pub(crate) participant: String,
    /// Credits less debits against the others in the cycle.
    pub(crate) position: MoneyView,
    /// Net of closed cycles that are not settled; of the open cycle alone.
    pub(crate) unsettled: Option<MoneyView>,
    /// Reserved by holds; of the open cycle alone.
    pub(crate) reserved: Option<MoneyView>,
    /// Net debit cap; none without one.
    pub(crate) net_debit_cap: Option<MoneyView>,
    /// What may still be debited; none without a cap.
    pub(crate) headroom: Option<MoneyView>,
}

/// Positions in a cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Positions {
    /// Number of the cycle.
    pub(crate) cycle: u64,
    /// Its state.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
    /// By participant and currency.
    pub(crate) positions: Vec<Position>,
}

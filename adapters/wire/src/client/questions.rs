//! Questions of a client that has no reply outstanding: directory, balances, positions, transfers.

use feiqian_core::account::{AccountHandle, AccountKind};
use feiqian_core::currency::Currency;
use feiqian_core::outcome::{Outcome, RejectReason};
use feiqian_core::transfer::Record;
use zerocopy::FromBytes;

use super::{Client, ClientError};
use crate::layout::{
    AccountBody, AccountRangeBody, BalanceBody, Header, Kind, PositionBody, TransferBody, WireRow,
};

/// An account as the directory names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountName {
    /// Its handle.
    pub account: AccountHandle,
    /// Its currency.
    pub currency: Currency,
}

/// Own accounts with consecutive handles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccountRange {
    /// The first handle.
    pub first: AccountHandle,
    /// How many follow each other.
    pub count: u64,
    /// Their currency.
    pub currency: Currency,
    /// Whether it is the clearing account; the others are hosted.
    pub is_clearing: bool,
}

/// An own account as of the last block; minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Balance {
    /// Credits less debits.
    pub balance: i128,
    /// Reserved by pending holds.
    pub reserved: u64,
    /// Height of the last block.
    pub block: u64,
}

/// The own position as of the last block; minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// Credits less debits in the open cycle.
    pub position: i128,
    /// Net of the cycles that are closed and not settled.
    pub unsettled: i128,
    /// Reserved by pending holds.
    pub reserved: u64,
    /// Net debit cap; [`feiqian_core::account::UNLIMITED`] for none.
    pub cap: u64,
    /// Height of the last block.
    pub block: u64,
}

/// An own transfer as journaled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// Where it is journaled.
    pub sequence: u64,
    /// Frame time, nanoseconds since 1970.
    pub timestamp: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was rejected.
    pub reason: Option<RejectReason>,
    /// Minor units moved or reserved; for a duplicate, the original's sequence.
    pub detail: u64,
    /// As submitted.
    pub record: Record,
}

const UNKNOWN_CURRENCY: ClientError = ClientError::Protocol("an unknown currency");

impl Client {
    /// The account that an alias stands for, whoever owns it; none if it stands for none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn resolve(&mut self, alias: &str) -> Result<Option<AccountName>, ClientError> {
        let asked = (Header::new(Kind::ResolveAlias, 0), alias.as_bytes());
        let Some(body) = self.ask::<AccountBody>(asked, Kind::Account).await? else { return Ok(None) };
        let currency = Currency::from_numeric(body.currency.get()).ok_or(UNKNOWN_CURRENCY)?;
        Ok(Some(AccountName { account: body.account.get(), currency }))
    }

    /// The participant's accounts, ascending.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn accounts(&mut self) -> Result<Vec<AccountRange>, ClientError> {
        let mut ranges = Vec::new();
        let mut from = 0_u128;
        loop {
            let header = Header { id: from.into(), ..Header::new(Kind::AskAccounts, 0) };
            let (kind, header, body) = self.exchange(header, &[]).await?;
            let found = <[AccountRangeBody]>::ref_from_bytes(&body);
            let found = found.map_err(|_| ClientError::Protocol("half a range"))?;
            if kind != Kind::Accounts || found.len() != header.count.get() as usize {
                return Err(ClientError::Protocol("no answer about accounts"));
            }
            for range in found {
                ranges.push(AccountRange {
                    first: range.first.get(),
                    count: range.count.get(),
                    currency: Currency::from_numeric(range.currency.get()).ok_or(UNKNOWN_CURRENCY)?,
                    is_clearing: range.account_kind == AccountKind::Clearing.number(),
                });
            }
            let next = header.id.get();
            if next == 0 {
                return Ok(ranges);
            }
            if next <= from {
                return Err(ClientError::Protocol("ranges that do not go on"));
            }
            from = next;
        }
    }

    /// An own account's balance; none for another's.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn balance(&mut self, account: AccountHandle) -> Result<Option<Balance>, ClientError> {
        let header = Header { id: u128::from(account).into(), ..Header::new(Kind::AskBalance, 0) };
        let body = self.ask::<BalanceBody>((header, &[]), Kind::Balance).await?;
        Ok(body.map(|body| Balance {
            balance: body.balance.get(),
            reserved: body.reserved.get(),
            block: body.block.get(),
        }))
    }

    /// The own position in a currency; none where there is none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn position(&mut self, currency: Currency) -> Result<Option<Position>, ClientError> {
        let header =
            Header { count: u32::from(currency.numeric()).into(), ..Header::new(Kind::AskPosition, 0) };
        let body = self.ask::<PositionBody>((header, &[]), Kind::Position).await?;
        Ok(body.map(|body| Position {
            position: body.position.get(),
            unsettled: body.unsettled.get(),
            reserved: body.reserved.get(),
            cap: body.cap.get(),
            block: body.block.get(),
        }))
    }

    /// A transfer that the participant has submitted or is party to; none for any other.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn transfer(&mut self, uetr: u128) -> Result<Option<Transfer>, ClientError> {
        let header = Header { id: uetr.into(), ..Header::new(Kind::AskTransfer, 0) };
        let Some(body) = self.ask::<TransferBody>((header, &[]), Kind::Transfer).await? else {
            return Ok(None);
        };
        let WireRow { outcome, reason, detail, .. } = body.row;
        Ok(Some(Transfer {
            sequence: body.sequence.get(),
            timestamp: body.timestamp.get(),
            outcome: Outcome::from_number(outcome).ok_or(ClientError::Protocol("an unknown outcome"))?,
            reason: RejectReason::from_number(reason),
            detail: detail.get(),
            record: body.record,
        }))
    }

    async fn ask<T: FromBytes>(
        &mut self,
        (header, body): (Header, &[u8]),
        wanted: Kind,
    ) -> Result<Option<T>, ClientError> {
        let (kind, _, body) = self.exchange(header, body).await?;
        match kind {
            Kind::Unknown => Ok(None),
            kind if kind == wanted => {
                T::read_from_bytes(&body).map(Some).map_err(|_| ClientError::Protocol("another length"))
            }
            _ => Err(ClientError::Protocol("an answer of another kind")),
        }
    }

    async fn exchange(
        &mut self,
        header: Header,
        body: &[u8],
    ) -> Result<(Kind, Header, Vec<u8>), ClientError> {
        self.sender.ask(header, body);
        self.sender.flush().await?;
        let (kind, header) = self.receiver.message().await?;
        let body = self.receiver.body(&header).to_vec();
        self.receiver.pass(&header)?;
        Ok((kind, header, body))
    }
}

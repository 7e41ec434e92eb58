//! Checks a load on a server that was running before: through its protocol alone. Accounts are those that the
//! server says; balances are asked before and after; every batch is sent again, and must be answered with the
//! sequences at which it was acknowledged. Nobody else may move those accounts' money meanwhile.

mod questions;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use feiqian_core::account::AccountHandle;
use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::transfer::Record;
use feiqian_wire::client::AccountRange;
use tokio::runtime::Runtime;

use super::driver::{Acknowledged, Plan};
use super::place::{Line, Server};
use super::verify::{Again, Findings};
use crate::workload::layout::{Layout, Range, bic};
use crate::workload::maker::{MadeBatch, Shape};
use crate::workload::model::{Balances, Expected};
use crate::workload::{Distribution, Workload};

/// Accounts whose balances are asked at the most, at even distances.
const BALANCES_MAX: usize = 100_000;
/// Hosted accounts of one range that are asked one by one before the load.
const SCAN_MAX: u64 = 20_000;
/// What an account must have to take part, minor units: a thousand of the largest usual transfers.
const FUNDS_MIN: i128 = 1_024_000;
/// How long balances may take to show: answers come before the block is sealed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server as it was before the load.
#[derive(Debug)]
pub(super) struct Asked {
    runtime: Runtime,
    server: Server,
    workload: Workload,
    layout: Layout,
    /// By account: its participant in the layout, and its balance.
    before: BTreeMap<AccountHandle, (usize, i128)>,
}

impl Asked {
    /// Connects as each participant, and asks for accounts and balances.
    pub(super) fn before(groups: Vec<Server>, workload: &Workload) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|fault| fault.to_string())?;
        let (server, accounts) = runtime.block_on(all_accounts(groups))?;
        let layout = layout_of(&server.bics(), &accounts);
        let mut workload = workload.clone();
        workload.participants = layout.ranges.len() as u32;
        workload.currencies = layout.ranges.first().map_or(0, Vec::len) as u32;
        workload.accounts = layout.ranges.iter().flatten().map(|range| range.count).sum();
        check(&workload, &layout)?;
        let mut asked = Self { runtime, server, workload, layout, before: BTreeMap::new() };
        let owners = asked.sample_of_accounts();
        asked.before = asked.runtime.block_on(balances(&asked.server, &owners))?;
        Ok(asked)
    }

    pub(super) fn shape(&self) -> Arc<Shape> {
        Shape::new(self.workload.clone(), self.layout.clone())
    }

    pub(super) const fn server(&self) -> &Server {
        &self.server
    }

    /// Accounts with their owners' numbers in the layout.
    fn sample_of_accounts(&self) -> Vec<(AccountHandle, usize)> {
        let of = |(owner, ranges): (usize, &Vec<Range>)| {
            let accounts = Layout { ranges: vec![ranges.clone()] }.accounts().collect::<Vec<_>>();
            accounts.into_iter().map(move |account| (account, owner)).collect::<Vec<_>>()
        };
        let all: Vec<_> = self.layout.ranges.iter().enumerate().flat_map(of).collect();
        let step = all.len().div_ceil(BALANCES_MAX).max(1);
        all.into_iter().step_by(step).collect()
    }

    /// Checks what was acknowledged.
    pub(super) fn check(&self, shape: &Arc<Shape>, plan: Plan, acknowledged: &[Acknowledged]) -> Findings {
        let resent = Resent::new(Balances::new(self.layout.end()));
        let answered = self.runtime.block_on(self.send_again((shape, plan), acknowledged, &resent));
        let Resent { balances, outcomes, transfers } = resent;
        let mut findings =
            Findings { outcomes: outcomes.into_inner(), sent_again: transfers.get(), ..Findings::default() };
        findings.add("every_batch_sent_again_gets_its_first_outcomes", answered);
        findings.add("balances_equal_the_model", self.compare(&balances.into_inner()));
        findings.balances = self.before.len() as u64;
        findings
    }

    /// Sends every acknowledged batch again: those of each participant one behind the other, those of all at once, so at the
    /// most one of each is on its way.
    async fn send_again(
        &self,
        load: (&Arc<Shape>, Plan),
        acknowledged: &[Acknowledged],
        resent: &Resent,
    ) -> Result<(), String> {
        let participants = self.server.bics().len();
        let of = |participant| {
            let own = acknowledged.iter().filter(move |at| at.session as usize % participants == participant);
            self.send_own_again((participant, load), own, resent)
        };
        all((0..participants).map(of).collect()).await
    }

    async fn send_own_again(
        &self,
        (participant, (shape, plan)): (usize, (&Arc<Shape>, Plan)),
        acknowledged: impl Iterator<Item = &Acknowledged>,
        resent: &Resent,
    ) -> Result<(), String> {
        let mut line = self.server.connect(participant).await?;
        let mut again = Again::new(shape, plan);
        for at in acknowledged {
            let (speaker, made) = again.batch(at);
            assert_eq!(speaker as usize, participant, "session n speaks for participant n, counted round");
            line.send_again(at.first_sequence, &made).await?;
            look_up(&mut line, at.first_sequence, &made).await?;
            resent.note(&made);
        }
        Ok(())
    }

    fn compare(&self, moved: &Balances) -> Result<(), String> {
        let owners: Vec<_> = self.before.iter().map(|(account, (owner, _))| (*account, *owner)).collect();
        let begun = Instant::now();
        loop {
            let now = self.runtime.block_on(balances(&self.server, &owners))?;
            let differs = self.before.iter().find_map(|(account, (_, before))| {
                let expected = before + moved.of(*account).unwrap_or(0);
                let real = now.get(account).map_or(0, |(_, balance)| *balance);
                (real != expected).then(|| format!("account {account} has {real}, not {expected}"))
            });
            match differs {
                None => return Ok(()),
                Some(fault) if begun.elapsed() > PATIENCE => return Err(fault),
                Some(_) => std::thread::sleep(PATIENCE / 25),
            }
        }
    }
}

/// What was sent again and answered as it must be.
struct Resent {
    balances: RefCell<Balances>,
    outcomes: RefCell<BTreeMap<&'static str, u64>>,
    transfers: Cell<u64>,
}

impl Resent {
    fn new(balances: Balances) -> Self {
        Self { balances: RefCell::new(balances), outcomes: RefCell::default(), transfers: Cell::new(0) }
    }

    fn note(&self, made: &MadeBatch) {
        let (mut balances, mut outcomes) = (self.balances.borrow_mut(), self.outcomes.borrow_mut());
        for (record, expected) in made.iter() {
            balances.apply(record, expected);
            *outcomes.entry(expected.name()).or_insert(0) += 1;
        }
        self.transfers.set(self.transfers.get() + made.records.len() as u64);
    }
}

/// Drives all to their ends on this thread, or to the first fault.
async fn all<F: Future<Output = Result<(), String>>>(work: Vec<F>) -> Result<(), String> {
    let mut work: Vec<_> = work.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        let mut fault = None;
        work.retain_mut(|one| match one.as_mut().poll(context) {
            Poll::Ready(result) => {
                fault = fault.take().or(result.err());
                false
            }
            Poll::Pending => true,
        });
        match fault {
            Some(fault) => Poll::Ready(Err(fault)),
            None if work.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

/// Asks for the batch's first and last cleared transfers by their ids.
async fn look_up(line: &mut Line, first_sequence: u64, made: &MadeBatch) -> Result<(), String> {
    let cleared =
        made.iter().zip(first_sequence..).filter(|((_, expected), _)| *expected == Expected::Cleared);
    let cleared: Vec<(&Record, u64)> = cleared.map(|((record, _), sequence)| (record, sequence)).collect();
    for (record, sequence) in cleared.first().into_iter().chain(cleared.last()) {
        if !line.is_found(record, *sequence).await? {
            return Err(format!("the transfer at sequence {sequence} is not found by its id"));
        }
    }
    Ok(())
}

/// Of the first group whose first participant can log in: of all that can, up to the first that can't.
async fn all_accounts(groups: Vec<Server>) -> Result<(Server, Vec<Vec<AccountRange>>), String> {
    let mut refusal = "nobody to log in as".to_owned();
    for mut group in groups {
        let mut accounts = Vec::new();
        for (number, bic) in group.bics().into_iter().enumerate() {
            match group.connect(number).await {
                Ok(mut line) => accounts.push(funded_accounts(&mut line).await?),
                Err(fault) => {
                    refusal = format!("{} as {}: {fault}", group.place(), bic.as_str());
                    break;
                }
            }
        }
        if accounts.len() >= 2 {
            group.keep(accounts.len());
            return Ok((group, accounts));
        }
    }
    Err(refusal)
}

/// The participant's ranges, of hosted accounts only the longest part in which each has funds: whoever has none, or
/// may not pay, would refuse what a load takes for certain.
async fn funded_accounts(line: &mut Line) -> Result<Vec<AccountRange>, String> {
    let mut ranges = line.accounts().await?;
    for range in ranges.iter_mut().filter(|range| !range.is_clearing) {
        if range.count > SCAN_MAX {
            // A load's own house: all are funded but the last, which is frozen.
            range.count -= 1;
            continue;
        }
        let (mut best, mut first) = ((range.first, 0), range.first);
        for account in range.first..range.first + range.count {
            if line.balance(account).await?.unwrap_or(0) < FUNDS_MIN {
                first = account + 1;
            } else if account + 1 - first > best.1 {
                best = (first, account + 1 - first);
            }
        }
        (range.first, range.count) = best;
    }
    Ok(ranges)
}

/// The currencies that all have in common; of each the clearing account, and as many hosted ones as all have.
fn layout_of(bics: &[Bic], accounts: &[Vec<AccountRange>]) -> Layout {
    let hosted = |of: &[AccountRange], currency: Currency| {
        let ranges = of.iter().filter(|range| !range.is_clearing && range.currency == currency);
        ranges.max_by_key(|range| range.count).copied()
    };
    let clearing = |of: &[AccountRange], currency: Currency| {
        of.iter().find(|range| range.is_clearing && range.currency == currency).map(|range| range.first)
    };
    let mut currencies: Vec<Currency> = accounts.iter().flatten().map(|range| range.currency).collect();
    currencies.sort_by_key(|currency| currency.numeric());
    currencies.dedup();
    currencies.retain(|currency| accounts.iter().all(|of| clearing(of, *currency).is_some()));
    let ranges = accounts.iter().zip(bics).zip(0..).map(|((of, one), number)| {
        // A frozen account follows the funded ones of a load's own participants.
        let is_load = *one == bic(number);
        let range = |currency: &Currency| {
            let (first, count) = hosted(of, *currency).map_or((0, 0), |range| (range.first, range.count));
            Some(Range {
                currency: currency.numeric(),
                clearing: clearing(of, *currency)?,
                first,
                count,
                frozen: (is_load && count > 0).then_some(first + count),
            })
        };
        currencies.iter().filter_map(range).collect::<Vec<_>>()
    });
    let mut ranges: Vec<Vec<Range>> = ranges.collect();
    let least = ranges.iter().flatten().map(|range| range.count).min().unwrap_or(0);
    ranges.iter_mut().flatten().for_each(|range| range.count = least);
    Layout { ranges }
}

fn check(workload: &Workload, layout: &Layout) -> Result<(), String> {
    if layout.ranges.len() < 2 || layout.ranges.iter().any(Vec::is_empty) {
        return Err("a load needs two participants with positions in one currency".to_owned());
    }
    let least = layout.ranges.iter().flatten().map(|range| range.count).min().unwrap_or(0);
    if least < 2 && workload.distribution != Distribution::ClearingOnly {
        return Err("each position needs two hosted accounts; or take clearing accounts alone".to_owned());
    }
    match workload.distribution {
        Distribution::Hot(count) if count > least * layout.ranges.len() as u64 => {
            Err("more hot accounts than there are".to_owned())
        }
        _ => Ok(()),
    }
}

async fn balances(
    server: &Server,
    owners: &[(AccountHandle, usize)],
) -> Result<BTreeMap<AccountHandle, (usize, i128)>, String> {
    let mut found = BTreeMap::new();
    let mut line: Option<(usize, Line)> = None;
    for (account, owner) in owners {
        if line.as_ref().is_none_or(|(of, _)| of != owner) {
            line = Some((*owner, server.connect(*owner).await?));
        }
        if let Some((_, line)) = &mut line {
            let balance = line.balance(*account).await?;
            found.insert(
                *account,
                (*owner, balance.ok_or_else(|| format!("account {account} is not there"))?),
            );
        }
    }
    Ok(found)
}

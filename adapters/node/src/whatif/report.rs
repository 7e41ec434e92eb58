//! The comparison of two runs, as text for people and as JSON for programs: by participant and currency, by reason, and
//! by cycle. Amounts are decimals in their currency.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use feiqian_core::account::{SlotHandle, UNLIMITED};
use feiqian_core::currency::Currency;
use feiqian_core::money::{decimal, signed_decimal};
use feiqian_core::participant::CycleNumber;
use serde::Serialize;

use super::day::{Day, Run};
use super::question::Question;
use super::tally::{LEFT_OUT, SlotTally, Sums, Waits};
use crate::output::{Table, grouped};

/// Cycles whose nets are printed; JSON has all.
const CYCLES_PRINTED: usize = 3;

/// What holds for every answer, as it is printed.
const LIMITS: &str =
    "every payment is submitted when it was, and none again: how banks would have acted is not known";

/// The same of both runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Both<T> {
    /// As it was.
    pub real: T,
    /// As it is asked.
    pub what_if: T,
}

impl<T> Both<T> {
    fn of<'a>(runs: Both<&'a Run>, value: impl Fn(&'a Run) -> T) -> Self {
        Self { real: value(runs.real), what_if: value(runs.what_if) }
    }
}

impl Both<String> {
    fn cells(&self) -> [String; 2] {
        [self.real.clone(), self.what_if.clone()]
    }
}

/// A count and a sum.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counted {
    /// How many transfers.
    pub count: u64,
    /// Decimal in the currency.
    pub value: String,
}

impl Counted {
    fn of(sums: Sums, currency: Currency) -> Self {
        Self { count: sums.count, value: decimal(sums.value, currency) }
    }
}

/// Payments that waited and were released.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct WaitedLine {
    /// How many.
    pub released: u64,
    /// How long on average, milliseconds of frame time.
    pub mean_ms: u64,
    /// The longest, milliseconds.
    pub longest_ms: u64,
}

impl WaitedLine {
    fn of(waits: Waits) -> Self {
        let mean = waits.total.checked_div(u128::from(waits.released)).unwrap_or(0) / 1_000_000;
        Self {
            released: waits.released,
            mean_ms: u64::try_from(mean).unwrap_or(u64::MAX),
            longest_ms: waits.longest / 1_000_000,
        }
    }

    fn cells(self) -> [String; 2] {
        [self.mean_ms, self.longest_ms]
            .map(|ms| if self.released == 0 { "-".to_owned() } else { grouped(ms) })
    }
}

/// A participant in a currency: its transfers to others, and what they took.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PositionLine {
    /// Its BIC.
    pub participant: String,
    /// Currency code.
    pub currency: &'static str,
    /// At the end; null for none.
    pub net_debit_cap: Both<Option<String>>,
    /// Transfers that it sent to others, by outcome. Only `cleared` has moved money.
    pub sent: Both<BTreeMap<&'static str, Counted>>,
    /// Cleared, from others.
    pub received: Both<Counted>,
    /// Of those sent: rejected, by reason.
    pub rejected: Both<BTreeMap<&'static str, Counted>>,
    /// Of those sent: how long they waited that were released from the queue.
    pub waited: Both<WaitedLine>,
    /// The most liquidity that it used at once: position, unsettled debts and holds together, below zero.
    pub peak_use: Both<String>,
}

/// A position at a cycle's end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NetLine {
    /// Whose.
    pub participant: String,
    /// Currency code.
    pub currency: &'static str,
    /// Signed decimal.
    pub net: Both<String>,
}

/// A cycle that closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CycleLine {
    /// Its number.
    pub cycle: CycleNumber,
    /// Where it stands.
    pub state: Both<&'static str>,
    /// Positions that are not zero in both.
    pub nets: Vec<NetLine>,
}

/// A currency as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TotalLine {
    /// Currency code.
    pub currency: &'static str,
    /// Cleared between participants.
    pub cleared: Both<Counted>,
    /// The sum of all participants' peaks.
    pub peak_use: Both<String>,
}

/// A command that was decided otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CommandLine {
    /// Its sequence in the journal.
    pub sequence: u64,
    /// Outcome or reason.
    pub outcome: Both<String>,
}

/// The whole comparison.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Comparison {
    /// In words.
    pub question: String,
    /// What the answer does not know.
    pub limits: &'static str,
    /// From the opening of this cycle on; from the beginning where none is named.
    pub from_cycle: Option<CycleNumber>,
    /// Entries of the journal that both runs have executed.
    pub entries: u64,
    /// Transfers that were not submitted.
    pub left_out: u64,
    /// Payments that wait at the end.
    pub still_waiting: Both<u64>,
    /// By currency.
    pub totals: Vec<TotalLine>,
    /// Positions in which anything was sent or received, in either run.
    pub positions: Vec<PositionLine>,
    /// Transfers within one participant and currency, and those of unknown accounts, by outcome.
    pub elsewhere: Both<BTreeMap<&'static str, u64>>,
    /// All rejections between participants, by reason.
    pub reasons: BTreeMap<&'static str, Both<u64>>,
    /// Cycles that closed.
    pub cycles: Vec<CycleLine>,
    /// Commands that were decided otherwise.
    pub commands: Vec<CommandLine>,
    /// Files with plots.
    pub plots: Vec<String>,
}

impl Comparison {
    /// Compares both runs of a day.
    #[must_use]
    pub fn of(day: &Day, question: &Question, from_cycle: Option<CycleNumber>) -> Self {
        let runs = Both { real: &day.real, what_if: &day.supposed };
        let commands = day.other_decisions.iter().map(|other| CommandLine {
            sequence: other.sequence,
            outcome: Both { real: other.real.clone(), what_if: other.supposed.clone() },
        });
        let slots = 0..u32::try_from(day.real.state.registry().slots().len()).unwrap_or(u32::MAX);
        let elsewhere =
            |run: &Run| run.tally.elsewhere.iter().map(|(name, sums)| (*name, sums.count)).collect();
        Self {
            question: question.text(),
            limits: LIMITS,
            from_cycle,
            entries: day.entries,
            left_out: day.left_out,
            still_waiting: Both::of(runs, |run| run.state.queue().len() as u64),
            totals: totals(runs),
            positions: slots.filter_map(|slot| position(runs, slot)).collect(),
            elsewhere: Both::of(runs, elsewhere),
            reasons: reasons(runs),
            cycles: cycles(runs),
            commands: commands.collect(),
            plots: Vec::new(),
        }
    }
}

fn name(run: &Run, slot: SlotHandle) -> Option<(String, Currency)> {
    let registry = run.state.registry();
    let terms = registry.slots().get(slot as usize)?;
    let participant = registry.participants().get(terms.participant as usize)?;
    Some((participant.bic.as_str().to_owned(), terms.currency))
}

fn position(runs: Both<&Run>, slot: SlotHandle) -> Option<PositionLine> {
    let (participant, currency) = name(runs.real, slot)?;
    let at = slot as usize;
    let tallies = Both { real: runs.real.tally.slots.get(at)?, what_if: runs.what_if.tally.slots.get(at)? };
    let is_idle = |tally: &SlotTally| tally.outcomes.is_empty() && tally.received.count == 0;
    if is_idle(tallies.real) && is_idle(tallies.what_if) {
        return None;
    }
    let counted = |sums: &BTreeMap<&'static str, Sums>| {
        sums.iter().map(|(name, sums)| (*name, Counted::of(*sums, currency))).collect()
    };
    let cap = |run: &Run| {
        let cap = run.state.registry().slots().get(at)?.cap;
        (cap != UNLIMITED).then(|| decimal(cap.into(), currency))
    };
    let each = |value: &dyn Fn(&SlotTally) -> String| Both {
        real: value(tallies.real),
        what_if: value(tallies.what_if),
    };
    Some(PositionLine {
        participant,
        currency: currency.code(),
        net_debit_cap: Both::of(runs, cap),
        sent: Both { real: counted(&tallies.real.outcomes), what_if: counted(&tallies.what_if.outcomes) },
        received: Both {
            real: Counted::of(tallies.real.received, currency),
            what_if: Counted::of(tallies.what_if.received, currency),
        },
        rejected: Both { real: counted(&tallies.real.reasons), what_if: counted(&tallies.what_if.reasons) },
        waited: Both {
            real: WaitedLine::of(tallies.real.waits),
            what_if: WaitedLine::of(tallies.what_if.waits),
        },
        peak_use: each(&|tally| signed_decimal(tally.peak_use, currency)),
    })
}

fn totals(runs: Both<&Run>) -> Vec<TotalLine> {
    let slots = runs.real.state.registry().slots();
    let currencies: BTreeSet<Currency> = slots.iter().map(|terms| terms.currency).collect();
    let total = |currency: Currency| {
        let of = |run: &Run| {
            let own = slots.iter().zip(&run.tally.slots).filter(|(terms, _)| terms.currency == currency);
            own.fold((Sums::default(), 0), |(sums, peak), (_, tally)| {
                let cleared = tally.outcomes.get("cleared").copied().unwrap_or_default();
                let sums = Sums { count: sums.count + cleared.count, value: sums.value + cleared.value };
                (sums, peak + tally.peak_use)
            })
        };
        let both = Both::of(runs, of);
        let is_idle = both.real.0.count == 0 && both.what_if.0.count == 0;
        (!is_idle).then(|| TotalLine {
            currency: currency.code(),
            cleared: Both {
                real: Counted::of(both.real.0, currency),
                what_if: Counted::of(both.what_if.0, currency),
            },
            peak_use: Both {
                real: signed_decimal(both.real.1, currency),
                what_if: signed_decimal(both.what_if.1, currency),
            },
        })
    };
    let mut totals: Vec<_> = currencies.into_iter().filter_map(total).collect();
    totals.sort_by_key(|line| line.currency);
    totals
}

fn reasons(runs: Both<&Run>) -> BTreeMap<&'static str, Both<u64>> {
    let mut reasons: BTreeMap<&'static str, Both<u64>> = BTreeMap::new();
    let of = |run: &Run| -> Vec<(&'static str, u64)> {
        let all = run.tally.slots.iter().flat_map(|tally| &tally.reasons);
        all.map(|(name, sums)| (*name, sums.count)).collect()
    };
    for (name, count) in of(runs.real) {
        reasons.entry(name).or_default().real += count;
    }
    for (name, count) in of(runs.what_if) {
        reasons.entry(name).or_default().what_if += count;
    }
    reasons
}

fn cycles(runs: Both<&Run>) -> Vec<CycleLine> {
    let keys: BTreeSet<(CycleNumber, SlotHandle)> =
        [runs.real, runs.what_if].into_iter().flat_map(|run| run.tally.nets.keys().copied()).collect();
    let mut cycles: BTreeMap<CycleNumber, Vec<NetLine>> = BTreeMap::new();
    for (cycle, slot) in keys {
        let Some((participant, currency)) = name(runs.real, slot) else { continue };
        let net =
            |run: &Run| signed_decimal(run.tally.nets.get(&(cycle, slot)).copied().unwrap_or(0), currency);
        let line = NetLine { participant, currency: currency.code(), net: Both::of(runs, net) };
        cycles.entry(cycle).or_default().push(line);
    }
    let state = |cycle| {
        move |run: &Run| run.state.registry().cycle(cycle).map_or("unknown", |cycle| cycle.state.name())
    };
    cycles
        .into_iter()
        .map(|(cycle, nets)| CycleLine { cycle, state: Both::of(runs, state(cycle)), nets })
        .collect()
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.from_cycle.map_or_else(String::new, |cycle| format!(", from cycle {cycle} on"));
        writeln!(f, "what if: {}", self.question)?;
        writeln!(f, "{} entries on the engine, in memory{from}", grouped(self.entries))?;
        writeln!(f, "{}", self.limits)?;
        if self.left_out > 0 {
            writeln!(f, "{} transfers are not submitted", grouped(self.left_out))?;
        }
        write!(f, "{}{}", self.counts(), self.values())?;
        let released = |line: &PositionLine| line.waited.real.released + line.waited.what_if.released;
        if self.positions.iter().any(|line| released(line) > 0) {
            write!(f, "{}", self.waits())?;
        }
        let Both { real, what_if } = self.still_waiting;
        if real + what_if > 0 {
            writeln!(f, "  payments that still wait: {}, what if {}", grouped(real), grouped(what_if))?;
        }
        if !self.reasons.is_empty() {
            write!(f, "{}", self.why())?;
        }
        self.print_cycles(f)?;
        for line in &self.commands {
            let Both { real, what_if } = &line.outcome;
            writeln!(f, "the command at sequence {} would have been {what_if}, was {real}", line.sequence)?;
        }
        match self.plots.as_slice() {
            [] => Ok(()),
            [first, more @ ..] => writeln!(f, "plots in {first} and {} more files beside it", more.len()),
        }
    }
}

impl Comparison {
    fn counts(&self) -> Table {
        // What was cleared or refused, or sent twice, or ended a hold, is done; all else has no money yet.
        let done = ["cleared", "rejected", "duplicate", "voided", LEFT_OUT];
        let count = |sent: &BTreeMap<&'static str, Counted>, is_counted: &dyn Fn(&str) -> bool| -> u64 {
            sent.iter().filter(|(name, _)| is_counted(name)).map(|(_, counted)| counted.count).sum()
        };
        let waiting = |name: &str| !done.contains(&name);
        let is_waiting = self
            .positions
            .iter()
            .any(|line| count(&line.sent.real, &waiting) + count(&line.sent.what_if, &waiting) > 0);
        let mut headings = vec!["participant", "", ">cleared", ">what if", ">rejected", ">what if"];
        let mut kinds: Vec<&dyn Fn(&str) -> bool> =
            vec![&|name| name == "cleared", &|name| name == "rejected"];
        if is_waiting {
            headings.extend([">held, queued", ">what if"]);
            kinds.push(&waiting);
        }
        let mut table = Table::new(&headings);
        for line in self.senders() {
            let mut cells = vec![line.participant.clone(), line.currency.to_owned()];
            for kind in &kinds {
                cells.extend([&line.sent.real, &line.sent.what_if].map(|sent| grouped(count(sent, kind))));
            }
            table.row(cells);
        }
        table
    }

    /// Positions from which anything was sent, in either run.
    fn senders(&self) -> impl Iterator<Item = &PositionLine> {
        self.positions.iter().filter(|line| !line.sent.real.is_empty() || !line.sent.what_if.is_empty())
    }

    fn values(&self) -> Table {
        let headings = [
            "participant",
            "",
            ">value cleared",
            ">what if",
            ">peak use",
            ">what if",
            ">net debit cap",
            ">what if",
        ];
        let mut table = Table::new(&headings);
        let cleared = |sent: &BTreeMap<&'static str, Counted>| {
            sent.get("cleared").map_or_else(|| "-".to_owned(), |counted| counted.value.clone())
        };
        let cap = |cap: &Option<String>| cap.clone().unwrap_or_else(|| "-".to_owned());
        for line in self.senders() {
            let mut cells = vec![line.participant.clone(), line.currency.to_owned()];
            cells.extend([cleared(&line.sent.real), cleared(&line.sent.what_if)]);
            cells.extend(line.peak_use.cells());
            cells.extend([cap(&line.net_debit_cap.real), cap(&line.net_debit_cap.what_if)]);
            table.row(cells);
        }
        for line in &self.totals {
            let mut cells = vec!["all".to_owned(), line.currency.to_owned()];
            cells.extend([line.cleared.real.value.clone(), line.cleared.what_if.value.clone()]);
            cells.extend(line.peak_use.cells());
            cells.extend([String::new(), String::new()]);
            table.row(cells);
        }
        table
    }

    fn waits(&self) -> Table {
        let headings =
            ["released", "", ">payments", ">what if", ">mean ms", ">longest", ">what if: mean", ">longest"];
        let mut table = Table::new(&headings);
        for line in self.senders() {
            let Both { real, what_if } = line.waited;
            if real.released + what_if.released > 0 {
                let mut cells = vec![line.participant.clone(), line.currency.to_owned()];
                cells.extend([grouped(real.released), grouped(what_if.released)]);
                cells.extend(real.cells().into_iter().chain(what_if.cells()));
                table.row(cells);
            }
        }
        table
    }

    fn why(&self) -> Table {
        let mut table = Table::new(&["rejected for", ">transfers", ">what if"]);
        for (reason, Both { real, what_if }) in &self.reasons {
            table.row(vec![(*reason).to_owned(), grouped(*real), grouped(*what_if)]);
        }
        table
    }

    fn print_cycles(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.cycles.iter().take(CYCLES_PRINTED) {
            let mut table = Table::new(&[&format!("cycle {}", line.cycle), "", ">net", ">what if"]);
            for net in &line.nets {
                let [real, what_if] = net.net.cells();
                table.row(vec![net.participant.clone(), net.currency.to_owned(), real, what_if]);
            }
            write!(f, "{table}")?;
        }
        match self.cycles.len().saturating_sub(CYCLES_PRINTED) {
            0 => Ok(()),
            more => writeln!(f, "  … and {more} more cycles: see --json"),
        }
    }
}

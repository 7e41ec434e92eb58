//! Tables of defaults: recasts of a cycle without a participant, and the waterfall that covers what it owes.

use feiqian_core::command::Command;
use feiqian_core::default::command::DefaultCommand;
use feiqian_core::outcome::RejectReason::{
    AlreadyRecast, BadNets, CycleState, FourEyesRequired, ShortfallMismatch, UnknownCycle,
    UnknownParticipant, UnknownPosition, WaterfallOrder,
};
use feiqian_tests::world::{Expected, Eyes, bic, cleared, currency, rejected, row};

use crate::trial::Trial;

fn recast(without: &str, nets: &[(u32, i128)]) -> Command {
    Command::Default(DefaultCommand::Recast { cycle: 1, without: bic(without), nets: nets.to_vec() })
}

fn waterfall(bank: &str, (own, fund): (u64, u64), survivors: &[(u32, u64)]) -> Command {
    let (bic, currency) = (bic(bank), currency("EUR"));
    Command::Default(DefaultCommand::Waterfall {
        cycle: 1,
        bic,
        currency,
        own,
        fund,
        survivors: survivors.to_vec(),
    })
}

fn collateral(bank: &str, amount: u64) -> Command {
    Command::Default(DefaultCommand::SetCollateral { bic: bic(bank), currency: currency("EUR"), amount })
}

fn fund(amount: u64) -> Command {
    Command::Default(DefaultCommand::SetDefaultFund { currency: currency("EUR"), amount })
}

/// In cycle 1, A owes B 100 and C 50, and B owes C 30: A -150, B 70, C 80, by slot.
fn day() -> (Trial, [u32; 3]) {
    let mut trial = Trial::standard();
    trial.check(&[row("A", "B", 100, cleared()), row("A", "C", 50, cleared()), row("B", "C", 30, cleared())]);
    trial.order(Command::CloseCycle { cycle: 1 }, cleared());
    let registry = trial.serial.state.registry();
    let slots = ["A", "B", "C"].map(|bank| registry.slot_of(bic(bank), currency("EUR")).expect("open"));
    (trial, slots)
}

fn closed(trial: &Trial) -> Vec<i128> {
    let registry = trial.serial.state.registry();
    let of = |bank| {
        let slot = registry.slot_of(bic(bank), currency("EUR")).expect("open");
        trial.serial.state.slot(slot).expect("open").closed_net(1)
    };
    ["A", "B", "C"].map(of).to_vec()
}

fn clearing(trial: &Trial) -> Vec<i128> {
    let registry = trial.serial.state.registry();
    let of = |bank| {
        let slot = registry.slot_of(bic(bank), currency("EUR")).expect("open");
        let account = registry.slots()[slot as usize].clearing_account;
        trial.serial.state.account(account).expect("open").balance
    };
    ["A", "B", "C"].map(of).to_vec()
}

fn in_order(trial: &mut Trial, rows: Vec<(Command, Expected)>) {
    for (command, expected) in rows {
        trial.order(command, expected);
    }
}

#[test]
fn a_recast_leaves_the_others_what_they_owe_each_other_and_books_the_rest() {
    let (mut trial, [_, b, c]) = day();
    let before = clearing(&trial);
    trial.order(recast("A", &[(b, -30), (c, 30)]), cleared());
    assert_eq!(closed(&trial), [0, -30, 30]);
    let moved: Vec<_> = clearing(&trial).iter().zip(&before).map(|(after, before)| after - before).collect();
    assert_eq!(moved, [150, -100, -50]);
    trial.order(Command::Seal { height: trial.serial.state.registry().open_block() }, cleared());
    let mirror = trial.serial.sealer.mirror();
    assert_eq!(mirror.closing(1).expect("kept").nets, [(b, -30), (c, 30)]);
    let nets: i128 = mirror.nets_at_close(1).expect("kept").iter().map(|(_, net)| net.abs()).sum();
    assert_eq!(nets, 300);
    assert_eq!(mirror.adjustments.len(), 3);
    trial.order(Command::InstructCycle { cycle: 1 }, cleared());
    trial.order(Command::SettleCycle { cycle: 1 }, cleared());
    assert_eq!(closed(&trial), [0, 0, 0]);
    assert!(trial.picture().steps.is_empty());
}

#[test]
fn what_a_recast_says_is_checked() {
    let (mut trial, [a, b, c]) = day();
    let rows = vec![
        (recast("Z", &[]), rejected(UnknownParticipant)),
        (recast("A", &[(b, -30), (c, 31)]), rejected(BadNets)),
        (recast("A", &[(c, 30), (b, -30)]), rejected(BadNets)),
        (recast("A", &[(b, -30), (b, 30)]), rejected(BadNets)),
        (recast("A", &[(a, -30), (b, 30)]), rejected(BadNets)),
        (recast("A", &[(b, 0), (c, 0)]), rejected(BadNets)),
        (recast("A", &[(b, -1 << 90), (c, 1 << 90)]), rejected(BadNets)),
        (recast("A", &[(b, -30), (99, 30)]), rejected(BadNets)),
        (
            Command::Default(DefaultCommand::Recast { cycle: 2, without: bic("A"), nets: vec![] }),
            rejected(CycleState),
        ),
        (
            Command::Default(DefaultCommand::Recast { cycle: 9, without: bic("A"), nets: vec![] }),
            rejected(UnknownCycle),
        ),
        (recast("A", &[(b, -30), (c, 30)]), cleared()),
        (recast("A", &[(b, -30), (c, 30)]), rejected(AlreadyRecast)),
        (recast("B", &[]), cleared()),
    ];
    in_order(&mut trial, rows);
    trial.order_with(recast("C", &[]), Eyes::Two, rejected(FourEyesRequired));
    assert_eq!(closed(&trial), [0, 0, 0]);
}

#[test]
fn a_waterfall_takes_the_collateral_then_the_fund_then_the_survivors() {
    let (mut trial, [a, b, c]) = day();
    let before = clearing(&trial);
    let rows = vec![
        (collateral("A", 60), cleared()),
        (fund(40), cleared()),
        (waterfall("A", (61, 40), &[(b, 25), (c, 24)]), rejected(WaterfallOrder)),
        (waterfall("A", (60, 39), &[(b, 26), (c, 25)]), rejected(WaterfallOrder)),
        (waterfall("A", (59, 41), &[(b, 25), (c, 25)]), rejected(WaterfallOrder)),
        (waterfall("A", (59, 1), &[]), rejected(WaterfallOrder)),
        (waterfall("A", (60, 40), &[(b, 25), (c, 24)]), rejected(ShortfallMismatch)),
        (waterfall("A", (60, 40), &[(c, 25), (b, 25)]), rejected(BadNets)),
        (waterfall("A", (60, 40), &[(a, 25), (b, 25)]), rejected(BadNets)),
        (waterfall("A", (60, 40), &[(b, 50), (c, 0)]), rejected(BadNets)),
        (waterfall("B", (0, 0), &[]), rejected(ShortfallMismatch)),
        (waterfall("A", (60, 40), &[(b, 33), (c, 17)]), cleared()),
        (waterfall("A", (0, 0), &[]), rejected(AlreadyRecast)),
        (recast("A", &[(b, -30), (c, 30)]), rejected(AlreadyRecast)),
    ];
    in_order(&mut trial, rows);
    // A still pays in what comes out of its collateral and the fund.
    assert_eq!(closed(&trial), [-100, 37, 63]);
    let moved: Vec<_> = clearing(&trial).iter().zip(&before).map(|(after, before)| after - before).collect();
    assert_eq!(moved, [50, -33, -17]);
    let picture = trial.picture();
    assert_eq!((picture.collateral.len(), picture.fund.len(), picture.steps.len()), (0, 0, 1));
    trial.order(Command::InstructCycle { cycle: 1 }, cleared());
    trial.order(Command::SettleCycle { cycle: 1 }, cleared());
}

#[test]
fn collateral_that_is_enough_leaves_the_others_alone() {
    let (mut trial, [_, b, c]) = day();
    trial.order(collateral("A", 1_000), cleared());
    trial.order(waterfall("A", (150, 0), &[]), cleared());
    assert_eq!(closed(&trial), [-150, 70, 80]);
    assert_eq!(trial.picture().collateral.values().copied().collect::<Vec<_>>(), [850]);
    let unknown = DefaultCommand::SetCollateral { bic: bic("A"), currency: currency("KWD"), amount: 1 };
    trial.order(Command::Default(unknown), rejected(UnknownPosition));
    let _ = (b, c);
}

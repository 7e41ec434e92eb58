//! Tables of settlement models: what a closing cycle sets aside, and what is final at once.

use feiqian_core::command::Command;
use feiqian_core::model::Model;
use feiqian_core::outcome::RejectReason::{
    FourEyesRequired, MalformedRecord, ModelFixed, NetDebitCapExceeded,
};
use feiqian_core::transfer::flags;
use feiqian_tests::world::{Eyes, World, cleared, currency, queued, rejected, row};

use crate::trial::Trial;

/// Banks A and B, and S, the settlement bank that pays in and out.
fn house(model: Model) -> Trial {
    let mut world = World::begun();
    ["A", "B", "S"].iter().for_each(|bank| world.admit(bank));
    world.push_command(Command::SetModel { currency: currency("EUR"), model }, Eyes::Four);
    world.open_position("A", "EUR", 0);
    world.open_position("B", "EUR", 0);
    world.open_position("S", "EUR", feiqian_core::account::UNLIMITED);
    Trial::new(world)
}

fn close(trial: &mut Trial) {
    let cycle = trial.serial.state.registry().open_cycle();
    trial.order(Command::CloseCycle { cycle }, cleared());
}

#[test]
fn gross_and_hybrid_positions_carry_over_and_leave_nothing_to_pay() {
    for model in [Model::Gross, Model::Hybrid] {
        let mut trial = house(model);
        trial.check(&[
            row("A", "B", 1, rejected(NetDebitCapExceeded)),
            row("S", "A", 100, cleared()),
            row("A", "B", 70, cleared()),
            row("A", "B", 31, rejected(NetDebitCapExceeded)),
        ]);
        close(&mut trial);
        assert_eq!((trial.position("A"), trial.position("B"), trial.position("S")), (30, 70, -100));
        assert!(trial.picture().slots.iter().all(|(_, cell)| cell.closed.is_empty()), "{model:?}");
        trial.check(&[row("B", "S", 70, cleared()), row("A", "B", 30, cleared())]);
        trial.order(Command::InstructCycle { cycle: 1 }, cleared());
        trial.order(Command::SettleCycle { cycle: 1 }, cleared());
        assert_eq!((trial.position("A"), trial.balance("A"), trial.balance("B")), (0, 0, 30));
    }
}

#[test]
fn deferred_positions_are_set_aside() {
    for model in [Model::Multilateral, Model::Bilateral] {
        let mut trial = house(model);
        trial.check(&[row("S", "A", 100, cleared()), row("A", "B", 70, cleared())]);
        close(&mut trial);
        assert_eq!((trial.position("A"), trial.position("B")), (0, 0));
        trial.check(&[row("A", "B", 1, rejected(NetDebitCapExceeded))]);
    }
}

#[test]
fn nothing_waits_in_a_gross_currency_and_all_may_in_the_others() {
    let waits = queued(Some(NetDebitCapExceeded));
    for (model, expected) in [
        (Model::Gross, rejected(MalformedRecord)),
        (Model::Hybrid, waits),
        (Model::Bilateral, waits),
        (Model::Multilateral, waits),
    ] {
        let mut trial = house(model);
        trial.check(&[row("A", "B", 5, expected).queue(1).flagged(flags::URGENT)]);
    }
}

#[test]
fn a_currency_settles_as_it_was_fixed_before_its_first_position() {
    let mut trial = Trial::standard();
    let order = |code, model| Command::SetModel { currency: currency(code), model };
    trial.order(order("EUR", Model::Gross), rejected(ModelFixed));
    trial.order_with(order("JPY", Model::Gross), Eyes::Two, rejected(FourEyesRequired));
    trial.order(order("JPY", Model::Gross), cleared());
    trial.order(order("JPY", Model::Hybrid), cleared());
    assert_eq!(trial.serial.state.registry().models().of(currency("JPY")), Model::Hybrid);
}

//! Tables of commands: who must approve, what is refused, and what stays closed.

use feiqian_core::account::{AccountState, UNLIMITED};
use feiqian_core::command::{Command, Genesis};
use feiqian_core::limits::ACCOUNTS_OPENED_MAX;
use feiqian_core::outcome::RejectReason::{
    AccountNotEmpty, AlreadyRegistered, CycleState, FourEyesRequired, GenesisMisplaced, IdReused,
    LimitReached, MalformedCommand, MissingId, SameAccount, UnknownAccount, UnknownCycle, UnknownParticipant,
    UnknownPosition,
};
use feiqian_core::participant::ParticipantState;
use feiqian_core::secrets::SaltSecret;
use feiqian_proof::signature::PublicKey;
use feiqian_tests::world::{
    Expected, Eyes, NOWHERE, World, bic, cleared, currency, duplicate, entry, genesis, officer_key, rejected,
    row,
};

use crate::trial::Trial;

fn risky(trial: &Trial) -> Vec<Command> {
    let (bic_of_a, eur, account) = (bic("A"), currency("EUR"), trial.world.account("a1"));
    let frozen = trial.world.account("a2");
    vec![
        Command::RegisterParticipant { bic: bic("Z"), name: "Bank Z".into(), key: None },
        Command::SetParticipantState { bic: bic("B"), state: ParticipantState::Active },
        Command::OpenPosition { bic: bic("C"), currency: currency("USD"), cap: 0 },
        Command::SetNetDebitCap { bic: bic_of_a, currency: eur, cap: 1_001 },
        Command::OpenAccounts { bic: bic_of_a, currency: eur, count: 1, credit_line: 1 },
        Command::SetAccountState { account: frozen, state: AccountState::Open },
        Command::SetAccountState { account: frozen, state: AccountState::SendOnly },
        Command::SetAccountState { account: frozen, state: AccountState::ReceiveOnly },
        Command::SetAccountState { account, state: AccountState::Closed },
        Command::SetCreditLine { account, credit_line: 5 },
        Command::CloseCycle { cycle: 1 },
        Command::InstructCycle { cycle: 1 },
        Command::SettleCycle { cycle: 1 },
        Command::FailCycle { cycle: 1 },
        Command::RotateSalts { secret: SaltSecret([1; 32]) },
    ]
}

#[test]
fn i7_a_risky_command_needs_the_eyes_of_two_officers() {
    let mut trial = Trial::standard();
    let account = trial.world.account("a2");
    trial.order(Command::SetAccountState { account, state: AccountState::Frozen }, cleared());
    trial
        .order(Command::SetParticipantState { bic: bic("B"), state: ParticipantState::Suspended }, cleared());
    let before = trial.picture();
    for command in risky(&trial) {
        let few = [Eyes::None, Eyes::Two, Eyes::TwoTwice, Eyes::Borrowed, Eyes::Stranger, Eyes::Elsewhere];
        for eyes in few {
            trial.order_with(command.clone(), eyes, rejected(FourEyesRequired));
        }
    }
    assert_eq!(trial.picture(), before);
}

#[test]
fn what_only_names_or_opens_without_credit_needs_no_approval() {
    let mut trial = Trial::standard();
    let account = trial.world.account("a1");
    let harmless = [
        Command::RegisterAlias { alias: "IBAN:XX00".into(), account },
        Command::OpenAccounts { bic: bic("A"), currency: currency("EUR"), count: 2, credit_line: 0 },
        Command::Seal { height: 1 },
    ];
    for command in harmless {
        trial.order_with(command, Eyes::None, cleared());
    }
}

#[test]
fn every_command_is_refused_for_what_it_names_wrongly() {
    let mut trial = Trial::standard();
    let (nobody, nowhere, eur, usd) = (bic("Z"), NOWHERE, currency("EUR"), currency("USD"));
    let account = trial.world.account("a1");
    trial.order(Command::RegisterAlias { alias: "IBAN:XX00".into(), account }, cleared());
    let (state, credit_line, cap) = (AccountState::Open, 1, 1);
    let open = |bic, currency, count| Command::OpenAccounts { bic, currency, count, credit_line: 0 };
    let rows = [
        (Command::RegisterParticipant { bic: bic("A"), name: String::new(), key: None }, AlreadyRegistered),
        (Command::SetParticipantState { bic: nobody, state: ParticipantState::Active }, UnknownParticipant),
        (Command::OpenPosition { bic: nobody, currency: eur, cap }, UnknownParticipant),
        (Command::OpenPosition { bic: bic("A"), currency: eur, cap }, AlreadyRegistered),
        (Command::SetNetDebitCap { bic: nobody, currency: eur, cap }, UnknownParticipant),
        (Command::SetNetDebitCap { bic: bic("C"), currency: usd, cap }, UnknownPosition),
        (open(nobody, eur, 1), UnknownParticipant),
        (open(bic("C"), usd, 0), UnknownPosition),
        (open(bic("A"), eur, 0), LimitReached),
        (open(bic("A"), eur, ACCOUNTS_OPENED_MAX + 1), LimitReached),
        (Command::SetAccountState { account: nowhere, state }, UnknownAccount),
        (Command::SetCreditLine { account: nowhere, credit_line }, UnknownAccount),
        (Command::RegisterAlias { alias: "IBAN:XX01".into(), account: nowhere }, UnknownAccount),
        (Command::RegisterAlias { alias: "IBAN:XX00".into(), account }, AlreadyRegistered),
        (Command::Seal { height: 2 }, CycleState),
        (Command::Seal { height: 0 }, CycleState),
        (Command::CloseCycle { cycle: 2 }, UnknownCycle),
        (Command::CloseCycle { cycle: 0 }, UnknownCycle),
        (Command::InstructCycle { cycle: 1 }, CycleState),
        (Command::SettleCycle { cycle: 1 }, CycleState),
        (Command::FailCycle { cycle: 9 }, UnknownCycle),
        // The one that the chain began with.
        (Command::RotateSalts { secret: SaltSecret([0x5A; 32]) }, AlreadyRegistered),
    ];
    let before = trial.picture();
    for (command, reason) in rows {
        trial.order(command, rejected(reason));
    }
    assert_eq!(trial.picture(), before);
}

#[test]
fn rotated_salts_begin_with_the_next_cycle_and_no_secret_comes_again() {
    let mut trial = Trial::standard();
    let rotate = |number| Command::RotateSalts { secret: SaltSecret([number; 32]) };
    trial.order(rotate(1), cleared());
    trial.order(Command::Seal { height: 1 }, cleared());
    assert!(trial.picture().secrets.is_empty(), "blocks of the open cycle keep theirs");
    trial.order(rotate(1), rejected(AlreadyRegistered));
    trial.order(rotate(2), cleared());
    trial.order(Command::CloseCycle { cycle: 1 }, cleared());
    assert_eq!(trial.picture().secrets.into_iter().collect::<Vec<_>>(), [(3, [2; 32])]);
    trial.order(rotate(2), rejected(AlreadyRegistered));
    trial.order(Command::CloseCycle { cycle: 2 }, cleared());
    assert_eq!(trial.picture().secrets.len(), 1, "a cycle without a rotation goes on with the last secret");
    trial.order(rotate(3), cleared());
    trial.order(Command::CloseCycle { cycle: 3 }, cleared());
    let picture = trial.picture();
    assert_eq!(picture.secrets.into_iter().collect::<Vec<_>>(), [(3, [2; 32]), (5, [3; 32])]);
    assert_eq!(picture.next_secret, None);
}

#[test]
fn i3_a_command_id_is_taken_once_in_one_space_with_transfers() {
    let mut trial = Trial::standard();
    let seal = |height| entry(500, Command::Seal { height }, Eyes::None).encode();
    let journal = |trial: &mut Trial, bytes, expected| {
        trial.world.push_bytes(bytes);
        assert_eq!(Expected::of(&trial.apply().rows[0]), expected);
    };
    journal(&mut trial, seal(1), cleared());
    journal(&mut trial, seal(1), duplicate());
    journal(&mut trial, seal(2), rejected(IdReused));
    trial.check(&[row("A", "B", 1, rejected(IdReused)).id(500), row("A", "B", 1, cleared()).id(501)]);
    journal(&mut trial, entry(501, Command::Seal { height: 2 }, Eyes::None).encode(), rejected(IdReused));
    journal(&mut trial, entry(0, Command::Seal { height: 2 }, Eyes::None).encode(), rejected(MissingId));
    // An entry without its approvals has taken its id: with them it needs a new one.
    let close = |eyes| entry(502, Command::CloseCycle { cycle: 1 }, eyes).encode();
    journal(&mut trial, close(Eyes::Two), rejected(FourEyesRequired));
    journal(&mut trial, close(Eyes::Four), rejected(IdReused));
}

#[test]
fn bytes_that_are_no_command_take_no_id() {
    let mut trial = Trial::standard();
    let good = entry(600, Command::Seal { height: 1 }, Eyes::None).encode();
    let longer = [&good[..], &[0]].concat();
    let mut newer = good.clone();
    newer[0] = 2;
    for bytes in [vec![], good[..20].to_vec(), longer, newer] {
        trial.world.push_bytes(bytes);
        assert_eq!(Expected::of(&trial.apply().rows[0]), rejected(MalformedCommand));
    }
    trial.world.push_bytes(good);
    assert_eq!(Expected::of(&trial.apply().rows[0]), cleared());
}

#[test]
fn genesis_comes_first_and_once() {
    let mut trial = Trial::new(World::default());
    trial.check(&[row("?", "?", 1, rejected(SameAccount))]);
    trial.order(Command::Seal { height: 0 }, rejected(GenesisMisplaced));
    let twin = (1, PublicKey::of(&officer_key(1)));
    let other = (2, PublicKey::of(&officer_key(2)));
    for officers in [vec![twin, (2, twin.1)], vec![twin, (1, other.1)]] {
        let same = Command::Genesis(Genesis { officers, ..genesis(7) });
        trial.order_with(same, Eyes::None, rejected(MalformedCommand));
    }
    trial.order_with(Command::Genesis(genesis(7)), Eyes::None, cleared());
    trial.order_with(Command::Genesis(genesis(7)), Eyes::None, rejected(GenesisMisplaced));
    trial.order(Command::RegisterParticipant { bic: bic("A"), name: "A".into(), key: None }, cleared());
}

#[test]
fn an_account_that_is_not_empty_can_not_be_closed() {
    let mut trial = Trial::standard();
    let (account, state) = (trial.world.account("a1"), AccountState::Closed);
    trial.check(&[row("A", "a1", 1, cleared())]);
    trial.order(Command::SetAccountState { account, state }, rejected(AccountNotEmpty));
    trial.check(&[row("a1", "A", 1, cleared())]);
    trial.order(Command::SetAccountState { account, state }, cleared());
}

#[test]
fn a_credit_line_may_bind_a_clearing_account_too() {
    let mut trial = Trial::standard();
    let account = trial.world.account("C");
    trial.order(Command::SetCreditLine { account, credit_line: 10 }, cleared());
    let reason = feiqian_core::outcome::RejectReason::InsufficientFunds;
    trial.check(&[row("C", "B", 11, rejected(reason)), row("C", "B", 10, cleared())]);
    trial.order(Command::SetCreditLine { account, credit_line: UNLIMITED }, cleared());
    trial.check(&[row("C", "B", 11, cleared())]);
}

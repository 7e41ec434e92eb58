//! Tables of four eyes in two entries: who may propose and approve, what loosens and therefore waits, and who the
//! officers are.

use feiqian_core::account::{AccountState, UNLIMITED};
use feiqian_core::authority::{AuthorityCommand, ProposalCommand};
use feiqian_core::block::Sealer;
use feiqian_core::command::{Command, Genesis, OfficerNumber};
use feiqian_core::limits::{DELAY_SECONDS_MAX, PROPOSAL_SECONDS_MAX, PROPOSALS_MAX};
use feiqian_core::mirror::Mirror;
use feiqian_core::outcome::RejectReason::{
    AccountNotEmpty, AlreadyRegistered, CycleState, FourEyesRequired, LimitReached, MalformedCommand,
    ProposalEarly, ProposalRequired, UnknownOfficer, UnknownParticipant, UnknownPosition, UnknownProposal,
};
use feiqian_core::participant::ParticipantState;
use feiqian_core::secrets::SaltSecret;
use feiqian_proof::hash::Hash;
use feiqian_proof::signature::PublicKey;
use feiqian_tests::world::{
    Expected, Eyes, NOWHERE, bic, cleared, currency, genesis, officer_key, rejected, row,
};

use crate::trial::Trial;

const HOUR: u32 = 3_600;

fn cap(bank: &str, cap: u64) -> Command {
    Command::SetNetDebitCap { bic: bic(bank), currency: currency("EUR"), cap }
}

fn delay(seconds: u32) -> Command {
    Command::Authority(AuthorityCommand::SetDelay { seconds })
}

fn remove(officer: OfficerNumber) -> Command {
    Command::Authority(AuthorityCommand::RemoveOfficer { officer })
}

fn add(officer: OfficerNumber, key: OfficerNumber) -> Command {
    Command::Authority(AuthorityCommand::AddOfficer { officer, key: public(key) })
}

fn public(key: OfficerNumber) -> PublicKey {
    PublicKey::of(&officer_key(key))
}

impl Trial {
    /// Gives the proposal's id and the digest of what it proposes.
    pub(crate) fn propose(
        &mut self,
        officer: OfficerNumber,
        command: Command,
        expected: Expected,
    ) -> (u128, Hash) {
        let content = command.content();
        let propose = ProposalCommand::Propose { command: Box::new(command), expires_after: HOUR };
        self.order_with(Command::Proposal(propose), Eyes::Of(officer), expected);
        (self.world.records().last().expect("pushed").uetr.get(), content)
    }

    pub(crate) fn approve(
        &mut self,
        officer: OfficerNumber,
        (proposal, content): (u128, Hash),
        expected: Expected,
    ) {
        let approve = ProposalCommand::Approve { proposal, content };
        self.order_with(Command::Proposal(approve), Eyes::Of(officer), expected);
    }

    fn enact(&mut self, proposal: u128, expected: Expected) {
        self.order_with(Command::Proposal(ProposalCommand::Enact { proposal }), Eyes::None, expected);
    }

    fn withdraw(&mut self, officer: OfficerNumber, proposal: u128, expected: Expected) {
        let withdraw = Command::Proposal(ProposalCommand::Withdraw { proposal });
        self.order_with(withdraw, Eyes::Of(officer), expected);
    }

    fn cap_of_a(&self) -> u64 {
        self.picture().slots[0].0.cap
    }
}

#[test]
fn what_one_officer_proposes_another_approves_once_and_it_is_done_there() {
    let mut trial = Trial::standard();
    let proposal = trial.propose(1, cap("A", 2_000), cleared());
    assert_eq!(trial.cap_of_a(), 1_000, "a proposal moves nothing");
    trial.approve(2, proposal, cleared());
    assert_eq!(trial.cap_of_a(), 2_000);
    trial.approve(3, proposal, rejected(UnknownProposal));
    assert_eq!(trial.picture().proposals, []);
}

#[test]
fn nobody_approves_an_own_proposal_or_without_being_one_officer() {
    let mut trial = Trial::standard();
    let (proposal, content) = trial.propose(1, cap("A", 2_000), cleared());
    let approve = Command::Proposal(ProposalCommand::Approve { proposal, content });
    let wrong =
        [Eyes::Of(1), Eyes::Of(9), Eyes::None, Eyes::Four, Eyes::TwoTwice, Eyes::Borrowed, Eyes::Stranger];
    for eyes in wrong {
        trial.order_with(approve.clone(), eyes, rejected(FourEyesRequired));
    }
    trial.approve(2, (proposal, Hash([0; 32])), rejected(UnknownProposal));
    trial.approve(2, (proposal + 1_000, content), rejected(UnknownProposal));
    assert_eq!(trial.cap_of_a(), 1_000);
    trial.approve(2, (proposal, content), cleared());
}

#[test]
fn an_officer_with_another_number_and_the_same_key_is_the_same_officer() {
    let mut trial = Trial::standard();
    let first = trial.propose(3, cap("A", 2_000), cleared());
    trial.order(add(4, 3), rejected(AlreadyRegistered));
    // Out of office under one number, in again under another: what 3 signed is gone, and so is the way round.
    trial.order(remove(3), cleared());
    trial.order(add(4, 3), cleared());
    let approve = ProposalCommand::Approve { proposal: first.0, content: first.1 };
    trial.order_with(Command::Proposal(approve), Eyes::Of(1), rejected(UnknownProposal));
    assert_eq!(trial.cap_of_a(), 1_000);
}

#[test]
fn a_proposal_is_signed_by_one_officer_and_proposes_what_may_be() {
    let mut trial = Trial::standard();
    let before = trial.picture();
    let propose = |command: Command, expires_after| {
        Command::Proposal(ProposalCommand::Propose { command: Box::new(command), expires_after })
    };
    for eyes in [Eyes::None, Eyes::Four, Eyes::Of(9), Eyes::TwoTwice] {
        trial.order_with(propose(cap("A", 2_000), HOUR), eyes, rejected(FourEyesRequired));
    }
    let nested = propose(propose(cap("A", 2_000), HOUR), HOUR);
    let begin: Genesis = genesis(7);
    let rows = [
        (nested, MalformedCommand),
        (propose(Command::Proposal(ProposalCommand::Enact { proposal: 1 }), HOUR), MalformedCommand),
        (propose(Command::Seal { height: 1 }, HOUR), MalformedCommand),
        (propose(Command::Genesis(begin), HOUR), MalformedCommand),
        (propose(cap("Z", 1), HOUR), UnknownParticipant),
        (propose(Command::SettleCycle { cycle: 1 }, HOUR), CycleState),
        (propose(remove(9), 0), LimitReached),
        (propose(cap("A", 2_000), 0), LimitReached),
        (propose(cap("A", 2_000), PROPOSAL_SECONDS_MAX + 1), LimitReached),
    ];
    for (command, reason) in rows {
        trial.order_with(command, Eyes::Of(1), rejected(reason));
    }
    assert_eq!(trial.picture(), before);
}

#[test]
fn proposals_expire_by_the_time_of_frames_and_are_bounded() {
    let mut trial = Trial::standard();
    let proposal = trial.propose(1, cap("A", 2_000), cleared());
    for _ in 1..PROPOSALS_MAX {
        trial.propose(2, cap("B", 5), cleared());
    }
    trial.propose(3, cap("B", 5), rejected(LimitReached));
    trial.wait(u64::from(HOUR) - 1);
    trial.propose(3, cap("B", 5), rejected(LimitReached));
    trial.wait(1);
    trial.approve(2, proposal, rejected(UnknownProposal));
    trial.withdraw(1, proposal.0, rejected(UnknownProposal));
    assert_eq!(trial.picture().proposals.len(), PROPOSALS_MAX, "a refusal changes nothing");
    trial.propose(3, cap("B", 5), cleared());
    assert_eq!(trial.picture().proposals.len(), 1);
}

#[test]
fn a_proposal_stands_to_the_last_nanosecond_before_its_end() {
    let mut trial = Trial::standard();
    let proposal = trial.propose(1, cap("A", 2_000), cleared());
    trial.world.wait(std::time::Duration::from_nanos(u64::from(HOUR) * 1_000_000_000 - 1));
    trial.approve(2, proposal, cleared());
}

#[test]
fn what_no_longer_fits_is_refused_for_its_own_reason_and_stays_proposed() {
    let mut trial = Trial::standard();
    let account = trial.world.account("a1");
    let proposal =
        trial.propose(1, Command::SetAccountState { account, state: AccountState::Closed }, cleared());
    let close = trial.propose(1, Command::CloseCycle { cycle: 1 }, cleared());
    trial.check(&[row("B", "a1", 5, cleared())]);
    trial.approve(2, proposal, rejected(AccountNotEmpty));
    trial.check(&[row("a1", "B", 5, cleared())]);
    trial.approve(2, proposal, cleared());
    trial.order(Command::CloseCycle { cycle: 1 }, cleared());
    trial.approve(2, close, rejected(CycleState));
    assert_eq!(trial.picture().proposals.len(), 1);
}

#[test]
fn an_approved_closing_of_a_cycle_seals_its_block_there() {
    let mut trial = Trial::standard();
    trial.check(&[row("B", "A", 7, cleared())]);
    let close = trial.propose(1, Command::CloseCycle { cycle: 1 }, cleared());
    trial.approve(2, close, cleared());
    let picture = trial.picture();
    assert_eq!((picture.open_block, picture.cycles.len(), picture.cycles[0].end_block), (2, 2, 2));
    assert_eq!(trial.serial.sealer.height(), 1);
}

#[test]
fn any_officer_withdraws_a_proposal_and_an_approved_one_too() {
    let mut trial = Trial::standard();
    trial.order(delay(60), cleared());
    let own = trial.propose(1, cap("A", 2_000), cleared());
    let of_another = trial.propose(1, cap("A", 2_000), cleared());
    let approved = trial.propose(1, cap("A", 2_000), cleared());
    trial.approve(2, approved, cleared());
    trial.withdraw(9, own.0, rejected(FourEyesRequired));
    trial.withdraw(1, own.0, cleared());
    trial.withdraw(1, own.0, rejected(UnknownProposal));
    trial.withdraw(3, of_another.0, cleared());
    trial.withdraw(3, approved.0, cleared());
    trial.wait(60);
    trial.enact(approved.0, rejected(UnknownProposal));
    assert_eq!(trial.cap_of_a(), 1_000);
}

#[test]
fn an_approved_loosening_is_put_in_force_when_its_time_has_come_and_not_before() {
    let mut trial = Trial::standard();
    trial.order(delay(60), cleared());
    trial.order(cap("A", 2_000), rejected(ProposalRequired));
    let proposal = trial.propose(1, cap("A", 2_000), cleared());
    trial.enact(proposal.0, rejected(UnknownProposal));
    trial.approve(2, proposal, cleared());
    trial.approve(3, proposal, rejected(UnknownProposal));
    assert_eq!(trial.cap_of_a(), 1_000);
    trial.wait(59);
    trial.enact(proposal.0, rejected(ProposalEarly));
    trial.check(&[row("A", "B", 1_001, rejected(feiqian_core::outcome::RejectReason::NetDebitCapExceeded))]);
    trial.wait(1);
    trial.enact(proposal.0, cleared());
    assert_eq!(trial.cap_of_a(), 2_000);
    trial.check(&[row("A", "B", 1_001, cleared())]);
    trial.enact(proposal.0, rejected(UnknownProposal));
}

#[test]
fn what_waits_too_long_for_its_entry_is_gone() {
    let mut trial = Trial::standard();
    trial.order(delay(60), cleared());
    let proposal = trial.propose(1, cap("A", 2_000), cleared());
    trial.approve(2, proposal, cleared());
    trial.wait(60 + u64::from(HOUR));
    trial.enact(proposal.0, rejected(UnknownProposal));
}

#[test]
fn a_shorter_delay_waits_as_long_as_the_old_one_and_a_longer_one_not() {
    let mut trial = Trial::standard();
    trial.order(delay(60), cleared());
    trial.order(delay(DELAY_SECONDS_MAX + 1), rejected(LimitReached));
    trial.order_with(delay(120), Eyes::Two, rejected(FourEyesRequired));
    trial.order(delay(120), cleared());
    trial.order(delay(0), rejected(ProposalRequired));
    let shorter = trial.propose(1, delay(0), cleared());
    trial.approve(2, shorter, cleared());
    trial.wait(119);
    trial.enact(shorter.0, rejected(ProposalEarly));
    trial.wait(1);
    trial.enact(shorter.0, cleared());
    trial.order(cap("A", 2_000), cleared());
}

#[test]
fn what_only_stops_or_lowers_is_one_persons_and_never_delayed() {
    let mut trial = Trial::standard();
    trial.order(delay(60), cleared());
    let account = trial.world.account("a3");
    let rows = [
        cap("A", 999),
        Command::SetCreditLine { account, credit_line: 49 },
        Command::SetAccountState { account, state: AccountState::SendOnly },
        Command::SetAccountState { account, state: AccountState::Frozen },
        Command::SetParticipantState { bic: bic("A"), state: ParticipantState::Suspended },
    ];
    for command in rows {
        trial.order_with(command.clone(), Eyes::None, rejected(FourEyesRequired));
        trial.order_with(command.clone(), Eyes::Of(9), rejected(FourEyesRequired));
        trial.order_with(command, Eyes::Of(3), cleared());
    }
    // What names nothing is not lowered.
    trial.order_with(cap("Z", 1), Eyes::Of(3), rejected(FourEyesRequired));
    let suspended = Command::SetParticipantState { bic: bic("Z"), state: ParticipantState::Suspended };
    trial.order_with(suspended, Eyes::Of(3), rejected(FourEyesRequired));
    let usd = Command::SetNetDebitCap { bic: bic("C"), currency: currency("USD"), cap: 0 };
    trial.order(usd, rejected(UnknownPosition));
}

#[test]
fn each_command_loosens_or_not_as_the_table_says() {
    let mut trial = Trial::standard();
    trial.order(delay(60), cleared());
    let (account, frozen) = (trial.world.account("a3"), trial.world.account("a1"));
    trial.order(Command::SetAccountState { account: frozen, state: AccountState::Frozen }, cleared());
    let suspended = Command::SetParticipantState { bic: bic("C"), state: ParticipantState::Suspended };
    trial.order(suspended, cleared());
    let state = |account, state| Command::SetAccountState { account, state };
    let of_bank = |bank, state| Command::SetParticipantState { bic: bic(bank), state };
    let credit = |account, credit_line| Command::SetCreditLine { account, credit_line };
    let open = |credit_line| Command::OpenAccounts {
        bic: bic("A"),
        currency: currency("EUR"),
        count: 1,
        credit_line,
    };
    let key = Command::Authority(AuthorityCommand::SetParticipantKey { bic: bic("A"), key: public(9) });
    let propose = ProposalCommand::Propose { command: Box::new(cap("A", 2_000)), expires_after: 1 };
    let loosening = [
        Command::RegisterParticipant { bic: bic("Z"), name: "Bank Z".into(), key: None },
        Command::OpenPosition { bic: bic("C"), currency: currency("USD"), cap: 0 },
        of_bank("C", ParticipantState::Active),
        cap("A", 1_001),
        cap("A", UNLIMITED),
        open(1),
        credit(account, 51),
        state(frozen, AccountState::Open),
        state(frozen, AccountState::SendOnly),
        state(frozen, AccountState::ReceiveOnly),
        delay(59),
        delay(0),
        add(4, 4),
        key,
    ];
    let not = [
        Command::Genesis(genesis(7)),
        of_bank("A", ParticipantState::Active),
        of_bank("A", ParticipantState::Suspended),
        of_bank("Z", ParticipantState::Active),
        cap("A", 1_000),
        cap("A", 0),
        cap("B", UNLIMITED),
        cap("Z", UNLIMITED),
        open(0),
        credit(account, 50),
        credit(account, 0),
        credit(NOWHERE, 9),
        state(account, AccountState::Open),
        state(account, AccountState::SendOnly),
        state(account, AccountState::ReceiveOnly),
        state(account, AccountState::Frozen),
        state(account, AccountState::Closed),
        state(NOWHERE, AccountState::Open),
        Command::RegisterAlias { alias: "OTHR:1".into(), account },
        Command::Seal { height: 1 },
        Command::CloseCycle { cycle: 1 },
        Command::InstructCycle { cycle: 1 },
        Command::SettleCycle { cycle: 1 },
        Command::FailCycle { cycle: 1 },
        Command::RotateSalts { secret: SaltSecret([1; 32]) },
        delay(60),
        delay(61),
        remove(3),
        Command::Proposal(propose),
        Command::Proposal(ProposalCommand::Approve { proposal: 1, content: Hash([0; 32]) }),
        Command::Proposal(ProposalCommand::Withdraw { proposal: 1 }),
        Command::Proposal(ProposalCommand::Enact { proposal: 1 }),
    ];
    let (registry, before) = (trial.serial.state.registry().clone(), trial.picture());
    for command in not {
        assert!(!command.is_loosening(&registry), "{command:?}");
    }
    for command in loosening {
        assert!(command.is_loosening(&registry), "{command:?}");
        trial.order(command.clone(), rejected(ProposalRequired));
        let proposal = trial.propose(1, command, cleared());
        trial.approve(2, proposal, cleared());
    }
    let mut after = trial.picture();
    after.proposals.clear();
    assert_eq!(after, before, "all of them wait");
    assert!(trial.picture().proposals.iter().all(|proposal| proposal.approved.is_some()));
}

#[test]
fn officers_come_and_go_by_four_eyes_and_two_remain() {
    let mut trial = Trial::standard();
    trial.order_with(add(4, 4), Eyes::Two, rejected(FourEyesRequired));
    trial.order(add(4, 4), cleared());
    trial.order(add(4, 5), rejected(AlreadyRegistered));
    trial.order(add(5, 4), rejected(AlreadyRegistered));
    let proposal = trial.propose(4, cap("A", 2_000), cleared());
    let other = trial.propose(3, cap("A", 3_000), cleared());
    trial.order(remove(9), rejected(UnknownOfficer));
    trial.order(remove(4), cleared());
    trial.approve(1, proposal, rejected(UnknownProposal));
    trial.propose(4, cap("A", 2_000), rejected(FourEyesRequired));
    trial.approve(4, other, rejected(FourEyesRequired));
    trial.order(remove(3), cleared());
    trial.order(remove(1), rejected(LimitReached));
    trial.order(remove(9), rejected(LimitReached));
    let numbers: Vec<_> = trial.picture().officers.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_participant_gets_another_key() {
    let mut trial = Trial::standard();
    let key = |name, number| {
        Command::Authority(AuthorityCommand::SetParticipantKey { bic: bic(name), key: public(number) })
    };
    trial.order_with(key("A", 20), Eyes::Two, rejected(FourEyesRequired));
    trial.order(key("Z", 20), rejected(UnknownParticipant));
    trial.order(key("A", 20), cleared());
    trial.order(key("A", 20), rejected(AlreadyRegistered));
    trial.order(key("A", 21), cleared());
    assert_eq!(trial.picture().participants[0].key, Some(public(21)));
}

#[test]
fn a_block_commits_to_what_is_proposed_and_a_snapshot_brings_it_back() {
    let mut trial = Trial::standard();
    let seal = |height| Command::Seal { height };
    trial.order_with(seal(1), Eyes::None, cleared());
    let entries = |sealer: &Sealer| sealer.config_entries().into_iter().map(|(_, entry)| entry);
    assert!(entries(&trial.serial.sealer).all(|entry| entry[0] < 5), "nothing more than before");
    assert_eq!(trial.serial.sealer.mirror().encode()[0], 1, "the old byte form");
    trial.order(delay(60), cleared());
    let proposal = trial.propose(1, cap("A", 2_000), cleared());
    trial.approve(2, proposal, cleared());
    trial.propose(2, cap("B", 7), cleared());
    trial.order(add(4, 4), rejected(ProposalRequired));
    trial.order(remove(3), cleared());
    trial.order_with(seal(2), Eyes::None, cleared());
    let entry = entries(&trial.serial.sealer).find(|entry| entry[0] == 11).expect("proposals stand");
    let (id, content) = proposal;
    let head =
        [&[11][..], &60_u32.to_le_bytes(), &2_u32.to_le_bytes(), &id.to_le_bytes(), &content.0].concat();
    assert!(entry.starts_with(&head), "{entry:?}");
    let mirror = trial.serial.sealer.mirror();
    let bytes = mirror.encode();
    assert_eq!(Mirror::decode(&bytes).as_ref(), Ok(mirror));
    trial.wait(u64::from(HOUR) * 2);
    trial.order_with(seal(3), Eyes::None, cleared());
    let entry = entries(&trial.serial.sealer).find(|entry| entry[0] == 11).expect("there is a delay");
    assert_eq!(entry.len(), 9, "what has expired is in no block");
}

//! Tables of traces: who has what is left, over which transfers, and where money goes that is followed no further.

use std::vec;

use super::*;

/// Debtor, creditor and amount of each entry from sequence 1 on. Account 0 is a bank's clearing account, 1 the one that
/// paid, all others are kept here. What reaches 1 is paid out of what is held for the case of the id.
struct Postings(Vec<(AccountHandle, AccountHandle, u64)>, u128);

impl Payments for Postings {
    type Fault = ();

    fn is_hosted(&mut self, account: AccountHandle) -> bool {
        account != 0
    }

    fn payments(
        &mut self,
        account: AccountHandle,
        after: u64,
        until: u64,
    ) -> Result<Option<Vec<Payment>>, ()> {
        let numbered = (1..).zip(&self.0);
        let own = numbered
            .filter(|(sequence, (debtor, ..))| *debtor == account && *sequence > after && *sequence <= until);
        let payment = |(sequence, (_, creditor, amount)): (u64, &(u64, u64, u64))| Payment {
            sequence,
            creditor: *creditor,
            amount: *amount,
            back: if *creditor == 1 { self.1 } else { 0 },
        };
        Ok(Some(own.map(payment).collect()))
    }
}

const CASE: u128 = 5;

fn case(amount: u64, hops: u8) -> Case {
    Case {
        reporter: 0,
        transfer: 9,
        sequence: 1,
        debtor: 1,
        creditor: 2,
        amount,
        paid: amount,
        hops,
        deadline: 0,
        as_of: 0,
        held_at: 0,
        changed_at: 0,
        asked: Vec::new(),
    }
}

/// The case with a trace in force that was made up to `as_of` and that the entry at `held_at` has put in force.
fn followed(case: &Case, (as_of, held_at): (u64, u64), traced: &[Traced]) -> Case {
    let ask = |at: &Traced| Ask {
        account: at.account,
        amount: at.amount,
        hop: at.hop,
        first: at.via[0],
        released_at: 0,
    };
    Case { as_of, held_at, asked: traced.iter().map(ask).collect(), ..case.clone() }
}

fn traced(account: AccountHandle, amount: u64, hop: u8, via: &[u64]) -> Traced {
    Traced { account, amount, hop, via: via.to_vec() }
}

fn run(case: &Case, postings: &[(AccountHandle, AccountHandle, u64)]) -> Trace {
    let as_of = u64::try_from(postings.len()).expect("few");
    trace((CASE, case), as_of, &mut Postings(postings.to_vec(), 0)).expect("told")
}

#[test]
fn money_goes_on_in_the_order_of_the_journal_and_what_is_followed_goes_first() {
    let found = run(
        &case(100, 5),
        &[(1, 2, 100), (2, 3, 60), (3, 4, 50), (2, 4, 30), (4, 5, 20), (9, 3, 500), (3, 6, 15)],
    );
    assert_eq!(
        found.traced,
        [traced(2, 10, 1, &[1]), traced(4, 60, 2, &[3, 4]), traced(5, 20, 3, &[5]), traced(6, 10, 3, &[7])]
    );
    assert_eq!((found.exits.len(), found.came_back, found.beyond), (0, 0, 0));
}

#[test]
fn what_was_paid_before_the_money_came_or_behind_the_last_sequence_is_not_followed() {
    let postings = vec![(1, 2, 100), (3, 4, 9), (2, 3, 100), (3, 5, 40), (3, 6, 60)];
    let mut known = Postings(postings.clone(), 0);
    let found = trace((CASE, &case(100, 5)), 4, &mut known).expect("told");
    assert_eq!(found.traced, [traced(3, 60, 2, &[3]), traced(5, 40, 3, &[4])]);
    // In dispute is a part of what was paid: no more of it is followed.
    assert_eq!(run(&case(70, 5), &postings).traced, [traced(5, 40, 3, &[4]), traced(6, 30, 3, &[5])]);
}

#[test]
fn clearing_accounts_the_payer_and_the_bounds_end_a_trace_and_nothing_is_lost() {
    let postings = [(1, 2, 100), (2, 0, 10), (2, 1, 20), (2, 3, 70), (3, 4, 60), (4, 5, 50), (5, 2, 5)];
    let found = run(&case(100, 3), &postings);
    assert_eq!(found.traced, [traced(3, 10, 2, &[4]), traced(4, 10, 3, &[5])]);
    assert_eq!((found.exits[&0], found.came_back, found.beyond), (10, 20, 50));
    let round = run(&case(100, 4), &postings);
    assert_eq!(round.traced.iter().map(|at| at.amount).sum::<u64>(), 10 + 10 + 45);
    assert_eq!(round.beyond, 5, "it came back by one hop too many");
    let whole = run(&case(100, 5), &postings);
    assert_eq!(whole.traced[0], traced(2, 5, 1, &[1, 7]), "reached again, it keeps its hop");
}

#[test]
fn a_trace_names_so_many_accounts_and_no_more() {
    let fan: Vec<_> = core::iter::once((1, 2, 300)).chain((3..=302).map(|account| (2, account, 1))).collect();
    let found = run(&case(300, 5), &fan);
    assert_eq!(found.traced.len(), TRACED_ACCOUNTS_MAX - 1, "the first has nothing left");
    let left: u64 = found.traced.iter().map(|at| at.amount).sum();
    assert_eq!(left + found.beyond, 300);
}

/// Entries that are no postings, such as the command at `held_at`, stand as payments of account 9 to itself.
const NONE: (AccountHandle, AccountHandle, u64) = (9, 9, 1);

#[test]
fn what_a_trace_in_force_holds_is_not_paid_away_by_other_money_of_the_account() {
    let first = case(100, 5);
    let stolen = run(&first, &[(1, 2, 100)]).traced;
    assert_eq!(stolen, [traced(2, 100, 1, &[1])]);
    // Held by entry 2; 100 of its own come, of which 99 go out and 1 to account 3.
    let postings = [(1, 2, 100), NONE, (9, 2, 100), (2, 0, 99), (2, 3, 1)];
    let again = run(&followed(&first, (1, 2), &stolen), &postings);
    assert_eq!((again.traced, again.exits.len()), (stolen.clone(), 0));
    // A third trace goes on from the second: what was paid between the two is not looked at again.
    let more = [&postings[..], &[NONE, (2, 3, 0), (9, 2, 7), (2, 4, 7)]].concat();
    assert_eq!(run(&followed(&first, (5, 6), &stolen), &more).traced, stolen);
}

#[test]
fn money_goes_on_between_a_trace_and_the_command_that_holds_it_and_after_a_release() {
    let first = case(100, 5);
    let stolen = run(&first, &[(1, 2, 100)]).traced;
    let postings = [(1, 2, 100), (2, 3, 30), NONE, (2, 4, 20), NONE, (2, 4, 20)];
    let mut case = followed(&first, (1, 3), &stolen);
    assert_eq!(run(&case, &postings).traced, [traced(2, 70, 1, &[1]), traced(3, 30, 2, &[2])]);
    case.asked[0].released_at = 5;
    let freed = run(&case, &postings).traced;
    assert_eq!(freed, [traced(2, 50, 1, &[1]), traced(3, 30, 2, &[2]), traced(4, 20, 2, &[6])]);
}

#[test]
fn what_goes_back_is_paid_out_of_what_is_held() {
    let first = case(100, 5);
    let stolen = run(&first, &[(1, 2, 100)]).traced;
    let postings = vec![(1, 2, 100), NONE, (9, 2, 50), (2, 1, 40), (2, 4, 50)];
    let case = followed(&first, (1, 2), &stolen);
    for back in [CASE, first.transfer] {
        let found = trace((CASE, &case), 5, &mut Postings(postings.clone(), back)).expect("told");
        assert_eq!((found.traced, found.came_back), (vec![traced(2, 60, 1, &[1])], 40), "{back}");
    }
    let other = trace((CASE, &case), 5, &mut Postings(postings, CASE + 1)).expect("told");
    assert_eq!((other.traced, other.came_back), (stolen, 0), "of another case: other money");
}

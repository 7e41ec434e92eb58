//! Tables of traces: who has what is left, over which transfers, and where money goes that is followed no further.

use std::vec;

use super::*;

/// Debtor, creditor and amount of each entry from sequence 1 on. Account 0 is a bank's clearing account, 1 the one that
/// paid, all others are kept here.
struct Postings(Vec<(AccountHandle, AccountHandle, u64)>);

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
        };
        Ok(Some(own.map(payment).collect()))
    }
}

fn case(amount: u64, hops: u8) -> Case {
    Case {
        reporter: 0,
        transfer: 9,
        sequence: 1,
        debtor: 1,
        creditor: 2,
        amount,
        hops,
        deadline: 0,
        as_of: 0,
        asked: Vec::new(),
        is_returning: false,
    }
}

fn traced(account: AccountHandle, amount: u64, hop: u8, via: &[u64]) -> Traced {
    Traced { account, amount, hop, via: via.to_vec() }
}

fn run(case: &Case, postings: &[(AccountHandle, AccountHandle, u64)]) -> Trace {
    let as_of = u64::try_from(postings.len()).expect("few");
    trace(case, as_of, &mut Postings(postings.to_vec())).expect("told")
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
    let mut known = Postings(postings.clone());
    let found = trace(&case(100, 5), 4, &mut known).expect("told");
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

//! Limits other than those that commands have set: for asking what a journal would have made of them. Puts a limit in
//! force in a state in memory and changes no rule. No engine calls it, since what it has touched no longer follows
//! from the journal alone (I4).

use alloc::vec::Vec;

use crate::account::{AccountHandle, SlotHandle};
use crate::number::index;
use crate::registry::Effect;
use crate::state::State;

/// Limits to put in force, in minor units; [`crate::account::UNLIMITED`] for none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Supposition {
    /// Net debit caps, by position.
    pub caps: Vec<(SlotHandle, u64)>,
    /// Credit lines, by account.
    pub credit_lines: Vec<(AccountHandle, u64)>,
}

impl State {
    /// Puts limits in force without a command, from the next frame on and until a command sets others. Positions and
    /// accounts that there are not are passed over.
    pub fn suppose(&mut self, supposition: &Supposition) {
        for (slot, cap) in &supposition.caps {
            if let Some(terms) = self.registry.slots.get_mut(index((*slot).into())) {
                terms.cap = *cap;
            }
        }
        let sequence = self.next_sequence;
        self.ledger.take_effect(Effect::Registered, &self.registry, sequence);
        for (account, credit_line) in &supposition.credit_lines {
            if let Some(terms) = self.registry.accounts.get_mut(index(*account)) {
                terms.credit_line = *credit_line;
                self.ledger.take_effect(Effect::AccountChanged(*account), &self.registry, sequence);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::UNLIMITED;
    use crate::bic::Bic;
    use crate::command::{Command, Entry};
    use crate::currency::Currency;

    #[test]
    fn supposed_limits_are_the_registrys_and_those_that_bind() {
        let mut state = State::default();
        let (bic, currency) =
            (Bic::parse("BNKAXXAA").expect("a BIC"), Currency::from_code("EUR").expect("there"));
        let founding = [
            Command::RegisterParticipant { bic, name: "A".into(), key: None },
            Command::OpenPosition { bic, currency, cap: 5 },
            Command::OpenAccounts { bic, currency, count: 2, credit_line: 7 },
        ];
        for command in founding {
            let effect = state.registry.commit(&Entry::new(1, command), 0, 1);
            state.ledger.take_effect(effect, &state.registry, 1);
        }
        let none = Supposition { caps: [(9, 1)].into(), credit_lines: [(99, 1)].into() };
        state.suppose(&none);
        assert_eq!((state.registry.slots()[0].cap, state.registry.accounts()[2].credit_line), (5, 7));
        state.suppose(&Supposition { caps: [(0, 11)].into(), credit_lines: [(2, UNLIMITED)].into() });
        assert_eq!(state.registry.slots()[0].cap, 11);
        let lines: Vec<_> =
            (0..3).map(|account| state.ledger.terms(account).expect("open").credit_line).collect();
        assert_eq!(lines, [UNLIMITED, 7, UNLIMITED]);
    }
}

//! Each kind of proof is read back, verified from the file and the key alone, and refused with its cause.

use feiqian_proof::kinds::{Moved, Obligation, Proof, ProofKind, Refusal};
use feiqian_proof::signature::{PublicKey, SigningKey};

use crate::market::{CHAIN, Market, operator_key};

pub(crate) fn markets() -> Vec<Market> {
    let shapes = [(2, 1), (2, 2), (3, 5), (4, 8), (5, 33)];
    (1..).zip(shapes).map(|(height, (banks, transfers))| Market::new(height, banks, transfers)).collect()
}

/// Proofs of all markets.
pub(crate) fn proofs() -> Vec<Proof> {
    markets().iter().flat_map(Market::proofs).collect()
}

pub(crate) fn encode(proof: &Proof) -> Vec<u8> {
    proof.encode().expect("a proof within its bounds")
}

/// Whether a reader of the file would believe it.
pub(crate) fn is_accepted(file: &[u8]) -> bool {
    Proof::decode(file).is_ok_and(|proof| proof.verify(&operator_key(), Some(&CHAIN)).is_ok())
}

#[test]
fn each_kind_is_read_back_and_verified() {
    let proofs = proofs();
    for kind in ProofKind::ALL {
        assert!(proofs.iter().any(|proof| proof.kind() == kind), "{kind:?}");
    }
    for proof in proofs {
        let file = encode(&proof);
        assert_eq!(ProofKind::of(&file), Some(proof.kind()));
        let read = Proof::decode(&file).expect("a proof");
        assert_eq!(read, proof);
        assert_eq!(
            read.verify(&operator_key(), Some(&CHAIN)).map(|proven| proven.get().kind()),
            Ok(proof.kind())
        );
        assert!(read.verify(&operator_key(), None).is_ok());
        let stranger = PublicKey::of(&SigningKey::from_bytes(&[0x77; 32]));
        assert!(read.verify(&stranger, None).is_err());
        assert_eq!(read.verify(&operator_key(), Some(b"feiqian-test-one")).err(), Some(Refusal::Chain));
    }
}

#[test]
fn each_byte_of_each_kind_is_significant() {
    for proof in Market::new(3, 3, 5).proofs() {
        let file = encode(&proof);
        for at in 0..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(!is_accepted(&bad), "{:?}, byte {at}", proof.kind());
            assert!(!is_accepted(&file[..at]), "{:?}, cut at {at}", proof.kind());
        }
        assert!(Proof::decode(&[&file[..], &[0]].concat()).is_err());
    }
}

#[test]
fn a_participant_checks_the_sums_with_its_own_accounts() {
    let market = Market::new(9, 4, 40);
    for slot in 0..market.positions.len() {
        let proof = market.completeness(slot);
        assert!(proof.verify(&operator_key(), Some(&CHAIN)).is_ok());
        let leaf = proof.position.leaf;
        let moved = Moved { debits: leaf.debits, credits: leaf.credits };
        assert_eq!(proof.check_sums(|handle| Market::is_account_of(slot, handle)), Ok(moved));
        let is_empty = proof.transfers.is_empty();
        assert_eq!(proof.check_sums(|_| false).is_ok(), is_empty, "slot {slot}");
    }
    let last = market.completeness(market.positions.len() - 1);
    assert!(last.transfers.is_empty(), "the last bank took no part, and that is proven too");
}

#[test]
fn a_settlement_gives_every_obligation_of_its_currency_and_only_those() {
    let market = Market::new(9, 5, 60);
    let right = market.settlement(978);
    let all = right.obligations().expect("positions sum to zero");
    for obligation in &all {
        let mut proof = right.clone();
        proof.obligation = *obligation;
        assert!(proof.verify(&operator_key(), Some(&CHAIN)).is_ok());
        for wrong in [
            Obligation { amount: obligation.amount + 1, ..*obligation },
            Obligation { amount: obligation.amount - 1, ..*obligation },
            Obligation { debtor: obligation.creditor, creditor: obligation.debtor, ..*obligation },
            Obligation { currency: 756, ..*obligation },
        ] {
            proof.obligation = wrong;
            assert_eq!(proof.verify(&operator_key(), None).err(), Some(Refusal::Obligation));
        }
    }
    let paid = |slot: u32| {
        let one = |side: fn(&Obligation) -> u32| {
            all.iter().filter(move |row| side(row) == slot).map(|row| row.amount).sum::<u128>()
        };
        i128::try_from(one(|row| row.creditor)).expect("small")
            - i128::try_from(one(|row| row.debtor)).expect("small")
    };
    for leaf in market.positions.iter().filter(|leaf| leaf.currency == 978) {
        assert_eq!(paid(leaf.slot), leaf.position);
    }
}

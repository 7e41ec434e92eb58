//! What a proof for one bank shows of the others: nothing but digests.

use feiqian_proof::kinds::Proof;

use crate::kinds::encode;
use crate::market::{Market, word};

/// Whether `needle` stands anywhere in `bytes`.
fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_receipt_holds_no_byte_of_other_transfers() {
    let market = Market::new(6, 5, 60);
    for index in [0, 17, 59] {
        let receipt = market.receipt(index, true);
        let file = encode(&Proof::Receipt(receipt.clone()));
        let own = &market.records[index];
        let own_accounts = [word(own, 16), word(own, 24)];
        assert!(holds(&file, own) && holds(&file, &own[..16]), "the search finds what is there");
        for other in (0..60).filter(|other| *other != index) {
            let record = &market.records[other];
            let salt = market.receipt(other, false).salt;
            assert!(!holds(&file, record), "record {other}");
            assert!(!holds(&file, &record[..16]), "UETR {other}");
            assert!(!holds(&file, &record[72..104]), "details {other}");
            assert!(!holds(&file, &salt), "salt {other}");
            for handle in [word(record, 16), word(record, 24)] {
                let pair = [&record[16..32], &record[32..40]].concat();
                assert!(!holds(&file, &pair), "accounts and amount {other}");
                // A handle is a small number: only where it stands is it one, not in a digest by chance.
                assert!(own_accounts.contains(&handle) || word(&receipt.record, 16) != handle);
            }
        }
        for leaf in &market.positions {
            assert!(!holds(&file, &leaf.salt) && !holds(&file, &leaf.bic), "position {}", leaf.slot);
        }
    }
}

#[test]
fn proofs_of_a_position_and_of_completeness_hold_nothing_of_other_participants() {
    let market = Market::new(6, 5, 60);
    for slot in 0..market.positions.len() {
        let own: Vec<_> = market.own_transfers(slot).iter().map(|own| own.record).collect();
        let file = encode(&Proof::Completeness(market.completeness(slot)));
        assert!(own.iter().all(|record| holds(&file, record)));
        for record in market.records.iter().filter(|record| !own.contains(record)) {
            assert!(!holds(&file, record) && !holds(&file, &record[..16]), "slot {slot}");
        }
        for leaf in market.positions.iter().filter(|leaf| leaf.bic != market.positions[slot].bic) {
            assert!(!holds(&file, &leaf.salt) && !holds(&file, &leaf.bic), "slot {slot}");
        }
    }
}

#[test]
fn equal_transfers_have_different_leaves_so_a_guess_is_not_confirmed() {
    let mut market = Market::new(6, 3, 4);
    let twin = market.records[0];
    market.records[1] = twin;
    market.records[1][104..112].copy_from_slice(&(word(&twin, 104) + 1).to_le_bytes());
    market.seal();
    let [first, second] = [0, 1].map(|index| market.receipt(index, false));
    assert_ne!(first.salt, second.salt);
    let guess = feiqian_proof::leaf::transfer_leaf_hash(&first.salt, &second.record);
    assert_ne!(first.path[0], guess, "another's salt does not open the sibling");
}

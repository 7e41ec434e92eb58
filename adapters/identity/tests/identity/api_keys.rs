//! API keys: scoped, expiring, stored as hashes.

use feiqian_identity::api_key::{ApiKey, ApiKeyFault};
use feiqian_identity::{Role, Unidentified};

use super::request::{NOW_S, Sent, api_key, house};

fn with_key(text: &str) -> Sent {
    Sent::post().header("authorization", text)
}

#[test]
fn a_key_opens_for_its_own_roles_until_it_expires() {
    let sent = with_key(&format!("bearer {}", api_key().reveal()));
    let caller = sent.identify(&house()).unwrap();
    assert!(caller.roles.has(Role::Viewer) && !caller.roles.has(Role::Submitter), "{:?}", caller.roles);
    // 30 June 2027, midnight in UTC.
    let end_s = 1_814_313_600;
    let at = |now_s| sent.with(|shown| house().identify(shown, now_s)).map(|_| ());
    assert_eq!(at(end_s - 1), Ok(()));
    assert_eq!(at(end_s), Err(Unidentified::ApiKey(ApiKeyFault::Expired)));
}

#[test]
fn what_is_not_the_key_opens_nothing() {
    let whole = api_key().reveal();
    let wrong = ApiKey::new(*b"TEST KEY", [7; 32]).reveal();
    let table = [
        (format!("Bearer {wrong}"), ApiKeyFault::Unknown),
        (format!("Bearer {}", ApiKey::new([0; 8], [7; 32]).reveal()), ApiKeyFault::Unknown),
        (format!("Basic {whole}"), ApiKeyFault::Malformed),
        (format!("Bearer {}", whole.to_uppercase()), ApiKeyFault::Malformed),
        (format!("Bearer {}", &whole[..whole.len() - 1]), ApiKeyFault::Malformed),
        (format!("Bearer {whole}0"), ApiKeyFault::Malformed),
        (whole, ApiKeyFault::Malformed),
    ];
    for (text, fault) in table {
        assert_eq!(with_key(&text).identify(&house()), Err(Unidentified::ApiKey(fault)), "{text}");
    }
    assert_eq!(Sent::post().identify(&house()), Err(Unidentified::NothingShown));
}

#[test]
fn no_secret_is_in_what_is_printed_or_stored() {
    let key = api_key();
    let secret = key.reveal().rsplit_once('_').unwrap().1.to_owned();
    let sent = with_key(&format!("Bearer {}", key.reveal()));
    let printed = [
        format!("{key:?} {} {}", key.id(), key.hash()),
        format!("{:?}", house()),
        sent.with(|shown| format!("{shown:?}")),
        super::request::register(),
    ];
    for text in printed {
        assert!(!text.contains(&secret), "{text}");
    }
}

#[test]
fn two_proofs_must_be_of_one_caller_and_give_the_roles_of_both() {
    let key = format!("Bearer {}", api_key().reveal());
    let both = Sent::post().signed("n", NOW_S).header("authorization", &key);
    let caller = both.identify(&house()).unwrap();
    assert!(!caller.roles.has(Role::Submitter), "the key is for viewing alone");
    let wrong = Sent::post().signed("n", NOW_S).header("authorization", "Bearer fq_");
    assert_eq!(wrong.identify(&house()), Err(Unidentified::ApiKey(ApiKeyFault::Malformed)));
}

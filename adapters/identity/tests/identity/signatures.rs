//! HTTP message signatures: the example of RFC 9421, and every way to cheat that the module names.

use ed25519_dalek::{Signature, VerifyingKey};
use feiqian_identity::Unidentified::{self, Signature as Refused};
use feiqian_identity::signed::{SignatureFault, base, check_digest, inputs};

use super::request::{NOW_S, Sent, house};

/// RFC 9421, B.2: the request of its examples.
fn example() -> Sent {
    Sent {
        authority: "example.com".to_owned(),
        path: "/foo".to_owned(),
        query: Some("param=Value&Pet=dog".to_owned()),
        body: br#"{"hello": "world"}"#.to_vec(),
        ..Sent::post()
    }
    .header("date", "Tue, 20 Apr 2021 02:07:55 GMT")
    .header("content-type", "application/json")
    .header("content-length", "18")
}

#[test]
fn the_example_of_rfc_9421_with_ed25519_gives_its_base_and_verifies() {
    let input = concat!(
        r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");"#,
        r#"created=1618884473;keyid="test-key-ed25519""#
    );
    let inputs = inputs(input).unwrap();
    let base = example().with(|shown| base(&inputs[0], shown)).unwrap();
    let expected = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\
                    \"@authority\": example.com\n\"content-type\": application/json\n\"content-length\": 18\n\
                    \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
                    \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
    assert_eq!(base, expected);
    use base64::Engine as _;
    let decode = |text| base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let key: [u8; 32] = decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=").try_into().unwrap();
    let signature =
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==";
    let signature = Signature::from_slice(&decode(signature)).unwrap();
    VerifyingKey::from_bytes(&key).unwrap().verify_strict(base.as_bytes(), &signature).unwrap();
}

#[test]
fn the_digests_of_rfc_9421s_example_are_its_bodys() {
    let body = br#"{"hello": "world"}"#;
    let long =
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";
    let short = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    check_digest(long, body).unwrap();
    check_digest(short, body).unwrap();
    check_digest(&format!("{short}, {long}"), body).unwrap();
    assert_eq!(check_digest(short, b"{}"), Err(SignatureFault::Digest));
    assert_eq!(check_digest("unixsum=:GQU=:", body), Err(SignatureFault::Digest), "one must be known");
}

#[test]
fn a_signed_request_is_its_senders_once() {
    let house = house();
    let sent = Sent::post().signed("n1", NOW_S);
    let caller = sent.identify(&house).unwrap();
    assert_eq!((&*caller.name, caller.participant.unwrap().as_str()), ("bank-a", "AAAADEFFXXX"));
    assert_eq!(sent.identify(&house), Err(Refused(SignatureFault::Replayed)));
    assert!(Sent::post().signed("n2", NOW_S).identify(&house).is_ok(), "another nonce is another request");
}

fn refusal(sent: &Sent) -> SignatureFault {
    match sent.identify(&house()) {
        Err(Unidentified::Signature(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whatever_is_changed_behind_the_signature_breaks_it() {
    let signed = || Sent::post().signed("n", NOW_S);
    let changes: [(&str, Sent); 4] = [
        ("method", Sent { method: "PUT".to_owned(), ..signed() }),
        ("authority", Sent { authority: "house.example".to_owned(), ..signed() }),
        ("path", Sent { path: "/v1/holds".to_owned(), ..signed() }),
        ("query", Sent { query: Some("mode=stop".to_owned()), ..signed() }),
    ];
    for (what, sent) in changes {
        assert_eq!(refusal(&sent), SignatureFault::Wrong, "{what}");
    }
    assert_eq!(refusal(&Sent { body: b"{}".to_vec(), ..signed() }), SignatureFault::Digest);
    let other = Sent { body: b"{}".to_vec(), ..Sent::post() }.signed("n", NOW_S);
    let digest = other.headers.iter().find(|(name, _)| name == "content-digest").unwrap().1.clone();
    let swapped = Sent { body: b"{}".to_vec(), ..signed().header("content-digest", &digest) };
    assert_eq!(refusal(&swapped), SignatureFault::Wrong);
}

#[test]
fn a_signature_is_good_for_a_minute_and_none_of_before_the_start() {
    for (created_s, is_good) in
        [(NOW_S - 60, true), (NOW_S - 61, false), (NOW_S + 5, true), (NOW_S + 6, false)]
    {
        let sent = Sent::post().signed("n", created_s);
        let expected = if is_good { None } else { Some(Refused(SignatureFault::Window)) };
        assert_eq!(sent.identify(&house()).err(), expected, "{created_s}");
    }
    let just_started = feiqian_identity::Identities::parse(&super::request::register(), NOW_S).unwrap();
    // What is dated ahead may have been used before the start, when nothing was remembered yet.
    for created_s in [NOW_S - 1, NOW_S, NOW_S + 4] {
        let sent = Sent::post().signed("n", created_s);
        assert_eq!(sent.identify(&just_started), Err(Refused(SignatureFault::Window)), "{created_s}");
    }
    assert!(Sent::post().signed("n", NOW_S + 5).identify(&just_started).is_ok());
}

#[test]
fn a_signature_that_covers_too_little_is_refused_by_name() {
    let sent = |input: &str| {
        Sent::post()
            .header("signature", &format!("s=:{}:", "A".repeat(86) + "=="))
            .header("signature-input", input)
    };
    let end = r#";created=1800000000;keyid="bank-a-1";nonce="n""#;
    let table = [
        (r#"s=("@target-uri" "content-digest")"#, SignatureFault::NotCovered("@method")),
        (
            r#"s=("@method" "@path" "content-digest")"#,
            SignatureFault::NotCovered("@target-uri, or @authority with @path and @query"),
        ),
        (r#"s=("@method" "@target-uri")"#, SignatureFault::NotCovered("content-digest")),
        (
            r#"s=("@method" "@target-uri" "content-digest")"#,
            SignatureFault::Component("content-digest".to_owned()),
        ),
        (
            r#"s=("@method" "@target-uri" "@status" "content-digest")"#,
            SignatureFault::Component("@status".to_owned()),
        ),
    ];
    for (covered, expected) in table {
        assert_eq!(refusal(&sent(&format!("{covered}{end}"))), expected, "{covered}");
    }
    let parameters = [
        (r#";created=1800000000;keyid="bank-a-1""#, "nonce is missing"),
        (r#";keyid="bank-a-1";nonce="n""#, "created is missing"),
        (
            r#";created=1800000000;keyid="bank-a-1";nonce="n";alg="hmac-sha256""#,
            "alg is ed25519 or not there",
        ),
        (r#";created=1800000000;expires="x";keyid="bank-a-1";nonce="n""#, "expires is a time"),
    ];
    for (end, expected) in parameters {
        let input = format!(r#"s=("@method" "@target-uri" "content-digest"){end}"#);
        assert_eq!(refusal(&sent(&input)), SignatureFault::Parameter(expected), "{end}");
    }
}

#[test]
fn headers_of_another_form_are_refused_with_their_place() {
    let table: [(&str, usize); 12] = [
        ("", 0),
        ("Sig=()", 0),
        ("s", 1),
        ("s=@method", 2),
        (r#"s=("@method"#, 11),
        (r#"s=("@method""@path")"#, 12),
        (r#"s=("@method" "@method")"#, 22),
        (r#"s=("date";sf)"#, 9),
        (r#"s=();created"#, 12),
        (r#"s=();created=01"#, 15),
        (r#"s=();a=1;a=2"#, 11),
        (r#"s=(), s=()"#, 10),
    ];
    for (text, place) in table {
        match inputs(text) {
            Err(SignatureFault::Header { header: "signature-input", at, .. }) => {
                assert_eq!(at, place, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let huge = format!("s=({})", " ".repeat(5_000));
    let sent = Sent::post().header("signature", "s=:AA==:").header("signature-input", &huge);
    assert!(matches!(refusal(&sent), SignatureFault::Header { what: "over 4,096 bytes", .. }));
    let unpaired =
        Sent::post().signed("n", NOW_S).header("signature", &format!("other=:{}==:", "A".repeat(86)));
    assert_eq!(refusal(&unpaired), SignatureFault::Unpaired);
    let mut alone = Sent::post().signed("n", NOW_S);
    alone.headers.retain(|(name, _)| name != "signature");
    assert_eq!(refusal(&alone), SignatureFault::Unpaired);
}

#[test]
fn a_proxys_signature_beside_the_senders_does_no_harm_and_an_unknown_key_alone_is_nobodys() {
    let sent = Sent::post().signed("n", NOW_S);
    let value = |name: &str| sent.headers.iter().find(|(own, _)| own == name).unwrap().1.clone();
    let proxy = r#"proxy=("@method");created=1;keyid="proxy""#;
    let none = format!("proxy=:{}==:", "A".repeat(86));
    let both = sent
        .clone()
        .header("signature-input", &format!("{proxy}, {}", value("signature-input")))
        .header("signature", &format!("{none}, {}", value("signature")));
    assert!(both.identify(&house()).is_ok());
    let alone = sent.header("signature-input", proxy).header("signature", &none);
    assert_eq!(refusal(&alone), SignatureFault::UnknownKey);
}

#[test]
fn what_is_signed_for_another_house_is_not_for_this_one() {
    for (authority, is_ours) in [
        ("house.example", true),
        ("HOUSE.example:443", true),
        ("test.example:8443", false),
        ("house.example.evil", false),
    ] {
        let sent = Sent { authority: authority.to_owned(), ..Sent::post() }.signed(authority, NOW_S);
        let expected = if is_ours { None } else { Some(Refused(SignatureFault::Authority)) };
        assert_eq!(sent.identify(&house()).err(), expected, "{authority}");
    }
}

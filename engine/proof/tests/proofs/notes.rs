//! Notes, checkpoints and cosignatures against the examples of c2sp.org (signed-note, tlog-checkpoint,
//! tlog-cosignature) and of golang.org/x/mod/sumdb/note.

use feiqian_proof::checkpoint::{Checkpoint, CheckpointError, log_key};
use feiqian_proof::cosignature::{TIME_MAX, cosign, time_of, witness_key};
use feiqian_proof::hash::Hash;
use feiqian_proof::log::{LogHead, origin_of};
use feiqian_proof::note::{
    KeyKind, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, Note, NoteError, NoteSignature, Untrusted, VerifierKey,
    VerifierKeyError,
};
use feiqian_proof::signature::{PublicKey, SigningKey, sign_header, sign_message};

/// c2sp.org/signed-note, the example and its verifier key.
const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = concat!(
    "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ER",
    "YNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
);
/// c2sp.org/signed-note, the example of earlier editions, whose text has an empty line.
const POEM: &str = concat!(
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u{e8} subito sera.\n\n",
    "\u{2014} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ih",
    "AQwaqP3ZekRwNtIc=\n"
);
/// golang.org/x/mod/sumdb/note, note_test.go: key, seed, text and note.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = concat!(
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n",
    "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
);
/// sum.golang.org's key, and the checkpoint that c2sp.org/tlog-checkpoint shows under another origin.
const SUMDB_KEY: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
/// c2sp.org/tlog-cosignature: the checkpoint of c2sp.org/tlog-checkpoint with a witness's line.
const COSIGNED: &str = concat!(
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n",
    "\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo",
    "+zyWE+xeMcTOAYQ8=\n",
    "\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5",
    "nNo0xUe+mbIUBkBIfZ+qnA==\n"
);

fn key(text: &str) -> VerifierKey {
    VerifierKey::parse(text).expect("a verifier key")
}

fn note(text: &str) -> Note {
    Note::parse(text.as_bytes()).expect("a note")
}

#[test]
fn the_notes_of_the_specifications_are_read_and_written_to_the_byte() {
    for text in [SPEC_NOTE, POEM, GO_NOTE, COSIGNED] {
        assert_eq!(note(text).to_string(), text);
    }
    assert_eq!(note(POEM).text().lines().count(), 4);
}

#[test]
fn the_notes_of_the_specifications_verify_and_no_changed_one_does() {
    for (text, signer) in [(SPEC_NOTE, key(SPEC_KEY)), (GO_NOTE, key(GO_KEY))] {
        let keys = [signer];
        let opened = note(text);
        let (read, signers) = opened.open(&keys).expect("verifies");
        assert_eq!((read, signers), (opened.text(), vec![&keys[0]]));
        for at in 0..opened.text().len() - 1 {
            let mut bytes = Vec::from(text);
            bytes[at] ^= 1;
            let forged = Note::parse(&bytes).is_ok_and(|note| note.open(&keys).is_ok());
            assert!(!forged, "byte {at} changed");
        }
    }
    assert_eq!(note(SPEC_NOTE).open(&[key(GO_KEY)]), Err(Untrusted::Unsigned));
}

/// The example's signature is the Go checksum database's over its own checkpoint: only the first line differs.
#[test]
fn the_checkpoint_of_the_specification_verifies_under_the_origin_that_was_signed() {
    let shown = note(COSIGNED);
    let text = shown.text().replace("example.com/behind-the-sofa", "go.sum database tree");
    let mut line = shown.signatures[0].clone();
    line.name = "sum.golang.org".to_owned();
    assert!(key(SUMDB_KEY).verifies(&text, &line));
    assert!(!key(SUMDB_KEY).verifies(shown.text(), &line));
    let checkpoint = Checkpoint::parse(&text).expect("a checkpoint");
    assert_eq!((checkpoint.head.size, checkpoint.to_string()), (20_852_163, text));
}

#[test]
fn the_cosignature_of_the_specification_bears_its_time() {
    let shown = note(COSIGNED);
    let line = &shown.signatures[1];
    assert_eq!((line.name.as_str(), line.bytes.len()), ("witness.example.com/w1", 8 + 64));
    assert_eq!(line.bytes[..8], 1_679_315_147u64.to_be_bytes());
}

#[test]
fn a_verifier_key_has_one_text() {
    for text in [SPEC_KEY, GO_KEY, SUMDB_KEY] {
        assert_eq!(key(text).to_string(), text);
        for at in 0..text.len() {
            let mut bytes = Vec::from(text);
            bytes[at] += 1;
            let other = String::from_utf8(bytes).expect("ASCII");
            assert!(VerifierKey::parse(&other).is_err(), "{other}");
            assert!(VerifierKey::parse(&text[at + 1..]).is_err() && VerifierKey::parse(&text[..at]).is_err());
        }
    }
    // From the same tests of Go: another key length, and an unknown kind, each with the id that goes with it.
    let rows = [
        (
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            VerifierKeyError::Form,
        ),
        ("PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", VerifierKeyError::Kind),
        ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", VerifierKeyError::Id),
        ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", VerifierKeyError::Form),
        ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", VerifierKeyError::Name),
        ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", VerifierKeyError::Name),
    ];
    for (text, error) in rows {
        assert_eq!(VerifierKey::parse(text), Err(error), "{text}");
    }
}

#[test]
fn malformed_notes_are_refused() {
    let sound = "text\n\n\u{2014} name QUJDREU=\n";
    assert!(Note::parse(sound.as_bytes()).is_ok());
    let line = "\u{2014} name QUJDREU=\n";
    let rows: [(String, NoteError); 17] = [
        (String::new(), NoteError::Unsigned),
        ("text\n".into(), NoteError::Unsigned),
        ("text\n\n".into(), NoteError::Unsigned),
        (format!("text\n{line}"), NoteError::Unsigned),
        (format!("text\n\n{line}\n"), NoteError::Unsigned),
        ("text\n\n\u{2014} name QUJDREU=".into(), NoteError::Line(1)),
        (format!("text\n\n{line}- name QUJDREU=\n"), NoteError::Line(2)),
        ("text\n\n\u{2014}name QUJDREU=\n".into(), NoteError::Line(1)),
        ("text\n\n\u{2014} na+me QUJDREU=\n".into(), NoteError::Line(1)),
        ("text\n\n\u{2014}  QUJDREU=\n".into(), NoteError::Line(1)),
        ("text\n\n\u{2014} name QUJDREU= \n".into(), NoteError::Line(1)),
        ("text\n\n\u{2014} name QUJDREU\n".into(), NoteError::Line(1)),
        ("text\n\n\u{2014} name QUJDREV=\n".into(), NoteError::Line(1)),
        // Four bytes: the id, and no signature.
        ("text\n\n\u{2014} name QUJDRA==\n".into(), NoteError::Line(1)),
        (format!("te\txt\n\n{line}"), NoteError::Characters),
        (format!("text\r\n\n{line}"), NoteError::Characters),
        (format!("text\n\n{}", line.repeat(NOTE_SIGNATURES_MAX + 1)), NoteError::Long),
    ];
    for (text, error) in rows {
        assert_eq!(Note::parse(text.as_bytes()), Err(error), "{text:?}");
    }
    assert_eq!(Note::parse(b"te\xFFxt\n\n"), Err(NoteError::Characters));
    assert_eq!(Note::parse(&vec![b'a'; NOTE_BYTES_MAX + 1]), Err(NoteError::Long));
    assert!(Note::parse(format!("text\n\n{}", line.repeat(NOTE_SIGNATURES_MAX)).as_bytes()).is_ok());
}

#[test]
fn a_forged_line_of_a_known_key_spoils_the_note_and_one_of_an_unknown_key_does_not() {
    let (known, mut forged) = (key(SPEC_KEY), note(SPEC_NOTE));
    let mut stranger = forged.signatures[0].clone();
    stranger.key_id[0] ^= 1;
    forged.signatures.push(stranger);
    assert!(forged.open(std::slice::from_ref(&known)).is_ok());
    let mut bad = forged.signatures[0].clone();
    bad.bytes[5] ^= 1;
    forged.signatures.push(bad);
    assert_eq!(
        forged.open(std::slice::from_ref(&known)),
        Err(Untrusted::Forged("example.com/foo".to_owned()))
    );
}

fn head() -> LogHead {
    LogHead { size: 9, root: Hash([0xAB; 32]) }
}

#[test]
fn a_checkpoint_is_signed_by_its_log_and_by_nobody_else() {
    let operator = SigningKey::from_bytes(&[1; 32]);
    let origin = origin_of(b"feiqian-vectors!");
    assert_eq!(origin, "feiqian/6665697169616e2d766563746f727321");
    let checkpoint = Checkpoint::new(&origin, head());
    let line = checkpoint.sign(&operator).expect("the origin names a key");
    let signed = Note::new(checkpoint.to_string(), vec![line]).expect("a text").to_string();
    let log = log_key(&origin, PublicKey::of(&operator)).expect("a name");
    let (read, _) = Checkpoint::open(signed.as_bytes(), &log).expect("the log's");
    assert_eq!(read, checkpoint);
    let other = log_key(&origin, PublicKey::of(&SigningKey::from_bytes(&[2; 32]))).expect("a name");
    assert_eq!(
        Checkpoint::open(signed.as_bytes(), &other),
        Err(CheckpointError::Untrusted(Untrusted::Unsigned))
    );
    let elsewhere = log_key("feiqian/elsewhere", PublicKey::of(&operator)).expect("a name");
    assert_eq!(Checkpoint::open(signed.as_bytes(), &elsewhere), Err(CheckpointError::Origin(origin)));
}

#[test]
fn a_checkpoint_never_serves_as_another_message_of_the_operators_key() {
    let operator = SigningKey::from_bytes(&[1; 32]);
    for origin in ["feiqian block header v1", "feiqian message v1", "a\nb", "", "a+b"] {
        assert!(Checkpoint::new(origin, head()).sign(&operator).is_err(), "{origin:?}");
    }
    let checkpoint = Checkpoint::new("feiqian/1", head());
    let log = log_key("feiqian/1", PublicKey::of(&operator)).expect("a name");
    let line = |bytes: [u8; 64]| NoteSignature {
        bytes: bytes.to_vec(),
        ..checkpoint.sign(&operator).expect("signs")
    };
    assert!(!log.verifies(&checkpoint.to_string(), &line(sign_header(&operator, &Hash([0xAB; 32])).0)));
    let message = sign_message(&operator, "", checkpoint.to_string().as_bytes());
    assert!(!log.verifies(&checkpoint.to_string(), &line(message.0)));
}

#[test]
fn malformed_checkpoints_are_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let rows = [
        (format!("o\n1\n{root}"), 3),
        (format!("o\n1\n{root}\n\n"), 4),
        (format!("o\n1\n{root}\nx\n\ny\n"), 5),
        (format!("\n1\n{root}\n"), 1),
        (format!("o\n01\n{root}\n"), 2),
        (format!("o\n+1\n{root}\n"), 2),
        (format!("o\n\n{root}\n"), 2),
        (format!("o\n18446744073709551616\n{root}\n"), 2),
        ("o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n".to_owned(), 3),
        ("o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n".to_owned(), 3),
        ("o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n".to_owned(), 3),
    ];
    for (text, line) in rows {
        assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Line(line)), "{text:?}");
    }
    for text in [format!("o\n0\n{root}\n"), format!("o p\n18446744073709551615\n{root}\nextension\nother\n")]
    {
        assert_eq!(Checkpoint::parse(&text).expect("a checkpoint").to_string(), text);
    }
}

#[test]
fn a_cosignature_serves_its_key_time_and_text_alone() {
    let (secret, text) = (SigningKey::from_bytes(&[7; 32]), Checkpoint::new("feiqian/1", head()).to_string());
    let line = cosign(&secret, "bank.example/w1", 1_679_315_147, &text).expect("a name");
    let witness = witness_key("bank.example/w1", PublicKey::of(&secret)).expect("a name");
    assert_eq!(witness.kind(), KeyKind::Cosignature);
    assert_eq!(time_of(&witness, &text, &line), Some(1_679_315_147));
    // The message as the specification writes it.
    let message = format!("cosignature/v1\ntime 1679315147\n{text}");
    let signature = ed25519_dalek::Signature::from_slice(&line.bytes[8..]).expect("64 bytes");
    assert!(secret.verifying_key().verify_strict(message.as_bytes(), &signature).is_ok());
    assert_eq!(time_of(&witness, &text.replace("\n9\n", "\n8\n"), &line), None);
    for bit in 0..line.bytes.len() * 8 {
        let mut bad = line.clone();
        bad.bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(time_of(&witness, &text, &bad), None, "bit {bit}");
    }
    let plain = VerifierKey::new("bank.example/w1", KeyKind::Note, PublicKey::of(&secret)).expect("a name");
    assert_ne!(plain.id(), witness.id());
    assert!(!plain.verifies(&text, &line) && time_of(&plain, &text, &line).is_none());
    let late = cosign(&secret, "bank.example/w1", u64::MAX, &text).expect("a name");
    assert_eq!(time_of(&witness, &text, &late), Some(TIME_MAX));
}

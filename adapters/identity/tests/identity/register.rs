//! The file of identities: read whole, or refused with what is wrong.

use feiqian_identity::signed::SignatureFault;
use feiqian_identity::{Caller, Identities, IdentityFile, Unidentified};

use super::request::{NOW_S, Sent, register};

fn fault(text: &str) -> String {
    Identities::parse(text, NOW_S).expect_err("refused").to_string()
}

#[test]
fn each_wrong_entry_is_named() {
    let head = "[[caller]]\nname = \"c\"\nparticipant = \"AAAADEFFXXX\"\nroles = [\"viewer\"]\n";
    let key = |public: &str| format!("{head}[[caller.signing_key]]\nid = \"k\"\npublic_key = \"{public}\"\n");
    let api = |roles: &str, expires: &str| {
        let hash = "0".repeat(64);
        format!(
            "{head}[[caller.api_key]]\nid = \"{}\"\nhash = \"{hash}\"\nroles = [{roles}]\nexpires = {expires}\n",
            "0".repeat(16)
        )
    };
    let table = [
        (head.replace("viewer", "owner"), "unknown variant"),
        (head.replace("\"viewer\"", ""), "no role"),
        (head.replace("AAAADEFFXXX", "x"), "no BIC"),
        (head.replace("participant = \"AAAADEFFXXX\"\n", ""), "act for a participant"),
        (head.replace("\"c\"", "\"\""), "the name"),
        (format!("{head}{head}"), "another's"),
        (format!("{head}colour = 1\n"), "unknown field"),
        (format!("authorities = [\"House.example:8443\"]\n{head}"), "without a port"),
        (register().replace("authorities = [\"house.example\"]", ""), "name this house's hosts"),
        (format!("{head}[[caller.certificate]]\n"), "one of them"),
        (format!("{head}[[caller.certificate]]\nsan = \"*.example\"\n"), "without wildcards"),
        (key("12"), "64 lower-case"),
        (key(&"0".repeat(64)), "small order"),
        (api("\"submitter\"", "2027-06-30T00:00:00Z"), "its caller has not"),
        (api("\"viewer\"", "2027-06-30"), "in UTC"),
        (api("\"viewer\"", "2027-06-30T00:00:00+02:00"), "in UTC"),
    ];
    for (text, what) in table {
        let fault = fault(&text);
        assert!(fault.contains(what), "{fault}, for {what}:\n{text}");
    }
    let twice = register().replace("core.bank-b.example", "core.bank-a.example");
    assert!(fault(&twice).contains("there twice"));
}

#[test]
fn a_file_read_again_lets_callers_go_at_once_and_forgets_no_nonce() {
    let file = std::env::temp_dir().join(format!("feiqian-identities-{}.toml", std::process::id()));
    let put = |text: &str| std::fs::write(&file, text).unwrap();
    put(&register());
    let house = IdentityFile::open(file.clone(), NOW_S - 1_000).unwrap();
    let ask =
        |sent: &Sent| -> Result<Caller, Unidentified> { sent.with(|shown| house.identify(shown, NOW_S)) };
    let (first, second) = (Sent::post().signed("one", NOW_S), Sent::post().signed("two", NOW_S));
    assert_eq!(&*ask(&first).unwrap().name, "bank-a");
    put("[[caller]]\nname = \"half a");
    assert!(house.read_again().expect_err("no TOML").to_string().starts_with("identities: "));
    assert_eq!(&*ask(&second).unwrap().name, "bank-a", "the last good reading stays");
    put(&register().replace("bank-a-1", "bank-a-2"));
    house.read_again().unwrap();
    let unknown = Err(Unidentified::Signature(SignatureFault::UnknownKey));
    assert_eq!(ask(&Sent::post().signed("three", NOW_S)), unknown);
    put(&register());
    house.read_again().unwrap();
    assert_eq!(ask(&first), Err(Unidentified::Signature(SignatureFault::Replayed)));
    assert!(ask(&Sent::post().signed("four", NOW_S)).is_ok());
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_file_that_is_missing_is_named_and_nobody_is_nobody() {
    let fault =
        Identities::load(std::path::Path::new("/nonexistent/identities.toml"), NOW_S).expect_err("none");
    assert!(fault.to_string().contains("/nonexistent/identities.toml"), "{fault}");
    assert!(Sent::post().identify(&Identities::nobody()).is_err());
}

//! The file of identities: read whole, or refused with what is wrong.

use feiqian_identity::Identities;

use super::request::{NOW_S, register};

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
fn a_file_that_is_missing_is_named_and_nobody_is_nobody() {
    let fault =
        Identities::load(std::path::Path::new("/nonexistent/identities.toml"), NOW_S).expect_err("none");
    assert!(fault.to_string().contains("/nonexistent/identities.toml"), "{fault}");
    assert!(super::request::Sent::post().identify(&Identities::nobody()).is_err());
}

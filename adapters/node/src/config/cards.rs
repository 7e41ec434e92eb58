//! `[cards]`: the card port's bounds, and a `[[cards.link]]` for each network or acquirer that speaks on it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use feiqian_cards::{Algorithm, Envelope, Framing, Institution, Link, MacKeys, ServerOptions};
use feiqian_core::bic::Bic;
use feiqian_iso8583::Spec;
use feiqian_iso8583::framing::LengthHeader;
use feiqian_iso8583::limits::MESSAGE_BYTES_MAX;
use feiqian_iso8583::spec::{Extent, FieldSpec, Format};
use serde::Deserialize;

use super::{Rule, is_milliseconds, one_to_hour, one_to_minute};
use crate::fault::Fault;
use crate::keys::read_key_bytes;

/// Fields 64 and 128 of a link whose messages are authenticated.
const CODE_FIELD: FieldSpec = FieldSpec { format: Format::B, extent: Extent::Fixed, length: 8 };

/// `[cards]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CardsConfig {
    /// Path, relative to the data directory.
    pub token_key: PathBuf,
    /// Seconds.
    pub hold_timeout_s: u32,
    /// Sessions.
    pub sessions_max: usize,
    /// Requests.
    pub session_requests_in_flight_max: usize,
    /// Bytes.
    pub message_bytes_max: usize,
    /// Milliseconds.
    pub login_timeout_ms: u64,
    /// Milliseconds.
    pub idle_timeout_ms: u64,
    /// Milliseconds.
    pub write_timeout_ms: u64,
    /// Threads.
    pub worker_threads: usize,
    /// Who speaks; nobody by default.
    pub link: Vec<LinkConfig>,
}

/// `[[cards.link]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// For reports and errors.
    pub name: String,
    /// Loopback address and port.
    pub listen: SocketAddr,
    /// The length in front of a frame.
    #[serde(default)]
    pub length: LengthText,
    /// What stands between length and message.
    #[serde(default)]
    pub envelope: EnvelopeText,
    /// Name of a built-in field table, or path of one.
    pub table: String,
    /// Field 32 to the participant's BIC.
    pub institutions: BTreeMap<String, String>,
    /// How field 64 or 128 is computed.
    #[serde(default)]
    pub mac: MacText,
    /// Path of the key, relative to the data directory.
    pub mac_key: Option<PathBuf>,
    /// Path of the key that new ones come encrypted under.
    pub exchange_key: Option<PathBuf>,
    /// Whether payments wait for a sign-on.
    #[serde(default)]
    pub needs_sign_on: bool,
    /// Whether its institutions may enrol and withdraw cards of their own.
    #[serde(default)]
    pub file_actions: bool,
}

/// Length headers by their names in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LengthText {
    /// Two bytes.
    #[default]
    Binary2,
    /// Four bytes.
    Binary4,
    /// Four digits.
    Ascii4,
}

/// Envelopes by their names in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvelopeText {
    /// Nothing.
    #[default]
    Bare,
    /// Five bytes.
    Tpdu,
    /// Eleven bytes.
    Terminal,
    /// UnionPay's 46 bytes.
    Interchange,
}

/// Message authentication by its name in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MacText {
    /// None: whoever reaches the port is believed.
    #[default]
    None,
    /// ANSI X9.9.
    #[serde(rename = "x9.9")]
    X9_9,
    /// ANSI X9.19.
    #[serde(rename = "x9.19")]
    X9_19,
    /// UnionPay's terminals.
    UnionpayEcb,
}

impl Default for CardsConfig {
    fn default() -> Self {
        let options = ServerOptions::default();
        Self {
            token_key: PathBuf::from("keys/card-token.key"),
            hold_timeout_s: options.hold_timeout_s,
            sessions_max: options.sessions_max,
            session_requests_in_flight_max: options.requests_in_flight_max,
            message_bytes_max: options.message_bytes_max,
            login_timeout_ms: 10_000,
            idle_timeout_ms: 300_000,
            write_timeout_ms: 10_000,
            worker_threads: 1,
            link: Vec::new(),
        }
    }
}

impl CardsConfig {
    pub(super) fn rules(&self) -> Vec<Rule> {
        let count = |value: usize, max: usize| ((1..=max).contains(&value), format!("1 to {max}"));
        let (is_sessions, sessions_rule) = count(self.sessions_max, 65_536);
        let (is_requests, requests_rule) = count(self.session_requests_in_flight_max, 65_536);
        let (is_bytes, bytes_rule) = count(self.message_bytes_max, MESSAGE_BYTES_MAX);
        let (is_threads, threads_rule) = count(self.worker_threads, 256);
        let is_loopback = self.link.iter().all(|link| link.listen.ip().is_loopback());
        let loopback_rule = "a loopback address such as 127.0.0.1:9480, for card messages are not encrypted; \
                             put TLS or a private line before it to reach it from elsewhere";
        vec![
            ("cards", "hold_timeout_s", self.hold_timeout_s > 0, "at least 1".to_owned()),
            ("cards", "sessions_max", is_sessions, sessions_rule),
            ("cards", "session_requests_in_flight_max", is_requests, requests_rule),
            ("cards", "message_bytes_max", is_bytes, bytes_rule),
            ("cards", "login_timeout_ms", is_milliseconds(self.login_timeout_ms), one_to_minute()),
            ("cards", "idle_timeout_ms", (1..=3_600_000).contains(&self.idle_timeout_ms), one_to_hour()),
            ("cards", "write_timeout_ms", is_milliseconds(self.write_timeout_ms), one_to_minute()),
            ("cards", "worker_threads", is_threads, threads_rule),
            ("[cards.link]", "listen", is_loopback, loopback_rule.to_owned()),
        ]
    }

    /// The bounds of the server.
    #[must_use]
    pub fn options(&self) -> ServerOptions {
        ServerOptions {
            sessions_max: self.sessions_max,
            requests_in_flight_max: self.session_requests_in_flight_max,
            message_bytes_max: self.message_bytes_max,
            login_timeout: Duration::from_millis(self.login_timeout_ms),
            idle_timeout: Duration::from_millis(self.idle_timeout_ms),
            write_timeout: Duration::from_millis(self.write_timeout_ms),
            hold_timeout_s: self.hold_timeout_s,
        }
    }

    /// All links with their tables and keys.
    ///
    /// # Errors
    /// [`Fault::Usage`] naming the link and the key; [`Fault::Data`] for a key file.
    pub fn links(&self, data: &Path) -> Result<Vec<Link>, Fault> {
        self.link.iter().map(|link| link.read(data)).collect()
    }
}

impl LinkConfig {
    fn read(&self, data: &Path) -> Result<Link, Fault> {
        let spec = self.table()?;
        let is_code = |field| spec.field(field) == Some(CODE_FIELD);
        if spec.field(39).is_none() || (self.mac != MacText::None && !(is_code(64) && is_code(128))) {
            return Err(self.fault("table", "must have field 39, and with a mac fields 64 and 128 as b 8"));
        }
        // Who could alter a message could enrol cards for others' accounts.
        let is_whole = matches!(self.mac, MacText::X9_9 | MacText::X9_19) && spec.mac.is_none();
        if self.file_actions && !is_whole {
            return Err(
                self.fault("file_actions", "need mac x9.9 or x9.19 and a table whose codes cover all bytes")
            );
        }
        Ok(Link {
            name: self.name.clone(),
            listen: self.listen,
            framing: Framing { length: self.length(), envelope: self.envelope() },
            spec: Arc::new(spec),
            institutions: self.institutions()?,
            mac: self.keys(data)?,
            needs_sign_on: self.needs_sign_on,
            takes_file_actions: self.file_actions,
        })
    }

    fn fault(&self, key: &str, what: impl std::fmt::Display) -> Fault {
        Fault::Usage(format!("[[cards.link]] {}: {key} {what}", self.name))
    }

    fn table(&self) -> Result<Spec, Fault> {
        if let Some(spec) = Spec::built_in(&self.table) {
            return Ok(spec.clone());
        }
        let text = std::fs::read_to_string(&self.table)
            .map_err(|error| self.fault("table", format!("{}: {error}", self.table)))?;
        Spec::from_toml(&text).map_err(|error| self.fault("table", format!("{}: {error}", self.table)))
    }

    fn institutions(&self) -> Result<Vec<Institution>, Fault> {
        let read = |(code, bic): (&String, &String)| {
            let is_code = (1..=11).contains(&code.len()) && code.bytes().all(|digit| digit.is_ascii_digit());
            let number = code.parse().ok().filter(|_| is_code);
            let number =
                number.ok_or_else(|| self.fault("institutions", format!("{code}: 1 to 11 digits")))?;
            let participant =
                Bic::parse(bic).map_err(|error| self.fault("institutions", format!("{bic}: {error}")))?;
            Ok(Institution { code: number, participant })
        };
        let institutions: Vec<_> = self.institutions.iter().map(read).collect::<Result<_, Fault>>()?;
        if institutions.is_empty() {
            Err(self.fault("institutions", "names nobody"))
        } else {
            Ok(institutions)
        }
    }

    fn keys(&self, data: &Path) -> Result<Option<MacKeys>, Fault> {
        let algorithm = match self.mac {
            MacText::None => return Ok(None),
            MacText::X9_9 => Algorithm::X9_9,
            MacText::X9_19 => Algorithm::X9_19,
            MacText::UnionpayEcb => Algorithm::UnionPayEcb,
        };
        let path = self.mac_key.as_ref().ok_or_else(|| self.fault("mac_key", "is missing"))?;
        let exchange = self.exchange_key.as_ref().map(|path| read_key_bytes(&data.join(path))).transpose()?;
        Ok(Some(MacKeys::new(algorithm, read_key_bytes(&data.join(path))?, exchange)))
    }

    const fn length(&self) -> LengthHeader {
        match self.length {
            LengthText::Binary2 => LengthHeader::Binary2,
            LengthText::Binary4 => LengthHeader::Binary4,
            LengthText::Ascii4 => LengthHeader::Ascii4,
        }
    }

    const fn envelope(&self) -> Envelope {
        match self.envelope {
            EnvelopeText::Bare => Envelope::Bare,
            EnvelopeText::Tpdu => Envelope::Tpdu,
            EnvelopeText::Terminal => Envelope::Terminal,
            EnvelopeText::Interchange => Envelope::Interchange,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    /// The commented link of the shipped file, as somebody who wants it writes it.
    fn example() -> String {
        let shipped = include_str!("../../../../config/feiqian.toml");
        let from = shipped.find("#[[cards.link]]").expect("there is an example");
        let lines = shipped[from..].lines().take_while(|line| line.starts_with('#'));
        lines.map(|line| line[1..].to_owned() + "\n").collect()
    }

    #[test]
    fn the_shipped_example_of_a_link_is_read() {
        let config = Config::parse(Path::new("some.toml"), &example()).expect("good");
        let links = config.cards.links(Path::new("nowhere"));
        let fault = links.expect_err("no key file there").to_string();
        assert!(fault.contains("nowhere/keys/acquirer.mac"), "{fault}");
    }

    #[test]
    fn a_link_is_refused_with_its_name_and_key() {
        let read = |text: &str| {
            let base = format!("[[cards.link]]\nname = \"x\"\nlisten = \"127.0.0.1:0\"\n{text}\n");
            let config = Config::parse(Path::new("some.toml"), &base).map_err(|fault| fault.to_string())?;
            config.cards.links(Path::new("nowhere")).map_err(|fault| fault.to_string())
        };
        let rows = [
            ("table = \"unionpay\"\ninstitutions = { }", "x: institutions names nobody"),
            ("table = \"none\"\ninstitutions = { 1 = \"BNKBXXAA\" }", "x: table none"),
            ("table = \"unionpay\"\ninstitutions = { one = \"BNKBXXAA\" }", "one: 1 to 11 digits"),
            ("table = \"unionpay\"\ninstitutions = { 1 = \"BANK\" }", "x: institutions BANK"),
            (
                "table = \"unionpay\"\nmac = \"x9.19\"\ninstitutions = { 1 = \"BNKBXXAA\" }",
                "x: mac_key is missing",
            ),
            ("table = \"unionpay\"\nlength = \"ternary\"\ninstitutions = { }", "ternary"),
            (
                "table = \"unionpay\"\nfile_actions = true\ninstitutions = { 1 = \"BNKBXXAA\" }",
                "x: file_actions need mac",
            ),
            (
                "table = \"unionpay\"\nmac = \"unionpay-ecb\"\nfile_actions = true\n\
                 institutions = { 1 = \"BNKBXXAA\" }",
                "x: file_actions need mac",
            ),
            (
                "table = \"unionpay-mab\"\nmac = \"x9.19\"\nfile_actions = true\n\
                 institutions = { 1 = \"BNKBXXAA\" }",
                "x: file_actions need mac",
            ),
        ];
        for (text, words) in rows {
            let fault = read(text).expect_err("refused");
            assert!(fault.contains(words), "{words}: {fault}");
        }
        assert_eq!(read("table = \"unionpay\"\ninstitutions = { 1 = \"BNKBXXAA\" }").expect("good").len(), 1);
    }

    #[test]
    fn a_link_with_codes_has_a_table_with_both_of_their_fields() {
        let path = std::env::temp_dir().join(format!("feiqian-cards-table-{}.toml", std::process::id()));
        let read = |fields: &str, mac: &str| {
            let table = format!("name = \"own\"\nbase = \"generic-1987\"\n\n[fields]\n{fields}\n");
            std::fs::write(&path, table).expect("written");
            let link = format!(
                "[[cards.link]]\nname = \"x\"\nlisten = \"127.0.0.1:0\"\ntable = {path:?}\n{mac}\n\
                 institutions = {{ 1 = \"BNKBXXAA\" }}\n"
            );
            let config = Config::parse(Path::new("some.toml"), &link).expect("good");
            config
                .cards
                .links(Path::new("nowhere"))
                .map(|links| links.len())
                .map_err(|fault| fault.to_string())
        };
        let mac = "mac = \"x9.19\"\nmac_key = \"none.mac\"";
        for fields in ["64 = \"b 16\"", "128 = \"b 16\"", "128 = \"an 8\"", "128 = \"b..8\""] {
            let fault = read(fields, mac).expect_err("refused");
            assert!(fault.contains("with a mac fields 64 and 128 as b 8"), "{fields}: {fault}");
            assert_eq!(read(fields, ""), Ok(1), "{fields}: without a mac it is its own affair");
        }
        let fault = read("", mac).expect_err("no key file there");
        assert!(fault.contains("nowhere/none.mac"), "{fault}");
        std::fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn a_link_listens_on_loopback_only() {
        let text = "[[cards.link]]\nname = \"x\"\nlisten = \"0.0.0.0:9480\"\ntable = \"unionpay\"\n\
                    institutions = { 1 = \"BNKBXXAA\" }\n";
        let fault = Config::parse(Path::new("some.toml"), text).expect_err("refused").to_string();
        assert!(fault.starts_with("some.toml:3: listen in [[cards.link]] must be a loopback"), "{fault}");
    }
}

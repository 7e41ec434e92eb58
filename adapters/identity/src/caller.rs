//! What a request shows of its sender, and what is known of one that is found.

use std::fmt;

use feiqian_core::bic::Bic;
use serde::Deserialize;

/// What a caller may do. Each route of a transport says which of them it asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends payments, holds, returns and orders for its participant.
    Submitter,
    /// Approves what another has proposed.
    Approver,
    /// Sees its participant's accounts, reports and receipts.
    Viewer,
    /// Sees everybody's, and changes nothing.
    Auditor,
    /// Runs the clearing house.
    Operator,
    /// Follows the journal and cosigns.
    Validator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Submitter, Self::Approver, Self::Viewer, Self::Auditor, Self::Operator, Self::Validator];

    /// As the file of identities writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submitter => "submitter",
            Self::Approver => "approver",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Validator => "validator",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Submitter => 1,
            Self::Approver => 1 << 1,
            Self::Viewer => 1 << 2,
            Self::Auditor => 1 << 3,
            Self::Operator => 1 << 4,
            Self::Validator => 1 << 5,
        }
    }
}

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u8);

impl Roles {
    /// These.
    #[must_use]
    pub fn of(roles: &[Role]) -> Self {
        Self(roles.iter().fold(0, |bits, role| bits | role.bit()))
    }

    /// Whether one is among them.
    #[must_use]
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Role::ALL.iter().filter(|role| self.has(**role))).finish()
    }
}

/// A sender that has proven who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Its name in the file of identities.
    pub name: Box<str>,
    /// For whom it acts; none for those who belong to no participant.
    pub participant: Option<Bic>,
    /// What it may do: its own roles, and of those what its proof is for.
    pub roles: Roles,
}

/// What a request shows of its sender.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// `GET`, `POST` …
    pub method: &'a str,
    /// `http` or `https`: of the connection, whatever a header says.
    pub scheme: &'a str,
    /// The host that the request names, with its port where it names one.
    pub authority: &'a str,
    /// The path, as sent.
    pub path: &'a str,
    /// What stands behind the question mark, as sent; none without one.
    pub query: Option<&'a str>,
    /// A header's value by its name in lower case.
    pub headers: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    /// The whole body.
    pub body: &'a [u8],
    /// The certificate of the other end of the connection (DER), which TLS has verified.
    pub certificate: Option<&'a [u8]>,
}

impl fmt::Debug for Presented<'_> {
    /// Neither headers, which may hold a key, nor the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_certificate = self.certificate.is_some();
        write!(f, "Presented({} {}, certificate: {has_certificate})", self.method, self.path)
    }
}

impl<'a> Presented<'a> {
    pub(crate) fn header(&self, name: &str) -> Option<&'a [u8]> {
        (self.headers)(name)
    }
}

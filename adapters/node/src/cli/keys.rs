//! The command line of callers' keys and certificates: `feiqian keys`. Parses and nothing else.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// A step of `feiqian keys`.
#[derive(Debug, Subcommand)]
pub enum KeysStep {
    /// Make a certificate authority for trials: ca.pem, ca.key, and revoked.pem with nothing in it
    Ca {
        /// A new folder
        folder: PathBuf,
        /// Its common name
        #[arg(long, default_value = "Feiqian TEST CA", value_name = "NAME")]
        name: String,
        /// Days for which it is good
        #[arg(long, default_value_t = 365, value_name = "N")]
        days: u16,
    },
    /// Make the server's certificate: server.pem and server.key
    Server(CertificateArgs),
    /// Make a client's certificate, and say what stands for it in the file of identities
    Client(CertificateArgs),
    /// Revoke a certificate, or renew the list of those that are: revoked.pem
    Revoke {
        /// The authority's folder
        #[arg(long, value_name = "DIR")]
        ca: PathBuf,
        /// Serial numbers, hexadecimal; none renews the list
        #[arg(value_name = "SERIAL")]
        serials: Vec<String>,
        /// Days until the list is renewed; past them nobody is let in
        #[arg(long, default_value_t = 30, value_name = "N")]
        days: u16,
    },
    /// Make an API key, show it this once, and say what stands for it in the file of identities
    Api {
        /// What it is good for: submitter, approver, viewer, auditor, operator, validator
        #[arg(required = true, value_name = "ROLE")]
        roles: Vec<String>,
        /// Days until it expires
        #[arg(long, default_value_t = 90, value_name = "N")]
        days: u16,
    },
    /// Make a key that signs requests, and say what stands for it in the file of identities
    Signing {
        /// The secret key's new file
        file: PathBuf,
        /// Its name: what a signature's keyid says
        #[arg(long, value_name = "NAME")]
        id: String,
    },
}

/// A certificate to make.
#[derive(Debug, Args)]
pub struct CertificateArgs {
    /// DNS names or IP addresses of its subjectAltName; the first names its files of a client too
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// The authority's folder
    #[arg(long, value_name = "DIR")]
    pub ca: PathBuf,
    /// Where certificate and key are written [default: the authority's folder]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Days for which it is good
    #[arg(long, default_value_t = 90, value_name = "N")]
    pub days: u16,
}

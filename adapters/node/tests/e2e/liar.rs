//! A server between a load and the JSON API that passes everything on, but for one payment: that it swallows, and says that it
//! has cleared. What a clearing house that loses acknowledged transfers looks like from outside.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

/// The payment that is swallowed.
const SWALLOWED: u64 = 25;

pub(crate) struct Liar {
    pub(crate) address: String,
    payments: Arc<AtomicU64>,
}

impl Liar {
    /// Listens before an API at `http://…`.
    pub(crate) fn before(api: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let (payments, api) = (Arc::<AtomicU64>::default(), api.trim_start_matches("http://").to_owned());
        let counted = Arc::clone(&payments);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (counted, api) = (Arc::clone(&counted), api.clone());
                std::thread::spawn(move || {
                    pass(&client, &TcpStream::connect(api).expect("the API"), &counted);
                });
            }
        });
        Self { address, payments }
    }

    pub(crate) fn has_lied(&self) -> bool {
        self.payments.load(Ordering::SeqCst) >= SWALLOWED
    }
}

/// One connection, until either side ends it.
fn pass(client: &TcpStream, api: &TcpStream, payments: &AtomicU64) {
    let (mut from_client, mut from_api) = (BufReader::new(client), BufReader::new(api));
    let (mut to_client, mut to_api, mut last) = (client, api, 0);
    while let Some((head, body)) = message(&mut from_client) {
        let is_payment = head.starts_with("POST /v1/transfers ");
        if is_payment && payments.fetch_add(1, Ordering::SeqCst) + 1 == SWALLOWED {
            let lie = swallowed(&body, last + 1).to_string();
            let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", lie.len());
            to_client.write_all((head + &lie).as_bytes()).expect("sent");
            continue;
        }
        let _ = to_api.write_all(&[head.as_bytes(), &body].concat());
        let Some((head, body)) = message(&mut from_api) else { return };
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        last = told["sequence"].as_u64().unwrap_or(last);
        let _ = to_client.write_all(&[head.as_bytes(), &body].concat());
    }
}

/// What the API would have said.
fn swallowed(payment: &[u8], sequence: u64) -> Value {
    let payment: Value = serde_json::from_slice(payment).expect("JSON");
    let (uetr, amount) = (&payment["uetr"], &payment["amount"]);
    serde_json::json!({"uetr": uetr, "state": "CLEARED", "outcome": "CLEARED", "sequence": sequence, "amount": amount})
}

/// Head and body; none at the end.
fn message(from: &mut BufReader<&TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let begin = head.len();
        from.read_line(&mut head).ok().filter(|read| *read > 0)?;
        let line = head[begin..].trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some((head, body))
}

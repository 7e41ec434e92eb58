//! A connection of a caller to the JSON API that stays: a request, its answer, the next. Knows HTTP/1.1 as far as the API's
//! answers need it, and nothing of what they say.

use std::net::SocketAddr;

use feiqian_core::bic::Bic;
use feiqian_identity::api_key::ApiKey;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Bytes of an answer's head at the most.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of an answer's body at the most: a full bulk's takes two million.
const BODY_BYTES_MAX: usize = 16 << 20;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Who asks, and what proves it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The participant.
    pub bic: Bic,
    /// Of the participant's submitter.
    pub key: ApiKey,
}

/// A caller's connection.
pub(in super::super) struct Connection {
    address: SocketAddr,
    /// The lines of a request's head that are always the same.
    head: String,
    stream: TcpStream,
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What was sent has the key in it.
        f.debug_struct("Connection").field("address", &self.address).finish_non_exhaustive()
    }
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Answer<'a> {
    pub(in super::super) status: u16,
    pub(in super::super) body: &'a [u8],
}

/// An answer's status, and where its body ends.
struct Frame {
    status: u16,
    body: std::ops::Range<usize>,
}

#[derive(Deserialize)]
struct OwnAccounts {
    accounts: Vec<OwnAccount>,
}

#[derive(Deserialize)]
struct OwnAccount {
    participant: String,
}

impl Connection {
    /// Connects, and finds out whether the server takes the key and knows the participant by it.
    pub(in super::super) async fn open(address: SocketAddr, caller: &Caller) -> Result<Self, String> {
        let head = format!("host: {address}\r\nauthorization: Bearer {}\r\n", caller.key.reveal());
        let stream = connect(address).await?;
        let mut opened = Self { address, head, stream, sent: Vec::new(), received: Vec::new() };
        let own: OwnAccounts = opened.get("/v1/accounts?limit=1").await?.ok_or("it knows no accounts")?;
        match own.accounts.first() {
            Some(account) if account.participant != caller.bic.as_str() => {
                Err(format!("the key is of {}", account.participant))
            }
            _ => Ok(opened),
        }
    }

    /// Asks for something; none where it is not there.
    pub(in super::super) async fn get<T: serde::de::DeserializeOwned>(
        &mut self,
        path: &str,
    ) -> Result<Option<T>, String> {
        let answer = self.ask("GET", path, "").await?;
        match answer.status {
            200 => serde_json::from_slice(answer.body).map(Some).map_err(|fault| format!("{path}: {fault}")),
            404 => Ok(None),
            status => Err(format!("{path}: {status} {}", String::from_utf8_lossy(answer.body))),
        }
    }

    /// Sends a request and waits for its answer. One whose connection was closed before its answer began (it had been idle
    /// too long) is sent again over another: a transfer is paid once, however often it is sent.
    pub(in super::super) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Answer<'_>, String> {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\n{}content-type: application/json\r\ncontent-length: {length}\r\n\r\n",
            self.head
        );
        self.sent.clear();
        self.sent.extend_from_slice(head.as_bytes());
        self.sent.extend_from_slice(body.as_bytes());
        let frame = match self.exchange().await? {
            Some(frame) => frame,
            None => {
                self.stream = connect(self.address).await?;
                self.exchange().await?.ok_or("the server closes a connection without an answer")?
            }
        };
        Ok(Answer { status: frame.status, body: self.received.get(frame.body).unwrap_or_default() })
    }

    /// None where the connection was closed before a byte came.
    async fn exchange(&mut self) -> Result<Option<Frame>, String> {
        self.received.clear();
        if self.stream.write_all(&self.sent).await.is_err() {
            return Ok(None);
        }
        let mut frame = None;
        loop {
            if frame.is_none() {
                frame = frame_of(&self.received)?;
            }
            if let Some(frame) = frame.take_if(|frame| frame.body.end <= self.received.len()) {
                return Ok(Some(frame));
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(1..) => {}
                Ok(0) | Err(_) if self.received.is_empty() => return Ok(None),
                Ok(0) => return Err("the server has closed a connection within an answer".to_owned()),
                Err(fault) => return Err(fault.to_string()),
            }
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(address).await.map_err(|fault| fault.to_string())?;
    stream.set_nodelay(true).map_err(|fault| fault.to_string())?;
    Ok(stream)
}

/// Of the bytes that have come so far; none until the head is whole.
fn frame_of(received: &[u8]) -> Result<Option<Frame>, String> {
    let end = received.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD);
    let Some(end) = end else {
        let is_too_long = received.len() > HEAD_BYTES_MAX;
        return if is_too_long { Err("an answer's head does not end".to_owned()) } else { Ok(None) };
    };
    let head = String::from_utf8_lossy(received.get(..end).unwrap_or_default());
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let (Some(status), Some(length @ 0..=BODY_BYTES_MAX)) = (status, length) else {
        return Err(format!("no answer of the JSON API: {head:?}"));
    };
    let begin = end + END_OF_HEAD.len();
    Ok(Some(Frame { status, body: begin..begin + length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_framed_by_its_length_and_anything_else_is_none() {
        let text = b"HTTP/1.1 201 Created\r\nserver: x\r\nContent-Length: 2\r\n\r\n{}";
        for end in 0..text.len() - 2 {
            let frame = frame_of(&text[..end]).expect("a part of an answer");
            assert!(frame.is_none(), "{end}");
        }
        let frame = frame_of(text).expect("an answer").expect("whole");
        assert_eq!((frame.status, &text[frame.body]), (201, &b"{}"[..]));
        for text in [
            &b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}"[..],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
        ] {
            assert!(frame_of(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
        assert!(frame_of(&[b'x'; HEAD_BYTES_MAX + 1]).is_err());
    }
}

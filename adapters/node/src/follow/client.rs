//! The asking side: a [`Source`] over HTTP. Every answer is bounded; what is in it, the asker checks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use feiqian_proof::Hash;
use feiqian_proof::note::is_key_name;
use feiqian_proof::signature::{Signature, SigningKey};
use feiqian_runtime::follow::{ServedFrames, Source, SourceFault};
use feiqian_runtime::stores::StoredBlock;
use serde::{Deserialize, Serialize};
use ureq::Agent;

use super::request::{AUDIENCE_HEADER, Asked, NAME_HEADER, SIGNATURE_HEADER, TIME_HEADER, sign};
use super::{BLOCK_BYTES, BLOCKS_MAX, CHUNK_BYTES_MAX, PREFIX, ROWS_MAX, WAIT_MS_MAX};
use crate::fault::Fault;

/// An answer takes this long at the most.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A frame may be longer than a chunk: two of them bound any answer.
const ANSWER_BYTES_MAX: u64 = 2 * CHUNK_BYTES_MAX as u64;

/// What a source says of itself; nothing of it is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Hexadecimal.
    pub chain_id: String,
    /// The operator's public key, hexadecimal.
    pub operator: String,
    /// The last block.
    pub height: u64,
    /// The last durable sequence.
    pub durable: u64,
    /// Number of the last segment.
    pub segments: u32,
    /// Bytes of the longest segment.
    pub segment_bytes_max: u64,
    /// Heights of the snapshots, newest first.
    pub snapshots: Vec<u64>,
}

/// A source at an address, asked under a name and its key.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    /// Host and port of the base: whom requests are signed for.
    audience: String,
    name: String,
    key: SigningKey,
    /// What the last answer with frames said of the source's height.
    height: u64,
    wait_ms: u64,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    height: Option<u64>,
    total: Option<u64>,
    /// The operator's, under frames.
    signature: Option<Signature>,
}

impl Client {
    /// A client; it connects when it asks.
    ///
    /// # Errors
    /// [`Fault::Usage`] for what is no `http://HOST:PORT` or no name of a key.
    pub fn new(from: &str, name: &str, key: SigningKey) -> Result<Self, Fault> {
        let base = from.trim_end_matches('/');
        if !base.starts_with("http://") {
            let way = "must be http://HOST:PORT (put a TLS proxy in front where it leaves the machine)";
            return Err(Fault::Usage(format!("--from {from}: {way}")));
        }
        let audience = audience_of(base);
        if !is_key_name(name) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Fault::Usage(format!("--name {name:?}: visible ASCII without spaces and +")));
        }
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Ok(Self {
            agent: config.into(),
            base: base.to_owned(),
            audience,
            name: name.to_owned(),
            key,
            height: 0,
            wait_ms: WAIT_MS_MAX,
        })
    }

    /// How long the source may wait for frames before it answers that there are none, milliseconds.
    pub fn wait_for_frames(&mut self, wait_ms: u64) {
        self.wait_ms = wait_ms.min(WAIT_MS_MAX);
    }

    /// The height that the source said last.
    #[must_use]
    pub const fn height(&self) -> u64 {
        self.height
    }

    /// What the source says of itself.
    ///
    /// # Errors
    /// [`SourceFault`].
    pub fn state(&mut self) -> Result<SourceState, SourceFault> {
        let answer = self.get("/state")?;
        serde_json::from_slice(&answer.body).map_err(|error| SourceFault::Malformed(error.to_string()))
    }

    /// A whole segment's file, of at most so many bytes.
    ///
    /// # Errors
    /// [`SourceFault`].
    pub fn segment(&mut self, number: u32, bytes_max: u64) -> Result<Vec<u8>, SourceFault> {
        self.file(&format!("/segments/{number}"), bytes_max)
    }

    /// A whole snapshot's file, of at most so many bytes.
    ///
    /// # Errors
    /// [`SourceFault`].
    pub fn snapshot(&mut self, height: u64, bytes_max: u64) -> Result<Vec<u8>, SourceFault> {
        self.file(&format!("/snapshots/{height}"), bytes_max)
    }

    /// Piece by piece: a source that says of itself that it has more, or gives more than it said, is left at once.
    fn file(&mut self, path: &str, bytes_max: u64) -> Result<Vec<u8>, SourceFault> {
        let malformed = |what: &str| Err(SourceFault::Malformed(what.to_owned()));
        let (mut bytes, mut length) = (Vec::new(), None);
        loop {
            let answer = self.get(&format!("{path}?offset={}", bytes.len()))?;
            let Some(total) = answer.total else { return malformed("a file without a length") };
            if total > bytes_max {
                return malformed(&format!("a file of {total} bytes, where {bytes_max} are the most"));
            }
            if *length.get_or_insert(total) != total {
                return malformed("a file whose length changes");
            }
            if answer.body.is_empty() && (bytes.len() as u64) < total {
                return malformed("a file that ends early");
            }
            bytes.extend(answer.body);
            if bytes.len() as u64 > total {
                return malformed("a file that is longer than was said");
            }
            if bytes.len() as u64 == total {
                return Ok(bytes);
            }
        }
    }

    fn get(&mut self, path: &str) -> Result<Answer, SourceFault> {
        let answer = self.ask("GET", path, &[])?;
        match answer.status {
            200 => Ok(answer),
            _ => Err(refused(&answer)),
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Answer, SourceFault> {
        let path = format!("{PREFIX}{path}");
        let url = format!("{}{path}", self.base);
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let asked = Asked { audience: &self.audience, method, path: &path };
        let signature = sign(&self.key, asked, time, body).to_string();
        let headers = [
            (AUDIENCE_HEADER, self.audience.clone()),
            (NAME_HEADER, self.name.clone()),
            (TIME_HEADER, time.to_string()),
            (SIGNATURE_HEADER, signature),
        ];
        let unreachable = |error: ureq::Error| SourceFault::Unreachable(error.to_string());
        let mut response = if method == "GET" {
            let request = self.agent.get(&url);
            headers.iter().fold(request, |request, (name, value)| request.header(*name, value)).call()
        } else {
            let request = self.agent.post(&url);
            headers.iter().fold(request, |request, (name, value)| request.header(*name, value)).send(body)
        }
        .map_err(unreachable)?;
        let number = |name: &str| response.headers().get(name)?.to_str().ok()?.parse().ok();
        let (height, total) = (number("feiqian-height"), number("feiqian-total"));
        let signature = response.headers().get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
        let signature = signature.and_then(Signature::from_hex);
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        Ok(Answer { status, body: body.map_err(unreachable)?, height, total, signature })
    }
}

/// Host and port of a base address, as the caller knows the source.
fn audience_of(base: &str) -> String {
    let rest = base.strip_prefix("http://").unwrap_or(base);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let has_port = authority.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    });
    if has_port { authority } else { format!("{authority}:80") }
}

fn refused(answer: &Answer) -> SourceFault {
    let text = String::from_utf8_lossy(&answer.body);
    SourceFault::Unreachable(format!("it answers {}: {}", answer.status, text.trim_end()))
}

impl Source for Client {
    fn frames(&mut self, sequence: u64) -> Result<ServedFrames, SourceFault> {
        let answer = self.ask("GET", &format!("/frames/{sequence}?wait_ms={}", self.wait_ms), &[])?;
        self.height = answer.height.unwrap_or(self.height);
        match answer.status {
            200 => Ok(ServedFrames { bytes: answer.body, signature: answer.signature }),
            416 => Err(SourceFault::EndsBefore(sequence)),
            _ => Err(refused(&answer)),
        }
    }

    fn blocks(&mut self, height: u64) -> Result<Vec<StoredBlock>, SourceFault> {
        let answer = self.get(&format!("/blocks/{height}"))?;
        let (blocks, rest) = answer.body.as_chunks::<BLOCK_BYTES>();
        if !rest.is_empty() || blocks.len() as u64 > BLOCKS_MAX {
            return Err(SourceFault::Malformed("blocks of another length".to_owned()));
        }
        Ok(blocks.iter().map(stored).collect())
    }

    fn groups(&mut self, height: u64) -> Result<Vec<Hash>, SourceFault> {
        let answer = self.get(&format!("/groups/{height}"))?;
        let (groups, rest) = answer.body.as_chunks();
        if !rest.is_empty() {
            return Err(SourceFault::Malformed("roots of another length".to_owned()));
        }
        Ok(groups.iter().copied().map(Hash).collect())
    }

    fn rows(&mut self, sequence: u64, count: usize) -> Result<Vec<u8>, SourceFault> {
        let count = count.min(ROWS_MAX);
        Ok(self.get(&format!("/rows/{sequence}?count={count}"))?.body)
    }

    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, SourceFault> {
        let answer = self.ask("GET", "/checkpoint", &[])?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            _ => Err(refused(&answer)),
        }
    }

    fn hand_in(&mut self, cosigned: &[u8]) -> Result<(), SourceFault> {
        let answer = self.ask("POST", "/cosignatures", cosigned)?;
        match answer.status {
            // Not one of the policy's, or older than what is kept: nothing that asking again would change.
            200 | 204 | 409 => Ok(()),
            _ => Err(refused(&answer)),
        }
    }
}

fn stored(bytes: &[u8; BLOCK_BYTES]) -> StoredBlock {
    let mut block = StoredBlock { header: [0; 320], signature: [0; 64] };
    let (header, signature) = bytes.split_at(block.header.len());
    block.header.copy_from_slice(header);
    block.signature.copy_from_slice(signature);
    block
}

#[cfg(test)]
mod tests {
    use super::audience_of;

    #[test]
    fn requests_are_signed_for_the_host_and_port_that_are_asked() {
        for (base, audience) in [
            ("http://127.0.0.1:9470", "127.0.0.1:9470"),
            ("http://Clearing.example", "clearing.example:80"),
            ("http://clearing.example/feiqian", "clearing.example:80"),
            ("http://me:secret@clearing.example:81/x?y", "clearing.example:81"),
            ("http://[::1]", "[::1]:80"),
            ("http://[::1]:9470", "[::1]:9470"),
        ] {
            assert_eq!(audience_of(base), audience, "{base}");
        }
    }
}

//! A receiver of webhooks, as a bank would run one: a socket that takes requests, checks whose they are by the file of
//! identities that names the operator's key, and answers what a test tells it to. One connection at a time.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver as Channel, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use feiqian_identity::{Identities, Presented, Unidentified};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

/// Far above what any step takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a request is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// A redirect to this port of the machine.
    Redirect(u16),
    /// Nothing, until the other end lets go.
    Silence,
}

/// A request that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    pub(crate) target: String,
    pub(crate) heads: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    requests: Channel<Request>,
}

impl Receiver {
    /// Answers the n-th request, from 0, as it is told.
    pub(crate) fn start(reply: impl FnMut(usize) -> Reply + Send + 'static) -> Self {
        Self::listen(reply, None)
    }

    /// As [`Receiver::start`], over TLS.
    pub(crate) fn start_tls(reply: impl FnMut(usize) -> Reply + Send + 'static, tls: ServerConfig) -> Self {
        Self::listen(reply, Some(Arc::new(tls)))
    }

    fn listen(reply: impl FnMut(usize) -> Reply + Send + 'static, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let (tell, requests) = channel();
        // Ends with the test, or when its channel has gone.
        std::thread::spawn(move || serve(&listener, tls.as_ref(), reply, &tell));
        Self { address, requests }
    }

    pub(crate) fn next(&self) -> Request {
        self.requests.recv_timeout(PATIENCE).expect("a request in time")
    }

    /// What comes within a time; none where nothing does.
    pub(crate) fn within(&self, time: Duration) -> Option<Request> {
        match self.requests.recv_timeout(time) {
            Ok(request) => Some(request),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the receiver has ended"),
        }
    }

    /// The events of requests that are all taken, until there are so many.
    pub(crate) fn events(&self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(self.next().events());
        }
        events
    }

    /// A bank's file of identities, in which the operator may tell it something.
    pub(crate) fn identities(&self, operator: &str) -> Identities {
        let file = format!(
            "authorities = [\"{}\", \"localhost\"]\n[[caller]]\nname = \"house\"\nroles = [\"operator\"]\n\
             [[caller.signing_key]]\nid = \"{operator}\"\npublic_key = \"{operator}\"\n",
            self.address.ip()
        );
        Identities::parse(&file, now_s() - 1_000).expect("a file of identities")
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

impl Request {
    pub(crate) fn head(&self, name: &str) -> &str {
        let found = self.heads.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    pub(crate) fn id(&self) -> &str {
        self.head("webhook-id")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        self.json()["events"].as_array().expect("a list").clone()
    }

    /// Who has sent it, as a bank would ask.
    pub(crate) fn sender(&self, identities: &Identities, scheme: &str) -> Result<String, Unidentified> {
        let headers = |name: &str| {
            let found = self.heads.iter().find(|(own, _)| own == name);
            found.map(|(_, value)| value.as_bytes())
        };
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        let authority = self.head("host");
        let shown = Presented {
            method: "POST",
            scheme,
            authority,
            path,
            query,
            headers: &headers,
            body: &self.body,
            certificate: None,
        };
        identities.identify(&shown, now_s()).map(|caller| caller.name.into())
    }
}

fn serve(
    listener: &TcpListener,
    tls: Option<&Arc<ServerConfig>>,
    mut reply: impl FnMut(usize) -> Reply,
    tell: &Sender<Request>,
) {
    let mut count = 0;
    let mut next = || {
        count += 1;
        reply(count - 1)
    };
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let told = match tls {
            None => converse(stream, &mut next, tell),
            Some(tls) => {
                let session = ServerConnection::new(Arc::clone(tls)).expect("a configuration");
                converse(StreamOwned::new(session, stream), &mut next, tell)
            }
        };
        if !told {
            return;
        }
    }
}

/// Answers the requests of one connection; false once nobody is told any more.
fn converse(stream: impl Read + Write, next: &mut impl FnMut() -> Reply, tell: &Sender<Request>) -> bool {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream) {
        let reply = next();
        // Said before it is answered, as by a receiver that takes it before it says so.
        if tell.send(request).is_err() {
            return false;
        }
        let text = match reply {
            Reply::Status(status) => format!("HTTP/1.1 {status} Told\r\ncontent-length: 2\r\n\r\nok"),
            Reply::Redirect(port) => format!(
                "HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n"
            ),
            Reply::Silence => {
                let _ = stream.read_to_end(&mut Vec::new());
                return true;
            }
        };
        if stream.get_mut().write_all(text.as_bytes()).and_then(|()| stream.get_mut().flush()).is_err() {
            return true;
        }
    }
    true
}

/// The next request; none where the connection ends, be it in the midst of one.
fn read(stream: &mut BufReader<impl Read>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let target = lines.first()?.split(' ').nth(1)?.to_owned();
    assert!(lines[0].starts_with("POST "), "{lines:?}");
    let heads = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
    let heads: Vec<_> = heads.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length = heads.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).expect("a length")];
    stream.read_exact(&mut body).ok()?;
    Some(Request { target, heads, body })
}

//! Any bytes as what a client sends after its login, and as what a server answers: reading never panics, no message claims
//! more than the longest that there is, and a header that was read has no second writing.
#![no_main]

use feiqian_core::limits::BATCH_TRANSFERS_MAX;
use feiqian_wire::client::read_reply;
use feiqian_wire::layout::{
    HEADER_BYTES, Header, REPLY_BODY_BYTES_MAX, REQUEST_BODY_BYTES_MAX, Request, message,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    requests(bytes);
    replies(bytes);
});

fn requests(received: &[u8]) {
    let (mut rest, mut read) = (received, 0);
    while let Some(header) = rest.first_chunk::<HEADER_BYTES>() {
        let Ok((number, request)) = Request::read(header) else { break };
        let (kind, again) = Header::read(header).expect("what is a request has a header");
        assert!(again.body_bytes() <= REQUEST_BODY_BYTES_MAX, "{kind:?}");
        assert_eq!(number, again.request.get());
        if let Request::Batch { count, .. } = request {
            assert!((1..=BATCH_TRANSFERS_MAX).contains(&count));
        }
        let Some(body) = rest[HEADER_BYTES..].get(..again.body_bytes()) else { break };
        assert_eq!(message(again, body), rest[..HEADER_BYTES + body.len()], "a message has one writing");
        rest = &rest[HEADER_BYTES + body.len()..];
        read += HEADER_BYTES + body.len();
    }
    assert!(read <= received.len());
}

fn replies(received: &[u8]) {
    let Some((header, body)) = received.split_first_chunk::<HEADER_BYTES>() else { return };
    let Ok((kind, header)) = Header::read(header) else { return };
    let body = &body[..body.len().min(header.body_bytes()).min(REPLY_BODY_BYTES_MAX)];
    let Ok(Some(reply)) = read_reply(kind, &header, body) else { return };
    let _ = format!("{reply:?}");
    if let feiqian_wire::client::Verdict::Outcomes(outcomes) = &reply.verdict {
        assert_eq!(outcomes.rows.iter().count(), outcomes.rows.len());
        assert!(!outcomes.rows.is_empty() && outcomes.rows.len() <= BATCH_TRANSFERS_MAX);
    }
}

//! The certificate that a connection's other end has shown: kept with the connection for all of its requests. TLS has held it
//! against the roots and the list of revocations; whom it names is for whoever identifies to say.

use std::any::Any;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;

/// The leaf (DER).
struct Shown(Box<[u8]>);

/// Keeps what a new connection has shown; nothing of one without TLS or without a certificate.
pub(crate) fn keep(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let (_, session) = stream.get_ref();
    if let Some(leaf) = session.peer_certificates().and_then(|chain| chain.first()) {
        data.insert(Shown(leaf.as_ref().into()));
    }
}

/// What the connection of a request has shown.
pub(crate) fn of(request: &HttpRequest) -> Option<&[u8]> {
    request.conn_data::<Shown>().map(|shown| &*shown.0)
}

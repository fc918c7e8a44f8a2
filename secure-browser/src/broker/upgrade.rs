//! Two byte streams made one: WebSockets after their upgrade, and TLS that is only passed on.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};
use tokio_util::sync::CancellationToken;

use super::gate::Exchange;

/// Buffer per direction of a WebSocket, in bytes.
const SOCKET_BUFFER: usize = 16 << 10;
/// Buffer per direction of TLS that is passed on, in bytes.
const TLS_BUFFER: usize = 128 << 10;

/// Joins both sides of an upgraded exchange in a task of its own, until one side ends or the tunnel is cut.
pub fn join(engine: OnUpgrade, origin: OnUpgrade, exchange: Exchange, cut: CancellationToken) {
    tokio::spawn(async move {
        let joined = async {
            let (engine, origin) = (engine.await, origin.await);
            if let (Ok(engine), Ok(origin)) = (engine, origin) {
                let (mut engine, mut origin) = (TokioIo::new(engine), TokioIo::new(origin));
                // How a socket ends is the two sides' affair.
                let _ = copy_bidirectional_with_sizes(&mut engine, &mut origin, SOCKET_BUFFER, SOCKET_BUFFER).await;
            }
        };
        cut.run_until_cancelled(joined).await;
        drop(exchange);
    });
}

/// Passes bytes both ways until both sides have ended.
pub async fn splice(
    engine: &mut (impl AsyncRead + AsyncWrite + Unpin),
    origin: &mut (impl AsyncRead + AsyncWrite + Unpin),
) {
    // How a stream ends is the two sides' affair.
    let _ = copy_bidirectional_with_sizes(engine, origin, TLS_BUFFER, TLS_BUFFER).await;
}

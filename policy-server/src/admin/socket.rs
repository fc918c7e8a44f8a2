//! `DIR/admin.sock`: for the server's own user and root, whom the kernel vouches for.

use std::{convert::Infallible, fs, io, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use axum::{Extension, body::Body, http::Request, middleware::from_fn_with_state};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::unistd::geteuid;
use tokio::{net::UnixListener, net::UnixStream};
use tower::ServiceExt;

use super::{Actor, actor, router};
use crate::{data::DataDir, failure::Failure, serve::whole, server::Server};

const HEAD: Duration = Duration::from_secs(10);

/// Makes the socket; one that a crash left behind is replaced, which the folder's lock makes safe.
///
/// # Errors
/// Bad input if the folder does not let it.
pub fn bind(dir: &DataDir) -> Result<UnixListener, Failure> {
    let path = dir.socket();
    match fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(dir.unreadable(&error)),
    }
    // The folder is for its owner only (0700), so that nobody gets in between these two lines.
    let listener = UnixListener::bind(&path).map_err(|error| dir.unreadable(&error))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(|error| dir.unreadable(&error))?;
    Ok(listener)
}

/// Accepts operators until the server stops.
pub async fn accept(server: Arc<Server>, listener: UnixListener) {
    loop {
        let accepted = tokio::select! {
            () = server.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted.and_then(|(stream, _)| Ok((allowed(&stream)?, stream))) {
            Ok((uid, stream)) => {
                server.tasks.spawn(serve(Arc::clone(&server), stream, uid));
            }
            Err(error) => tracing::warn!(%error, "an operator was turned away"),
        }
    }
}

/// The other end's user, if it is the server's own or root.
fn allowed(stream: &UnixStream) -> io::Result<u32> {
    let uid = stream.peer_cred()?.uid();
    if uid == 0 || uid == geteuid().as_raw() { Ok(uid) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

async fn serve(server: Arc<Server>, stream: UnixStream, uid: u32) {
    let stop = server.stop.clone();
    let whole = from_fn_with_state(Arc::clone(&server), whole::run);
    let router = router(server).layer(Extension(Actor(actor(uid)))).layer(whole);
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            match router.oneshot(request.map(Body::new)).await {
                Ok(response) => Ok::<_, Infallible>(response),
                Err(never) => match never {},
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => {
            if let Err(error) = ended {
                tracing::debug!(%error, "admin connection ended");
            }
        }
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
}

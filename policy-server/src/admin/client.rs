//! How the CLI reaches a server's data: over the socket if a server runs, else by itself, through the same handlers.

use std::{io::ErrorKind, path::Path, sync::Arc};

use axum::{
    Extension, Router,
    body::{Body, Bytes},
    http::{Method, Request, StatusCode, header},
};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use policy_server_store::Store;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;
use tower::ServiceExt;

use super::{Actor, own_actor, router};
use crate::{
    data::{Config, DataDir, Lock},
    failure::Failure,
    server::Server,
};

/// Longest answer, in bytes.
const ANSWER_MAX: usize = 64 << 20;

/// A way to a server's data.
pub enum Client {
    /// A server runs.
    Socket(std::path::PathBuf),
    /// None runs, and none can start while this lives.
    Own(Box<Own>),
}

/// The data folder in the CLI's own hands.
pub struct Own {
    server: Arc<Server>,
    router: Router,
    _lock: Lock,
}

impl Client {
    /// Finds the way.
    ///
    /// # Errors
    /// Bad input if the folder is not a server's; refused if it is in use by something that does not answer.
    pub async fn open(data: &Path) -> Result<Self, Failure> {
        let dir = DataDir::new(data);
        Config::load(&dir)?;
        match UnixStream::connect(dir.socket()).await {
            Ok(_) => Ok(Self::Socket(dir.socket())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                let lock = dir.lock()?;
                let server = Server::open(&dir, false).await?;
                let router = router(Arc::clone(&server)).layer(Extension(Actor(own_actor())));
                Ok(Self::Own(Box::new(Own { server, router, _lock: lock })))
            }
            Err(error) => Err(Failure::unreachable("admin-unreachable").with("error", error)),
        }
    }

    /// Asks for something.
    ///
    /// # Errors
    /// What the handler says.
    pub async fn get<R: DeserializeOwned>(&self, path: &str) -> Result<R, Failure> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Orders something.
    ///
    /// # Errors
    /// What the handler says.
    pub async fn post<T: Serialize, R: DeserializeOwned>(&self, path: &str, ask: &T) -> Result<R, Failure> {
        let body = serde_json::to_vec(ask).map_err(|_| garbled())?;
        self.send(Method::POST, path, body.into()).await
    }

    async fn send<R: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<R, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "admin")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|_| garbled())?;
        let (status, bytes) = match self {
            Self::Socket(path) => over_socket(path, request).await?,
            Self::Own(own) => own.call(request).await?,
        };
        if status == StatusCode::OK {
            return serde_json::from_slice(&bytes).map_err(|_| garbled());
        }
        Err(serde_json::from_slice(&bytes).unwrap_or_else(|_| garbled()))
    }

    /// Puts the data folder back in order.
    pub async fn close(self) {
        match self {
            Self::Socket(_) => {}
            Self::Own(own) => own.server.store.close().await,
        }
    }
}

impl Own {
    async fn call(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
        let response = match self.router.clone().oneshot(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), ANSWER_MAX).await.map_err(|_| garbled())?;
        Ok((status, bytes))
    }
}

async fn over_socket(path: &Path, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
    let lost = |error: &dyn std::fmt::Display| Failure::unreachable("admin-unreachable").with("error", error);
    let stream = UnixStream::connect(path).await.map_err(|error| lost(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| lost(&error))?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|error| lost(&error))?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|error| lost(&error))?.to_bytes();
    drop(sender);
    driver.abort();
    Ok((status, body))
}

fn garbled() -> Failure {
    Failure::unreachable("admin-garbled")
}

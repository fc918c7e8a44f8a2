//! A request that ends otherwise than it hoped: a status and a sentence, which the guard puts on a page.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use policy_server_store::StoreError;

use crate::failure::{Exit, Failure};

/// Why there is no page.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The answer's status.
    pub status: StatusCode,
    /// The sentence: what happened, what is safe, what to do next.
    pub failure: Failure,
}

impl Trouble {
    /// A status and a sentence of the catalogue.
    pub fn new(status: StatusCode, id: &str) -> Self {
        Self { status, failure: Failure::refused(id) }
    }

    /// The role does not allow it.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "console-forbidden")
    }

    /// There is no such page, or no such thing to show on it.
    pub fn missing() -> Self {
        Self::new(StatusCode::NOT_FOUND, "console-missing")
    }

    /// What the browser sent cannot be read.
    pub fn garbled() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "console-garbled")
    }

    /// The form did not come from a page of ours.
    pub fn forged() -> Self {
        Self::new(StatusCode::FORBIDDEN, "console-forged")
    }

    /// Nobody is signed in, and what was asked for cannot be asked for again by itself.
    pub fn signed_out() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "console-signed-out")
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        let status = match failure.exit {
            Exit::Refused => StatusCode::CONFLICT,
            Exit::Input => StatusCode::UNPROCESSABLE_ENTITY,
            Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, failure }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "a page could not be made");
        Self { status: StatusCode::SERVICE_UNAVAILABLE, failure: error.into() }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

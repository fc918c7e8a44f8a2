//! A refusal as devices read it: a status, a reason code and the server's clock.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use workspace_protocol::{cbor, device_api::Refusal, reason::Reason};

use super::cbor_response;
use crate::{clock, flow::Denial};

/// What a device is told instead of what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code.
    pub reason: Reason,
    tries_left: Option<u32>,
}

impl Refused {
    /// A refusal for a reason.
    pub fn new(reason: Reason) -> Self {
        Self { reason, tries_left: None }
    }

    /// What a denial tells: failures of our own are "busy" to the outside and an error in the log.
    pub fn of(denial: &Denial) -> Self {
        match denial {
            Denial::Refused { reason, tries_left } => Self { reason: *reason, tries_left: *tries_left },
            Denial::Store(error) => {
                tracing::error!(error = error as &dyn std::error::Error, "a request failed");
                Self::new(Reason::ServerBusy)
            }
            Denial::Crypto(error) => {
                tracing::error!(error = error as &dyn std::error::Error, "a request failed");
                Self::new(Reason::ServerBusy)
            }
        }
    }

    /// A line in the log; never with anything the device sent.
    pub fn log(self, path: &'static str) {
        tracing::info!(path, reason = self.reason.code(), "refused");
    }

    fn status(self) -> StatusCode {
        match self.reason {
            Reason::MessageMalformed => StatusCode::BAD_REQUEST,
            Reason::DeviceUnknown => StatusCode::NOT_FOUND,
            Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Reason::ServerBusy => StatusCode::SERVICE_UNAVAILABLE,
            // Whatever else is refused, now or in a later version, is refused.
            _ => StatusCode::FORBIDDEN,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body =
            Refusal { code: self.reason.code().to_owned(), server_time: clock::now(), tries_left: self.tries_left };
        cbor_response(self.status(), cbor::to_vec(&body))
    }
}

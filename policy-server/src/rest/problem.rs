//! What programs are told when something is refused: a problem document (RFC 9457) with our stable codes.

use axum::{
    Json,
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use policy_server_store::StoreError;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use workspace_words::Lang;

use crate::failure::{Exit, Failure};

/// A refusal.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A stable code of the sentence.
    pub code: String,
    /// The stable reason code, where the refusal has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What happened, what is safe and what to do next, in English.
    pub detail: String,
    /// One line for each fault, such as those of a policy file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

impl Problem {
    pub(super) fn of(status: StatusCode, id: &str) -> Self {
        Self::from(status, &Failure::refused(id))
    }

    fn from(status: StatusCode, failure: &Failure) -> Self {
        let sentence = Failure { lines: Vec::new(), ..failure.clone() };
        Self {
            status: status.as_u16(),
            code: failure.id.clone(),
            reason: failure.reason.clone(),
            detail: sentence.sentence(Lang::En),
            lines: failure.lines.clone(),
        }
    }

    /// No token, or none that is good.
    pub(super) fn unauthorised(id: &str) -> Self {
        Self::of(StatusCode::UNAUTHORIZED, id)
    }

    /// The token may not do this.
    pub(super) fn forbidden() -> Self {
        Self::of(StatusCode::FORBIDDEN, "api-forbidden")
    }

    /// Nothing is there, or nothing that the token may see.
    pub(super) fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND, "api-not-found")
    }

    pub(super) fn method() -> Self {
        Self::of(StatusCode::METHOD_NOT_ALLOWED, "api-method")
    }

    /// How many are wanted, of at most `most`; all of them if nothing is said.
    pub(super) fn limit(asked: Option<u32>, most: u32) -> Result<u32, Self> {
        match asked {
            None => Ok(most),
            Some(limit) if (1..=most).contains(&limit) => Ok(limit),
            Some(_) => Err(Self::unreadable(StatusCode::BAD_REQUEST, format!("limit: 1 to {most}"))),
        }
    }

    pub(super) fn unreadable(status: StatusCode, line: String) -> Self {
        Self { lines: vec![line], ..Self::of(status, "api-unreadable") }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let status = match (failure.exit, failure.id.as_str()) {
            (_, "device-unknown") => StatusCode::NOT_FOUND,
            (Exit::Refused, _) => StatusCode::CONFLICT,
            (Exit::Input, _) => StatusCode::UNPROCESSABLE_ENTITY,
            (Exit::Unreachable, _) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::from(status, &failure)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(StatusCode::SERVICE_UNAVAILABLE, &Failure::from(error))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"secure-workspace\""));
        }
        response
    }
}

/// A JSON body, or a problem that names the place of the fault.
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = Json::<T>::from_request(request, state).await;
        read.map(|Json(body)| Self(body))
            .map_err(|refused: JsonRejection| Problem::unreadable(refused.status(), refused.body_text()))
    }
}

/// Query parameters, likewise.
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(query)| Self(query))
            .map_err(|refused: QueryRejection| Problem::unreadable(refused.status(), refused.body_text()))
    }
}

/// Parts of the path; one that cannot be a name of anything names nothing.
pub(super) struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(path)| Self(path)).map_err(|_: PathRejection| Problem::not_found())
    }
}

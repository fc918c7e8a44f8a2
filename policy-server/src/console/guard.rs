//! What stands before every route: the host that was asked, the session, the right, the forgery token; and behind it:
//! the page for what went wrong, and the headers that keep a page from being framed, cached or fed with scripts.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use url::Url;
use zeroize::Zeroizing;

use super::{
    cookie, language, page,
    routes::Access,
    session,
    trouble::Trouble,
    visit::{Caller, Visit, Who},
};
use crate::{clock, server::Server};

/// Longest body of a form: a policy of 4 MiB, each byte written as three.
const BODY_MAX: usize = 13 << 20;
/// Longest body of a form that anybody may send: a passkey's answer.
const OPEN_BODY_MAX: usize = 64 << 10;
/// The field of a form that carries the forgery token.
const CSRF_FIELD: &str = "csrf";
/// The header that carries it when a script sends JSON.
const CSRF_HEADER: &str = "x-csrf";
/// A script that keeps a page live says so: it is no sign of a person at the screen.
const QUIET_HEADER: &str = "x-quiet";

/// Sent with every answer.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Not "no-referrer": with it browsers send `Origin: null` with our own forms, and nobody could send one.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), publickey-credentials-create=(self), \
         publickey-credentials-get=(self)",
    ),
    ("x-robots-tag", "noindex"),
];

/// Lets a request through to its route, or answers it.
pub async fn guard(server: Arc<Server>, access: Access, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Some(origin) = origin(&server, &parts) else {
        return finish(StatusCode::MISDIRECTED_REQUEST.into_response());
    };
    let (visit, fresh) = match visit(&server, access, &parts, origin).await {
        Ok(known) => known,
        Err(trouble) => return finish(trouble.into_response()),
    };
    let response = match allowed(&visit, access, Request::from_parts(parts, body)).await {
        Ok(mut request) => {
            request.extensions_mut().insert(visit.clone());
            next.run(request).await
        }
        Err(response) => response,
    };
    let mut response = told(&server, &visit, response);
    if let Some(value) = fresh {
        response.headers_mut().append(header::SET_COOKIE, cookie::set(cookie::VISIT, &value, session::LONGEST_SECONDS));
    }
    finish(response)
}

/// Our origin as the browser wrote it, if the host is ours: a name that somebody else pointed at us is answered nothing.
fn origin(server: &Server, request: &Parts) -> Option<String> {
    let header = request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = request.uri.authority().map(|one| one.as_str()).or(header)?;
    let url = Url::parse(&format!("https://{authority}/")).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    (host == server.config.host() && url.username().is_empty()).then(|| url.origin().ascii_serialization())
}

/// Who asks, in which language; and the cookie to hand out if the browser has none yet.
async fn visit(
    server: &Server,
    access: Access,
    request: &Parts,
    origin: String,
) -> Result<(Visit, Option<Zeroizing<String>>), Trouble> {
    let headers = &request.headers;
    let quiet = headers.contains_key(QUIET_HEADER);
    let found = session::find(server, headers, clock::now(), !quiet).await?;
    let who = match (found, access) {
        (Some((account, session)), Access::Needs(action)) => Some(Who { account, session, action }),
        // An open route does nothing that needs a right; the action only lets the frame show who is signed in.
        (Some((account, session)), Access::Open) => {
            Some(Who { account, session, action: policy_server_core::authz::Action::OwnSee })
        }
        (None, _) => None,
    };
    let name = if who.is_some() { cookie::SESSION } else { cookie::VISIT };
    let held = cookie::read(headers, name).map(|value| Zeroizing::new(value.to_owned()));
    let fresh = match held {
        Some(_) => None,
        None => Some(session::fresh().map_err(|_| Trouble::new(StatusCode::SERVICE_UNAVAILABLE, "random-failed"))?),
    };
    let csrf = session::csrf(server, held.as_ref().or(fresh.as_ref()).map_or("", |value| value.as_str()));
    let agent = headers.get(header::USER_AGENT).and_then(|text| text.to_str().ok()).unwrap_or_default();
    let visit = Visit {
        lang: language::of(headers),
        here: request.uri.path_and_query().map_or("/console", |path| path.as_str()).to_owned(),
        origin,
        address: request.extensions.get::<Caller>().map(|one| one.0.to_string()).unwrap_or_default(),
        agent: agent.chars().filter(|c| !c.is_control()).take(session::AGENT_MAX).collect(),
        csrf,
        json: header_text(headers, "accept").is_some_and(|kinds| kinds.contains("application/json")),
        who,
    };
    Ok((visit, fresh))
}

/// The request, if its session, its right and its token are good; else the answer.
async fn allowed(visit: &Visit, access: Access, request: Request) -> Result<Request, Response> {
    let reads = request.method() == Method::GET || request.method() == Method::HEAD;
    if let Access::Needs(action) = access {
        match &visit.who {
            None if reads => return Err(to_sign_in(&visit.here)),
            None => return Err(Trouble::signed_out().into_response()),
            Some(who) if !who.could(action) => return Err(Trouble::forbidden().into_response()),
            Some(_) => {}
        }
    }
    if reads { Ok(request) } else { unforged(visit, request).await.map_err(IntoResponse::into_response) }
}

fn to_sign_in(here: &str) -> Response {
    let next: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
    Redirect::to(&format!("/console/sign-in?next={next}")).into_response()
}

/// A changing request must come from a page of ours: by its `Origin`, and by the token that only our pages hold.
async fn unforged(visit: &Visit, request: Request) -> Result<Request, Trouble> {
    let headers = request.headers();
    if header_text(headers, "origin") != Some(visit.origin.as_str()) {
        return Err(Trouble::forged());
    }
    if header_text(headers, "sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return Err(Trouble::forged());
    }
    let (parts, body) = request.into_parts();
    let most = if visit.who.is_some() { BODY_MAX } else { OPEN_BODY_MAX };
    let bytes = axum::body::to_bytes(body, most).await.map_err(|_| Trouble::garbled())?;
    let kind = header_text(&parts.headers, "content-type").unwrap_or_default();
    let given = match header_text(&parts.headers, CSRF_HEADER) {
        Some(token) => Some(token.to_owned()),
        None if kind.starts_with("application/x-www-form-urlencoded") => field(&bytes),
        None => None,
    };
    if !given.is_some_and(|token| session::csrf_fits(&visit.csrf, &token)) {
        return Err(Trouble::forged());
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn field(body: &Bytes) -> Option<String> {
    let mut found = url::form_urlencoded::parse(body).filter(|(name, _)| name == CSRF_FIELD);
    found.next().map(|(_, value)| value.into_owned())
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Puts what went wrong on a page, in the visitor's language.
fn told(server: &Server, visit: &Visit, response: Response) -> Response {
    match response.extensions().get::<Trouble>() {
        Some(trouble) => page::trouble(server, visit, trouble),
        None => response,
    }
}

fn finish(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // Assets carry their hash in the name and say so themselves; everything else is never kept.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

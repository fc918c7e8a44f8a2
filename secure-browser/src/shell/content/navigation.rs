//! Judges where a page may go and what an answer may do.

use std::cell::Cell;

use gtk::prelude::*;
use webkit2gtk::{
    NavigationAction, NavigationPolicyDecision, NavigationPolicyDecisionExt, PolicyDecision, PolicyDecisionExt,
    PolicyDecisionType, ResponsePolicyDecision, ResponsePolicyDecisionExt, URIRequestExt, URIResponseExt, WebView,
    WebViewExt,
};
use workspace_policy::Kind;
use workspace_protocol::reason::Reason;

use crate::{
    ipc::REASON_HEADER,
    portal::problem::Problem,
    shell::event::{ContentEvent, Refusal},
};

use super::Hooks;

/// Where the engine keeps the pages of its own PDF viewer.
const PDF_VIEWER: &str = "webkit-pdfjs-viewer://pdfjs/";

/// Judges every navigation and every answer of `page`.
pub fn guard(page: &WebView, hooks: &Hooks) {
    let hooks = hooks.clone();
    let holds_pdf = Cell::new(false);
    page.connect_decide_policy(move |page, decision, what| {
        // The engine shows a PDF in a frame of its own, which comes after the PDF's answer; no page is let in by itself.
        let viewer = holds_pdf.get() && is_pdf_viewer(decision);
        let allowed = match what {
            PolicyDecisionType::NavigationAction => viewer || may_navigate(page, decision, &hooks),
            PolicyDecisionType::NewWindowAction => may_open_decision(page, decision, &hooks),
            PolicyDecisionType::Response => viewer || may_show(page, decision, &hooks),
            _ => false,
        };
        if let Some((whole, pdf)) = decision.dynamic_cast_ref().filter(|_| allowed && !viewer).map(kind_of) {
            holds_pdf.set(pdf || (holds_pdf.get() && !whole));
        }
        if allowed {
            decision.use_()
        } else {
            decision.ignore()
        }
        true
    });
}

/// Whether an answer is for the whole page, and whether it is a PDF.
fn kind_of(answer: &ResponsePolicyDecision) -> (bool, bool) {
    let media = answer.response().and_then(|response| response.mime_type()).unwrap_or_default();
    (answer.is_main_frame_main_resource(), media == "application/pdf")
}

fn is_pdf_viewer(decision: &PolicyDecision) -> bool {
    let asked = decision.dynamic_cast_ref::<ResponsePolicyDecision>().and_then(|answer| answer.request()?.uri());
    let url = action_of(decision).map(|(_, url)| url).or(asked.map(String::from));
    url.is_some_and(|url| url.starts_with(PDF_VIEWER))
}

/// Whether a page may open a window on `url`; reports a refusal, as a page of its own if a `person` asked for it.
pub fn may_open(url: &str, opener: &WebView, person: bool, hooks: &Hooks) -> bool {
    match hooks.guard.navigation(url, &opener.uri().unwrap_or_default(), Some(Kind::Document)) {
        Ok(()) => true,
        Err(refused) if person => {
            let problem = Problem::refused(url, refused.reason, refused.rule);
            hooks.events.content(ContentEvent::Problem(problem));
            false
        }
        Err(refused) => {
            refuse(hooks, url, Kind::Document.name(), refused.reason);
            false
        }
    }
}

fn may_open_decision(page: &WebView, decision: &PolicyDecision, hooks: &Hooks) -> bool {
    match action_of(decision) {
        Some((action, url)) => may_open(&url, page, action.is_user_gesture(), hooks),
        None => false,
    }
}

fn may_navigate(page: &WebView, decision: &PolicyDecision, hooks: &Hooks) -> bool {
    let Some((mut action, url)) = action_of(decision) else { return false };
    let Err(refused) = hooks.guard.navigation(&url, &page.uri().unwrap_or_default(), None) else { return true };
    if is_for_whole_page(page, &mut action) {
        let problem = Problem::refused(&url, refused.reason, refused.rule);
        hooks.events.content(ContentEvent::Problem(problem));
    } else {
        refuse(hooks, &url, Kind::Frame.name(), refused.reason);
    }
    false
}

/// The engine does not say whether a frame or the page navigates. What a person does and what redirects a page that
/// is still on its way counts as the page; the rest as a frame, which leaves the page where it is.
fn is_for_whole_page(page: &WebView, action: &mut NavigationAction) -> bool {
    let fresh = page.uri().is_none_or(|uri| uri.is_empty() || uri == "about:blank");
    action.is_user_gesture() || fresh || (action.is_redirect() && page.is_loading())
}

fn action_of(decision: &PolicyDecision) -> Option<(NavigationAction, String)> {
    let decision = decision.dynamic_cast_ref::<NavigationPolicyDecision>()?;
    let action = decision.navigation_action()?;
    let url = action.request()?.uri()?.to_string();
    Some((action, url))
}

fn may_show(page: &WebView, decision: &PolicyDecision, hooks: &Hooks) -> bool {
    let Some(answer) = decision.dynamic_cast_ref::<ResponsePolicyDecision>() else { return false };
    let url = answer.request().and_then(|request| request.uri()).unwrap_or_default();
    if let Some(reason) = refused_by_broker(answer) {
        // Shown by the portal, in the person's language; the engine stays on the page it had, with nothing to go back to.
        hooks.events.content(ContentEvent::Answered(Problem::refused(&url, reason, None)));
        return false;
    }
    if !answer.is_mime_type_supported() || is_attachment(answer) {
        refuse(hooks, &url, Kind::Document.name(), Reason::DownloadBlocked);
        return false;
    }
    // Only here the engine says which it is: a frame's entry does not open a whole page.
    let kind = if answer.is_main_frame_main_resource() { Kind::Document } else { Kind::Frame };
    match hooks.guard.navigation(&url, &page.uri().unwrap_or_default(), Some(kind)) {
        Ok(()) => true,
        Err(refused) if kind == Kind::Document => {
            let problem = Problem::refused(&url, refused.reason, refused.rule);
            hooks.events.content(ContentEvent::Problem(problem));
            false
        }
        Err(refused) => {
            refuse(hooks, &url, kind.name(), refused.reason);
            false
        }
    }
}

/// Why the broker answered a whole page in the origin's stead. The header never comes from an origin.
fn refused_by_broker(answer: &ResponsePolicyDecision) -> Option<Reason> {
    if !answer.is_main_frame_main_resource() {
        return None;
    }
    let code = answer.response()?.http_headers()?.one(REASON_HEADER)?;
    Some(Reason::from_code(&code).unwrap_or(Reason::OriginNotListed))
}

fn is_attachment(answer: &ResponsePolicyDecision) -> bool {
    let headers = answer.response().and_then(|response| response.http_headers());
    let disposition = headers.and_then(|headers| headers.one("Content-Disposition"));
    disposition.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("attachment"))
}

fn refuse(hooks: &Hooks, url: &str, kind: &'static str, reason: Reason) {
    hooks.events.content(ContentEvent::Refused(Refusal { url: url.to_owned(), kind, reason }));
}

//! How loading goes: timing, progress, failures, a web process that ends.

use std::{cell::Cell, rc::Rc, time::Instant};

use glib::Error;
use webkit2gtk::{LoadEvent, NetworkError, PolicyError, WebProcessTerminationReason, WebView, WebViewExt};
use workspace_protocol::reason::Reason;

use crate::{
    portal::problem::{Cause, Problem, bare_address},
    shell::{
        event::{ContentEvent, Events},
        notice::{Answer, Question},
    },
};

use super::Hooks;

/// When the page that is loading was asked for.
#[derive(Clone, Default)]
pub struct Clock(Rc<Cell<Option<Instant>>>);

impl Clock {
    /// A page was asked for now.
    pub fn start(&self) {
        self.0.set(Some(Instant::now()));
    }

    fn start_unless_running(&self) {
        if self.0.get().is_none() {
            self.start();
        }
    }

    /// Milliseconds since the start; `None` if nothing was under way, as after a failure.
    fn stop(&self) -> Option<u64> {
        self.0.take().map(|asked| u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// Reports loads of `page`.
pub fn watch(page: &WebView, clock: &Clock, hooks: &Hooks) {
    watch_progress(page, clock, hooks);
    watch_failures(page, clock, hooks);
    let changed = |events: &Events| {
        let events = events.clone();
        move |_: &WebView| events.content(ContentEvent::Changed)
    };
    watch_silence(page, hooks);
    page.connect_title_notify(changed(&hooks.events));
    page.connect_uri_notify(changed(&hooks.events));
    page.connect_is_loading_notify(changed(&hooks.events));
    page.connect_estimated_load_progress_notify(changed(&hooks.events));
}

fn watch_progress(page: &WebView, clock: &Clock, hooks: &Hooks) {
    let (clock, events, shown) = (clock.clone(), hooks.events.clone(), hooks.shown.clone());
    page.connect_load_changed(move |page, event| match event {
        LoadEvent::Started => clock.start_unless_running(),
        LoadEvent::Committed => events.content(ContentEvent::Changed),
        LoadEvent::Finished => {
            let url = shown.of(page);
            // The blank page that warmed the engine may be done only after the first one was asked for.
            if url.starts_with("http")
                && let Some(ms) = clock.stop()
            {
                events.content(ContentEvent::Loaded { url: bare_address(&url), ms });
            }
        }
        _ => {}
    });
}

fn watch_failures(page: &WebView, clock: &Clock, hooks: &Hooks) {
    let (clock, events) = (clock.clone(), hooks.events.clone());
    page.connect_load_failed(move |_, _, url, error| {
        clock.stop();
        if !is_own_doing(error) {
            tracing::debug!(%error, "load failed");
            events.content(ContentEvent::Problem(Problem::of(url, Cause::LoadFailed)));
        }
        true
    });
    let events = hooks.events.clone();
    page.connect_load_failed_with_tls_errors(move |_, url, _, _| {
        events.content(ContentEvent::Problem(Problem::refused(url, Reason::TlsUntrusted, None)));
        true
    });
    let events = hooks.events.clone();
    page.connect_web_process_terminated(move |page, reason| {
        // Ended by us, to make room for the page that was asked for.
        if reason == WebProcessTerminationReason::TerminatedByApi {
            return;
        }
        let url = page.uri().unwrap_or_default();
        events.content(ContentEvent::Problem(Problem::of(&url, Cause::Crashed)));
    });
}

/// A page that does not answer any more may be stopped by the person.
fn watch_silence(page: &WebView, hooks: &Hooks) {
    let hooks = hooks.clone();
    page.connect_is_web_process_responsive_notify(move |page| {
        if page.is_web_process_responsive() || !hooks.in_front.get() {
            return;
        }
        let question = Question {
            from: None,
            text: &hooks.words.get("ui-silent"),
            proposal: None,
            yes: "ui-silent-stop",
            no: Some("ui-silent-wait"),
            danger: true,
            silence: false,
        };
        let (page, events) = (page.clone(), hooks.events.clone());
        hooks.strip.ask(&question, move |answer| {
            if matches!(answer, Answer::Yes(_)) {
                let url = page.uri().unwrap_or_default();
                page.terminate_web_process();
                events.content(ContentEvent::Problem(Problem::of(&url, Cause::Crashed)));
            }
        });
    });
}

/// A load that was cancelled by the person, by a newer one or by our own guards is no failure.
fn is_own_doing(error: &Error) -> bool {
    error.matches(NetworkError::Cancelled) || error.matches(PolicyError::FrameLoadInterruptedByPolicyChange)
}

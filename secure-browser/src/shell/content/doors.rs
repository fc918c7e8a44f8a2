//! The engine's other doors: downloads, devices, files, printing, menus, passwords.

use gtk::prelude::*;
use webkit2gtk::{
    AuthenticationRequestExt, DownloadExt, FileChooserRequestExt, GeolocationPermissionRequest, LoadEvent,
    PermissionRequest, PermissionRequestExt, URIRequestExt, UserMediaPermissionRequest, UserMediaPermissionRequestExt,
    WebContext, WebContextExt, WebView, WebViewExt,
};
use workspace_policy::Upload;
use workspace_protocol::reason::Reason;

use crate::shell::event::{ContentEvent, Events, Refusal, UiEvent};

use super::Hooks;

/// Stops every download of the context, whatever started it. (wry's own handler hangs on a context that a related
/// view does not use.) Where the system's files are shown instead, the address is opened as a page: broker and guard
/// judge it as any other.
pub fn guard_downloads(context: &WebContext, hooks: &Hooks) {
    let hooks = hooks.clone();
    context.connect_download_started(move |_, download| {
        let url = download.request().and_then(|request| request.uri()).unwrap_or_default();
        download.cancel();
        // What is on the screen already is not opened again: that would be a save button that answers nothing.
        let other = |page: &WebView| page.uri().is_some_and(|shown| shown != url);
        match download.web_view().filter(|page| other(page) && hooks.guard.shows_files(&url)) {
            Some(page) => {
                hooks.shown.asks(&page);
                page.load_uri(&url);
            }
            None => report(&hooks.events, &url, "download", Reason::DownloadBlocked),
        }
    });
}

/// Guards the doors of `page`.
pub fn guard(page: &WebView, hooks: &Hooks) {
    guard_devices(page, hooks);
    guard_uploads(page, hooks);
    let (shown, events) = (hooks.shown.clone(), hooks.events.clone());
    page.connect_print(move |page, _| {
        report(&events, &shown.of(page), "print", Reason::PrintBlocked);
        true
    });
    page.connect_context_menu(|_, _, _, _| true);
    page.connect_show_notification(|_, _| true);
    let events = hooks.events.clone();
    page.connect_authenticate(move |page, request| {
        request.cancel();
        report(&events, &page.uri().unwrap_or_default(), "password", Reason::AuthBlocked);
        true
    });
    watch_activity(page, &hooks.events);
}

/// Files come from the hand-over folder alone, by the person's own choice. A frame asks in the name of the page on top.
fn guard_uploads(page: &WebView, hooks: &Hooks) {
    let chooser = hooks.chooser.clone();
    page.connect_load_changed(move |_, event| {
        if event == LoadEvent::Committed {
            chooser.clear();
        }
    });
    let hooks = hooks.clone();
    page.connect_run_file_chooser(move |page, request| {
        let url = hooks.shown.of(page);
        let refused = match hooks.guard.uploads(&url) {
            Upload::Files if hooks.in_front.get() => {
                hooks.chooser.offer(page, request, &url);
                return true;
            }
            // The room has no camera device: docs/limits.md.
            Upload::Camera => Reason::CameraMissing,
            Upload::Files | Upload::None => Reason::UploadBlocked,
        };
        request.cancel();
        report(&hooks.events, &url, "upload", refused);
        true
    });
}

fn guard_devices(page: &WebView, hooks: &Hooks) {
    let hooks = hooks.clone();
    page.connect_permission_request(move |page, request| {
        let url = hooks.shown.of(page);
        if may_use(&url, request, &hooks) {
            request.allow();
        } else {
            request.deny();
            report(&hooks.events, &url, "permission", Reason::PermissionBlocked);
        }
        true
    });
}

/// Judged by the system of the page on top, for a frame asks in its name. A request of an unknown kind is refused.
fn may_use(url: &str, request: &PermissionRequest, hooks: &Hooks) -> bool {
    let powers = hooks.guard.powers(url);
    if let Some(media) = request.downcast_ref::<UserMediaPermissionRequest>() {
        let (sound, picture) = (media.is_for_audio_device(), media.is_for_video_device());
        // Neither means the screen.
        return (sound || picture) && (!sound || powers.microphone) && (!picture || powers.camera);
    }
    request.is::<GeolocationPermissionRequest>() && powers.location
}

fn watch_activity(page: &WebView, events: &Events) {
    use gtk::gdk::EventType;
    let events = events.clone();
    page.connect_event(move |_, event| {
        let acts = matches!(
            event.event_type(),
            EventType::ButtonPress | EventType::MotionNotify | EventType::Scroll | EventType::TouchBegin
        );
        if acts {
            events.send(UiEvent::Active);
        }
        gtk::glib::Propagation::Proceed
    });
}

fn report(events: &Events, url: &str, kind: &'static str, reason: Reason) {
    events.content(ContentEvent::Refused(Refusal { url: url.to_owned(), kind, reason }));
}

//! The engine's other doors: downloads, devices, files, printing, menus, passwords.

use gtk::prelude::*;
use webkit2gtk::{
    AuthenticationRequestExt, DownloadExt, FileChooserRequestExt, GeolocationPermissionRequest, PermissionRequest,
    PermissionRequestExt, URIRequestExt, UserMediaPermissionRequest, UserMediaPermissionRequestExt, WebContext,
    WebContextExt, WebView, WebViewExt,
};
use workspace_protocol::reason::Reason;

use crate::shell::event::{ContentEvent, Events, Refusal, UiEvent};

use super::Hooks;

/// Stops every download of the context, whatever started it. (wry's own handler hangs on a context that a related
/// view does not use.)
pub fn refuse_downloads(context: &WebContext, events: &Events) {
    let events = events.clone();
    context.connect_download_started(move |_, download| {
        let url = download.request().and_then(|request| request.uri()).unwrap_or_default();
        download.cancel();
        report(&events, &url, "download", Reason::DownloadBlocked);
    });
}

/// Guards the doors of `page`.
pub fn guard(page: &WebView, hooks: &Hooks) {
    guard_devices(page, hooks);
    let events = hooks.events.clone();
    page.connect_run_file_chooser(move |page, request| {
        request.cancel();
        report(&events, &page.uri().unwrap_or_default(), "upload", Reason::UploadBlocked);
        true
    });
    let events = hooks.events.clone();
    page.connect_print(move |page, _| {
        report(&events, &page.uri().unwrap_or_default(), "print", Reason::PrintBlocked);
        true
    });
    page.connect_context_menu(|_, _, _, _| true);
    page.connect_show_notification(|_, _| true);
    page.connect_authenticate(|_, request| {
        request.cancel();
        true
    });
    watch_activity(page, &hooks.events);
}

fn guard_devices(page: &WebView, hooks: &Hooks) {
    let hooks = hooks.clone();
    page.connect_permission_request(move |page, request| {
        let url = page.uri().unwrap_or_default();
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

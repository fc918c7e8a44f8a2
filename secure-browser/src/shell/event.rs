//! Everything that can happen to the UI, in one queue: words of the supervisor, of our own widgets and of pages.

use tao::event_loop::EventLoopProxy;
use zeroize::Zeroizing;

use crate::{ipc::ToUi, portal::message::PortalMessage, portal::problem::Problem};

use super::ShellError;

/// One thing that happened.
pub enum UiEvent {
    /// The supervisor said something.
    Supervisor(Box<ToUi>),
    /// The supervisor is gone.
    Gone,
    /// A button of the top bar.
    Bar(BarAction),
    /// The person typed a PIN and asked for it to be checked.
    Pin(Zeroizing<String>),
    /// A wish from one of our own pages.
    Portal(PortalMessage),
    /// Something happened in a content view.
    Content(ContentEvent),
    /// The person did something.
    Active,
    /// A second has passed.
    Tick,
    /// The window is on the screen.
    Shown,
    /// What was asked to be painted is painted.
    Painted,
    /// The person waits for nothing: an engine may be made that will be needed.
    Spare,
    /// Something cannot be made as it must be: the process ends.
    Broken(ShellError),
}

/// Buttons of the top bar and their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarAction {
    /// Show the portal.
    Home,
    /// One page back.
    Back,
    /// Load again, or stop loading.
    Reload,
    /// Paste what is copied on the device.
    Paste,
    /// Cover the screen and ask for the PIN.
    Lock,
    /// Ask whether to end the session.
    Quit,
    /// End the session.
    QuitSure,
}

/// What a content view reports. Everything in it may be a hostile page's choice.
#[derive(Clone, Debug)]
pub enum ContentEvent {
    /// Address, title or load state of the visible view changed.
    Changed,
    /// A page has loaded.
    Loaded {
        /// Its address.
        url: String,
        /// Milliseconds since it was asked for.
        ms: u64,
    },
    /// The page in front cannot be shown.
    Problem(Problem),
    /// The broker refused the page that was asked for.
    Answered(Problem),
    /// Something smaller was refused; the page stays.
    Refused(Refusal),
    /// The visible view was closed by its page.
    Closed,
}

/// A refusal that leaves the page where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for.
    pub url: String,
    /// Kind of resource or power, as in the policy.
    pub kind: &'static str,
    /// Why.
    pub reason: workspace_protocol::reason::Reason,
}

/// Where widgets, pages and threads drop what happened.
#[derive(Clone)]
pub struct Events(EventLoopProxy<UiEvent>);

impl Events {
    /// Events that end in `proxy`'s loop.
    #[must_use]
    pub fn new(proxy: EventLoopProxy<UiEvent>) -> Self {
        Self(proxy)
    }

    /// Queues `event`. Once the loop has ended there is nobody left to tell.
    pub fn send(&self, event: UiEvent) {
        let _ = self.0.send_event(event);
    }

    /// Queues a content event.
    pub fn content(&self, event: ContentEvent) {
        self.send(UiEvent::Content(event));
    }
}

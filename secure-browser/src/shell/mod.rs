//! The UI process: one tao window in the private display, native PIN page and top bar, the trusted portal view and
//! the content views. It holds no keys and decides nothing that the broker and the supervisor do not decide again.

mod activity;
mod app;
mod bar;
mod chooser;
mod clipboard;
mod content;
mod ended;
mod event;
mod guard;
mod handed;
mod icons;
mod ime;
mod keys;
mod notice;
mod pin;
mod portal_view;
mod refusals;
mod screen;
mod shown;
mod theme;
mod watermark;
mod window;
mod wire;
mod words;

use std::{
    cell::RefCell,
    io,
    os::unix::net::UnixStream,
    process::ExitCode,
    rc::Rc,
    time::{Duration, Instant},
};

use tao::{
    event::{Event, WindowEvent},
    event_loop::{ControlFlow, EventLoop, EventLoopBuilder},
    window::Window,
};

use crate::ipc;

use self::{
    app::App,
    event::{BarAction, Events, UiEvent},
    wire::Wire,
    words::Words,
};

/// Why the UI could not start. Nothing was shown that needs to be covered.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// The line to the supervisor is not there.
    #[error("no line to the supervisor")]
    Line(#[source] io::Error),
    /// No window could be made.
    #[error("no window")]
    Window(#[from] tao::error::OsError),
    /// No view could be made.
    #[error("no view")]
    View(#[from] wry::Error),
    /// A setting that must hold does not read back.
    #[error("{0} does not hold")]
    NotContained(&'static str),
}

/// Runs the UI until the supervisor ends it. Returns only if it could not start.
#[must_use]
pub fn run() -> ExitCode {
    let started = Instant::now();
    match start(started) {
        Ok(ui) => ui.run(),
        Err(error) => {
            say_broken(&error);
            ExitCode::FAILURE
        }
    }
}

fn say_broken(error: &ShellError) {
    tracing::error!(error = error as &dyn std::error::Error, "ui");
    eprintln!("{}", Words::default().with("ui-broken", &[("why", &error.to_string())]));
}

/// Ends a UI that cannot go on; the supervisor sees its end and ends the session.
fn broken(error: &ShellError) -> ! {
    say_broken(error);
    std::process::exit(1)
}

/// A UI that is ready to run.
struct Ui {
    looop: EventLoop<UiEvent>,
    window: Window,
    app: Rc<RefCell<App>>,
    events: Events,
}

fn start(started: Instant) -> Result<Ui, ShellError> {
    paint_without_gpu_buffers()?;
    let line = secure_browser_platform::process::inherited(ipc::CONTROL_FD).map_err(ShellError::Line)?;
    ime::start();
    let looop = EventLoopBuilder::<UiEvent>::with_user_event().build();
    let events = Events::new(looop.create_proxy());
    let wire = Wire::start(UnixStream::from(line), events.clone()).map_err(ShellError::Line)?;
    let app = App::new(wire, events.clone());
    tracing::debug!(ms = millis(started), "pages made");
    let window = window::open(&looop, &app.root, &Words::default())?;
    window::show(&window, &events);
    tracing::debug!(ms = millis(started), "window asked for");
    Ok(Ui { looop, window, app: Rc::new(RefCell::new(app)), events })
}

/// WebKit's newer renderer leaves views blank that were made hidden; the older one paints them. Read by the engine when
/// its first view is made, so this comes before any thread is started. A value from outside stays.
fn paint_without_gpu_buffers() -> Result<(), ShellError> {
    gtk::glib::setenv("WEBKIT_DISABLE_DMABUF_RENDERER", "1", false).map_err(|_| ShellError::NotContained("renderer"))
}

impl Ui {
    fn run(self) -> ! {
        let Self { looop, window, app, events } = self;
        let (keys, acts) = (app.clone(), events.clone());
        window::watch_keys(&window, &events, move |verdict| {
            // GTK may hand a key over while the app is at work; the key is then lost, never half done.
            if let Ok(mut app) = keys.try_borrow_mut() {
                app.key(verdict);
            }
        });
        let ticks = events.clone();
        gtk::glib::timeout_add_local(Duration::from_secs(1), move || {
            ticks.send(UiEvent::Tick);
            gtk::glib::ControlFlow::Continue
        });
        looop.run(move |event, _, flow| {
            let _kept = &window;
            *flow = ControlFlow::Wait;
            let over = match event {
                Event::UserEvent(event) => app.borrow_mut().handle(event),
                Event::WindowEvent { event: WindowEvent::CloseRequested, .. } => {
                    acts.send(UiEvent::Bar(BarAction::Quit));
                    false
                }
                _ => false,
            };
            if over {
                *flow = ControlFlow::Exit;
            }
        })
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

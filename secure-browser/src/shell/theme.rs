//! Light and dark: GTK's style sheet and, through GTK's setting, `prefers-color-scheme` in every page.

use std::cell::Cell;

use gtk::prelude::*;

const SHAPE: &str = include_str!("style.css");
const LIGHT: &str = include_str!("light.css");
const DARK: &str = include_str!("dark.css");

/// The style in use.
pub struct Theme {
    provider: gtk::CssProvider,
    dark: Cell<bool>,
}

impl Theme {
    /// Puts the light style in force.
    #[must_use]
    pub fn install() -> Self {
        let theme = Self { provider: gtk::CssProvider::new(), dark: Cell::new(false) };
        if let Some(screen) = gtk::gdk::Screen::default() {
            let priority = gtk::STYLE_PROVIDER_PRIORITY_APPLICATION;
            gtk::StyleContext::add_provider_for_screen(&screen, &theme.provider, priority);
        }
        theme.apply();
        theme
    }

    /// Switches between light and dark.
    pub fn toggle(&self) {
        self.dark.set(!self.dark.get());
        self.apply();
    }

    fn apply(&self) {
        let colours = if self.dark.get() { DARK } else { LIGHT };
        let loaded = self.provider.load_from_data(format!("{colours}{SHAPE}").as_bytes());
        if let Err(error) = loaded {
            tracing::warn!(%error, "style sheet");
        }
        if let Some(settings) = gtk::Settings::default() {
            settings.set_gtk_application_prefer_dark_theme(self.dark.get());
        }
    }
}

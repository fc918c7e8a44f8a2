//! Who sits in front of the page and when: drawn over it by the shell, so that a photograph of the screen names both and
//! no page can take it away. Keys and clicks go through it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use gtk::{
    cairo::{Context, Format, ImageSurface},
    pango::{AttrColor, AttrInt, AttrList, Layout},
    prelude::*,
};

/// Between two lines of the pattern, in logical pixels.
const LINE: f64 = 170.0;
/// Between the end of a text and the next one on its line, in logical pixels.
const GAP: f64 = 140.0;
/// How far the text leans, in radians.
const LEAN: f64 = -0.38;
/// Size of the text in points.
const POINTS: i32 = 15;
/// Of the dark text, of 65535: it must be read in a photograph and must not stand between a nurse and a record.
const INK: u16 = 8400;
/// Of its light edge, which makes it readable on a dark page.
const EDGE: u16 = 11000;

/// The watermark.
pub struct Watermark {
    area: gtk::DrawingArea,
    drawn: Rc<Drawn>,
    wanted: Cell<bool>,
    open: Cell<bool>,
}

/// What is drawn, and the last picture of it.
#[derive(Default)]
struct Drawn {
    user: RefCell<String>,
    text: RefCell<String>,
    picture: RefCell<Option<Picture>>,
}

/// A picture of the whole pattern: pages move below it often, the text changes once a minute.
struct Picture {
    of: (i32, i32, i32),
    text: String,
    surface: ImageSurface,
}

impl Watermark {
    /// A watermark that is not shown yet.
    #[must_use]
    pub fn new() -> Self {
        let (area, drawn) = (gtk::DrawingArea::new(), Rc::new(Drawn::default()));
        // Without a window of its own nothing of it can take an event.
        area.set_has_window(false);
        area.set_no_show_all(true);
        let draws = drawn.clone();
        area.connect_draw(move |area, onto| {
            draws.draw(area, onto);
            gtk::glib::Propagation::Proceed
        });
        Self { area, drawn, wanted: Cell::new(false), open: Cell::new(false) }
    }

    /// Lies over everything in `layers`.
    pub fn lay_over(&self, layers: &gtk::Overlay) {
        layers.add_overlay(&self.area);
        layers.set_overlay_pass_through(&self.area, true);
    }

    /// Names the person.
    pub fn name(&self, user: &str) {
        *self.drawn.user.borrow_mut() = one_line(user);
        self.tick();
    }

    /// Whether the policy in force asks for it.
    pub fn want(&self, wanted: bool) {
        self.wanted.set(wanted);
        self.update();
    }

    /// Whether anything is shown that it belongs to.
    pub fn uncover(&self, open: bool) {
        self.open.set(open);
        self.update();
    }

    /// Draws it anew if the minute has changed.
    pub fn tick(&self) {
        let text = text(&self.drawn.user.borrow(), &minute());
        let changed = *self.drawn.text.borrow() != text;
        if changed {
            *self.drawn.text.borrow_mut() = text;
            self.area.queue_draw();
        }
    }

    fn update(&self) {
        self.tick();
        self.area.set_visible(self.wanted.get() && self.open.get());
    }
}

impl Drawn {
    fn draw(&self, area: &gtk::DrawingArea, onto: &Context) {
        let of = (area.allocated_width(), area.allocated_height(), area.scale_factor());
        let text = self.text.borrow();
        let mut picture = self.picture.borrow_mut();
        if picture.as_ref().is_none_or(|picture| picture.of != of || picture.text != *text) {
            *picture = painted(area, of, &text);
        }
        let Some(picture) = &*picture else { return };
        // Drawing fails only on a surface that has failed; the next minute makes a new one.
        let _ = onto.set_source_surface(&picture.surface, 0.0, 0.0).and_then(|()| onto.paint());
    }
}

/// The pattern for an area of `of` (width, height, device pixels a logical one).
fn painted(area: &gtk::DrawingArea, of: (i32, i32, i32), text: &str) -> Option<Picture> {
    let (width, height, scale) = of;
    let surface = ImageSurface::create(Format::ARgb32, width * scale, height * scale).ok()?;
    surface.set_device_scale(scale.into(), scale.into());
    let onto = Context::new(&surface).ok()?;
    let layouts = [(layout(area, text, 65535, EDGE), 1.0), (layout(area, text, 0, INK), 0.0)];
    let step = f64::from(layouts.first()?.0.pixel_size().0) + GAP;
    onto.rotate(LEAN);
    let style = area.style_context();
    for (x, y) in places(width.into(), height.into(), step) {
        for (layout, aside) in &layouts {
            gtk::render_layout(&style, &onto, x + aside, y + aside, layout);
        }
    }
    Some(Picture { of, text: text.to_owned(), surface })
}

/// Where texts begin, in the leaning system: enough to cover the whole area, each line moved against the one before.
fn places(width: f64, height: f64, step: f64) -> impl Iterator<Item = (f64, f64)> {
    let reach = width.hypot(height);
    let lines = (-reach / LINE).floor() as i32..=(reach / LINE).ceil() as i32;
    lines.flat_map(move |line| {
        let shift = if line.rem_euclid(2) == 0 { 0.0 } else { step / 2.0 };
        let texts = (-reach / step).floor() as i32 - 1..=(reach / step).ceil() as i32;
        texts.map(move |at| (f64::from(at) * step + shift, f64::from(line) * LINE))
    })
}

fn layout(area: &gtk::DrawingArea, text: &str, shade: u16, strength: u16) -> Layout {
    let layout = area.create_pango_layout(Some(text));
    let mut font = gtk::pango::FontDescription::from_string("Noto Sans CJK JP, Noto Sans JP, Noto Sans, sans-serif");
    font.set_size(POINTS * gtk::pango::SCALE);
    layout.set_font_description(Some(&font));
    let looks = AttrList::new();
    looks.insert(AttrColor::new_foreground(shade, shade, shade));
    looks.insert(AttrInt::new_foreground_alpha(strength));
    layout.set_attributes(Some(&looks));
    layout
}

fn text(user: &str, minute: &str) -> String {
    format!("{user}  {minute}")
}

/// Local time to the minute; empty if the system has none.
fn minute() -> String {
    let now = gtk::glib::DateTime::now_local().and_then(|now| now.format("%Y-%m-%d %H:%M"));
    now.map(String::from).unwrap_or_default()
}

/// A name that cannot break the pattern.
fn one_line(user: &str) -> String {
    user.chars().filter(|char| !char.is_control()).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_person_and_minute_and_no_second() {
        assert_eq!(text("花子", "2026-11-24 21:15"), "花子  2026-11-24 21:15");
        assert_eq!(minute().len(), "2026-11-24 21:15".len());
    }

    #[test]
    fn a_name_cannot_break_the_pattern() {
        assert_eq!(one_line("花\n子\u{7}"), "花子");
        assert_eq!(one_line(&"x".repeat(500)).len(), 60);
    }

    #[test]
    fn every_part_of_the_area_is_near_a_text() {
        let (width, height, step) = (1280.0, 800.0, 400.0);
        let texts: Vec<(f64, f64)> = places(width, height, step).collect();
        for (x, y) in [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height), (640.0, 400.0)] {
            // The same point in the leaning system.
            let (sin, cos) = LEAN.sin_cos();
            let (across, down) = (x * cos + y * sin, y * cos - x * sin);
            let near =
                |(from, line): &&(f64, f64)| (line - down).abs() <= LINE && (-step..=step).contains(&(across - from));
            assert!(texts.iter().any(|text| near(&text)), "{x} {y}");
        }
    }
}

//! Line icons of the top bar, drawn by cairo in the colour of their button: no icon theme is needed in the room.

use gtk::{cairo::Context, prelude::*};

/// Side of an icon in pixels.
const SIDE: i32 = 22;

/// An icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A house.
    Home,
    /// An arrow to the left.
    Back,
    /// A turning arrow.
    Reload,
    /// A closed padlock.
    Lock,
    /// A clipboard.
    Clipboard,
    /// A cross.
    Cross,
    /// A shield.
    Shield,
}

/// A widget that shows `icon`.
#[must_use]
pub fn area(icon: Icon, side: i32) -> gtk::DrawingArea {
    let area = gtk::DrawingArea::new();
    area.set_size_request(side, side);
    area.set_valign(gtk::Align::Center);
    area.set_halign(gtk::Align::Center);
    area.connect_draw(move |area, cairo| {
        let colour = area.style_context().color(area.state_flags());
        cairo.set_source_rgba(colour.red(), colour.green(), colour.blue(), colour.alpha());
        let scale = f64::from(side) / 24.0;
        cairo.scale(scale, scale);
        cairo.set_line_width(1.8);
        cairo.set_line_cap(gtk::cairo::LineCap::Round);
        cairo.set_line_join(gtk::cairo::LineJoin::Round);
        draw(icon, cairo);
        // A drawing error leaves an icon out; its button still has a label or a hint.
        let _ = cairo.stroke();
        gtk::glib::Propagation::Stop
    });
    area
}

/// [`area`] in the size of a button of the top bar.
#[must_use]
pub fn small(icon: Icon) -> gtk::DrawingArea {
    area(icon, SIDE)
}

fn draw(icon: Icon, cairo: &Context) {
    match icon {
        Icon::Home => line(
            cairo,
            &[
                &[(4.0, 11.0), (12.0, 4.0), (20.0, 11.0)],
                &[(6.0, 9.5), (6.0, 20.0), (18.0, 20.0), (18.0, 9.5)],
                &[(10.0, 20.0), (10.0, 14.0), (14.0, 14.0), (14.0, 20.0)],
            ],
        ),
        Icon::Back => line(cairo, &[&[(19.0, 12.0), (5.0, 12.0)], &[(11.0, 6.0), (5.0, 12.0), (11.0, 18.0)]]),
        Icon::Reload => reload(cairo),
        Icon::Lock => lock(cairo),
        Icon::Clipboard => clipboard(cairo),
        Icon::Cross => line(cairo, &[&[(6.0, 6.0), (18.0, 18.0)], &[(18.0, 6.0), (6.0, 18.0)]]),
        Icon::Shield => shield(cairo),
    }
}

fn line(cairo: &Context, strokes: &[&[(f64, f64)]]) {
    for stroke in strokes {
        let mut points = stroke.iter();
        if let Some((x, y)) = points.next() {
            cairo.move_to(*x, *y);
        }
        for (x, y) in points {
            cairo.line_to(*x, *y);
        }
    }
}

fn reload(cairo: &Context) {
    cairo.arc(12.0, 12.0, 7.5, -0.35, 4.9);
    cairo.new_sub_path();
    line(cairo, &[&[(19.6, 4.8), (19.2, 9.6), (14.6, 8.6)]]);
}

fn lock(cairo: &Context) {
    cairo.rectangle(5.0, 11.0, 14.0, 9.0);
    cairo.new_sub_path();
    cairo.move_to(8.0, 11.0);
    cairo.line_to(8.0, 8.0);
    cairo.arc(12.0, 8.0, 4.0, std::f64::consts::PI, 0.0);
    cairo.line_to(16.0, 11.0);
    line(cairo, &[&[(12.0, 14.5), (12.0, 16.5)]]);
}

fn clipboard(cairo: &Context) {
    cairo.rectangle(5.5, 5.5, 13.0, 15.0);
    cairo.rectangle(9.0, 3.5, 6.0, 4.0);
    line(cairo, &[&[(12.0, 10.5), (12.0, 16.5)], &[(9.5, 14.0), (12.0, 16.5), (14.5, 14.0)]]);
}

fn shield(cairo: &Context) {
    cairo.move_to(12.0, 3.0);
    cairo.line_to(19.5, 5.8);
    cairo.line_to(19.5, 11.2);
    cairo.curve_to(19.5, 15.8, 16.4, 19.2, 12.0, 21.0);
    cairo.curve_to(7.6, 19.2, 4.5, 15.8, 4.5, 11.2);
    cairo.line_to(4.5, 5.8);
    cairo.close_path();
    line(cairo, &[&[(8.7, 12.0), (11.0, 14.3), (15.3, 9.8)]]);
}

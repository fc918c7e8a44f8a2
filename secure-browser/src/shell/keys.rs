//! Keys that the shell takes before a page sees them: its own shortcuts, and what a browser engine would do by itself.

use gtk::gdk::{ModifierType, keys::Key, keys::constants as key};

use super::event::BarAction;

/// What becomes of a key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The widget in focus gets it.
    Pass,
    /// Nobody gets it.
    Swallow,
    /// The shell does something.
    Act(BarAction),
    /// The page becomes larger, smaller or its own size.
    Zoom(i8),
}

/// Judges a key press.
#[must_use]
pub fn judge(pressed: Key, state: ModifierType) -> Verdict {
    let control = state.contains(ModifierType::CONTROL_MASK);
    let alt = state.contains(ModifierType::MOD1_MASK);
    let shift = state.contains(ModifierType::SHIFT_MASK);
    match pressed.to_lower() {
        key::F5 => Verdict::Act(BarAction::Reload),
        key::F12 => Verdict::Swallow,
        key::Home if alt => Verdict::Act(BarAction::Home),
        key::Left if alt => Verdict::Act(BarAction::Back),
        key::r if control => Verdict::Act(BarAction::Reload),
        key::l if control && alt => Verdict::Act(BarAction::Lock),
        key::v if control && alt => Verdict::Act(BarAction::Paste),
        key::plus | key::equal | key::semicolon | key::KP_Add if control => Verdict::Zoom(1),
        key::minus | key::KP_Subtract if control => Verdict::Zoom(-1),
        key::_0 | key::KP_0 if control => Verdict::Zoom(0),
        // Print, save, source, find bar, new window and tab, inspector: the engine's or GTK's, never ours.
        key::p | key::s | key::u | key::o | key::n | key::t | key::w | key::h | key::j if control => Verdict::Swallow,
        key::i | key::c | key::k if control && shift => Verdict::Swallow,
        _ => Verdict::Pass,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_paste_and_typing_reach_the_page() {
        for pressed in [key::c, key::v, key::x, key::a, key::z] {
            assert_eq!(judge(pressed, ModifierType::CONTROL_MASK), Verdict::Pass);
        }
        assert_eq!(judge(key::p, ModifierType::empty()), Verdict::Pass);
        assert_eq!(judge(key::Zenkaku_Hankaku, ModifierType::empty()), Verdict::Pass);
    }

    #[test]
    fn print_save_source_and_inspector_keys_reach_nobody() {
        for pressed in [key::p, key::P, key::s, key::u, key::U] {
            assert_eq!(judge(pressed, ModifierType::CONTROL_MASK), Verdict::Swallow);
        }
        let control_shift = ModifierType::CONTROL_MASK | ModifierType::SHIFT_MASK;
        assert_eq!(judge(key::I, control_shift), Verdict::Swallow);
        assert_eq!(judge(key::F12, ModifierType::empty()), Verdict::Swallow);
    }
}

//! Drives the target that `FUZZ_TARGET` names.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use workspace_fuzz::Target;

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fn chosen() -> &'static Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    workspace_fuzz::target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET names no target: {name:?}"))
}

fuzz_target!(|bytes: &[u8]| (CHOSEN.get_or_init(chosen).run)(bytes));

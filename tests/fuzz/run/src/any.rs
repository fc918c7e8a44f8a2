//! Drives the target that `FUZZ_TARGET` names. With `FUZZ_SEEDS` it first writes the target's corpus to that folder, for
//! the next run to begin with.
#![no_main]

use std::{fs, path::Path, sync::OnceLock};

use libfuzzer_sys::fuzz_target;
use workspace_fuzz::{Target, corpus, target};

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fn chosen() -> &'static Target {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let chosen = target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET names no target: {name:?}"));
    if let Ok(folder) = std::env::var("FUZZ_SEEDS") {
        for (nth, seed) in corpus(chosen).iter().enumerate() {
            fs::write(Path::new(&folder).join(format!("seed-{nth}")), seed).expect("the folder can be written");
        }
    }
    chosen
}

fuzz_target!(|bytes: &[u8]| (CHOSEN.get_or_init(chosen).run)(bytes));

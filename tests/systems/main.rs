//! The real-systems suite: what care teams use, each as its own software, driven as a person drives it. Each must do its
//! work, and what must not get out is tried and seen not to. Chromium, driven by the same hands, shows that it could.

mod bed;
mod control;
mod desktop;
mod dicom;
mod hand;
mod map;
mod meeting;
mod nginx;
mod report;
mod viewer;
mod voice;
mod ward;

use std::{env, time::Duration};

use bed::Bed;
use installer::stack::npm;
use report::Row;
use workspace_tests::{ONLY, Outside, Wrong, in_world_with};

/// Time for something a person would wait for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A system: its name, and what a person does with it.
type Play = fn(&mut Bed<'_>) -> Result<Row, Wrong>;
const SYSTEMS: [(&str, Play); 5] = [
    ("viewer", viewer::play),
    ("desktop", desktop::play),
    ("meeting", meeting::play),
    ("map", map::play),
    ("voice", voice::play),
];

#[test]
fn each_system_does_its_work_and_lets_nothing_out() {
    let outside = Outside { packages: &npm::SYSTEMS, names: &ward::NAMES, ..Outside::default() };
    in_world_with("each_system_does_its_work_and_lets_nothing_out", outside, |place| {
        let mut bed = Bed::new(place)?;
        let only = env::var(ONLY).unwrap_or_default();
        let wanted = |name: &str| only.is_empty() || only.split(',').any(|one| one == name);
        let mut faults = Vec::new();
        let mut rows = Vec::new();
        for (name, play) in SYSTEMS.iter().filter(|(name, _)| wanted(name)) {
            match bed.timed(name, play) {
                Ok(row) => rows.push(row),
                Err(error) => faults.push(format!("{name}: {error}")),
            }
        }
        println!("{}", report::write(&rows));
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
    });
}

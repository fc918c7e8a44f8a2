//! How long the steps of a start take: an admin whose PCs start slowly sees where the time goes (`ready` with `--json`).

use std::time::Instant;

use serde_json::{Map, Value};

/// When each step was done, in milliseconds since the program began; the first time counts.
pub(super) struct Steps {
    began: Instant,
    done: Map<String, Value>,
}

impl Steps {
    /// Begins now.
    pub fn begin() -> Self {
        Self { began: Instant::now(), done: Map::new() }
    }

    /// `step` is done now.
    pub fn done(&mut self, step: &'static str) {
        let ms = self.ms();
        self.done.entry(step).or_insert_with(|| ms.into());
    }

    /// Milliseconds since the program began.
    pub fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What was done so far.
    pub fn so_far(&self) -> Value {
        Value::Object(self.done.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_of_a_step_counts() {
        let mut steps = Steps::begin();
        steps.done("display");
        let first = steps.so_far();
        while steps.ms() == 0 {
            std::hint::spin_loop();
        }
        steps.done("display");
        assert_eq!(steps.so_far(), first);
    }
}

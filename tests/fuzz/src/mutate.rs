//! Damage that keeps most of a structure, the same for the same seed.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

/// Bytes that mean something to CBOR, DER, TOML, URLs or UTF-8.
const BYTES: &[u8] = b"\0\x01\x7f\x80\xff\n\r \"#%&'*./:;=?@[\\]{}\x1a\x3b\x5b\x9f\xbf\x30\x82\xe6";
/// Longest mutated input, in bytes.
const MOST: usize = 1 << 20;

/// Runs `target` on every input of `corpus`, and on `mutations` damaged ones.
///
/// # Panics
/// If the target does; the seed makes the run repeat.
pub fn hammer(corpus: &[Vec<u8>], mutations: u32, seed: u64, target: impl Fn(&[u8])) {
    for input in corpus {
        target(input);
    }
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..mutations {
        let mut input = corpus.choose(&mut random).cloned().unwrap_or_default();
        for _ in 0..random.gen_range(1..6) {
            damage(&mut input, corpus, &mut random);
        }
        input.truncate(MOST);
        target(&input);
    }
}

fn damage(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut StdRng) {
    let at = random.gen_range(0..=input.len());
    let end = (at + random.gen_range(1..48)).min(input.len());
    let byte = BYTES.choose(random).copied().unwrap_or(0);
    match random.gen_range(0..8) {
        0 => flip(input, at, 1 << random.gen_range(0..8)),
        1 => input.insert(at, byte),
        2 => drop(input.drain(at..end)),
        3 => {
            let stretch = input.get(at..end).unwrap_or_default().to_vec();
            input.splice(at..at, stretch);
        }
        4 => input.truncate(at),
        5 => splice_other(input, at, corpus, random),
        6 => input.get_mut(at..end).unwrap_or_default().fill(byte),
        _ => flip(input, at, random.r#gen()),
    }
}

fn flip(input: &mut [u8], at: usize, by: u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= by;
    }
}

/// Goes on as another input does.
fn splice_other(input: &mut Vec<u8>, at: usize, corpus: &[Vec<u8>], random: &mut StdRng) {
    if let Some(other) = corpus.choose(random) {
        let from = random.gen_range(0..=other.len());
        input.truncate(at);
        input.extend_from_slice(other.get(from..).unwrap_or_default());
    }
}

//! Random row ids.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tipple_normalize::RandomIds;

/// A stream cipher seeded by the operating system: as unpredictable as asking the system for each id, without the call.
pub(crate) struct OsSeeded(ChaCha8Rng);

impl OsSeeded {
    /// A new stream.
    pub(crate) fn new() -> Self {
        let mut seed = [0; 32];
        os_random(&mut seed);
        OsSeeded(ChaCha8Rng::from_seed(seed))
    }
}

impl RandomIds for OsSeeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// Random bytes of the operating system; should it refuse, the clock and the process id keep runs apart.
pub(crate) fn os_random(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        let noise = crate::time::now_micros() as u64 ^ (u64::from(std::process::id()) << 40);
        for (byte, value) in bytes
            .iter_mut()
            .zip(noise.to_le_bytes().into_iter().cycle())
        {
            *byte = value;
        }
    }
}

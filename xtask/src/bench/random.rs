//! The random numbers of Python's `random.Random`, so that generated files are the same to the last byte.
//!
//! MT19937 with Python's way of seeding from an integer and of drawing integers, floats and choices.

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// A generator seeded as `random.Random(seed)`.
pub struct Random {
    state: [u32; SIZE],
    next: usize,
}

impl Random {
    pub fn new(seed: u32) -> Self {
        let mut random = Random {
            state: plain_seed(19_650_218),
            next: SIZE,
        };
        random.mix_seed(seed);
        random
    }

    /// `init_by_array` of the reference implementation, for a key of one word.
    fn mix_seed(&mut self, seed: u32) {
        let state = &mut self.state;
        let mut i = 1;
        for _ in 0..SIZE {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = (state[i] ^ before.wrapping_mul(1_664_525)).wrapping_add(seed);
            i = step(state, i);
        }
        for _ in 0..SIZE - 1 {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = (state[i] ^ before.wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i = step(state, i);
        }
        state[0] = 0x8000_0000;
    }

    fn word(&mut self) -> u32 {
        if self.next == SIZE {
            self.refill();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn refill(&mut self) {
        for i in 0..SIZE {
            let mixed = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % SIZE] & 0x7fff_ffff);
            let odd = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % SIZE] ^ (mixed >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// `getrandbits(128)`.
    pub fn bits_128(&mut self) -> u128 {
        (0..4).fold(0, |bits, i| bits | (u128::from(self.word()) << (32 * i)))
    }

    /// `random()`: from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `uniform(low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// `randrange(low, high)`.
    pub fn range(&mut self, low: u32, high: u32) -> u32 {
        let width = high - low;
        let bits = 32 - width.leading_zeros();
        loop {
            let drawn = self.word() >> (32 - bits);
            if drawn < width {
                return low + drawn;
            }
        }
    }

    /// `choice(list)`.
    pub fn choice<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.range(0, list.len() as u32) as usize]
    }
}

fn plain_seed(seed: u32) -> [u32; SIZE] {
    let mut state = [seed; SIZE];
    for i in 1..SIZE {
        let before = state[i - 1] ^ (state[i - 1] >> 30);
        state[i] = before.wrapping_mul(1_812_433_253).wrapping_add(i as u32);
    }
    state
}

fn step(state: &mut [u32; SIZE], i: usize) -> usize {
    if i + 1 < SIZE {
        return i + 1;
    }
    state[0] = state[SIZE - 1];
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_python() {
        // random.Random(7): getrandbits(128), random(), randrange(1, 50), choice
        let mut random = Random::new(7);
        assert_eq!(random.bits_128(), 0x6513270e269e0d37f2a74de452e6b438);
        assert_eq!(random.unit(), 0.6509344730398537);
        assert_eq!(random.range(1, 50), 5);
        assert_eq!(random.choice(&["a", "b", "c"]), "c");
    }
}

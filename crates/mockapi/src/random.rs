//! Numbers and ids that look random and are a function of their input.
//!
//! Nothing is drawn: the same seed and row give the same bytes in every run, so that pages need no storage. Ids can be
//! read back into the row they belong to, which is how `/videos/{id}` finds its row among millions without an index.

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Letters of an id after its prefix.
pub(crate) const ID_LETTERS: usize = 22;
/// 62 to the power of 11 exceeds 2^64: eleven letters hold one number.
const NUMBER_LETTERS: usize = 11;

/// Scrambles a number; every number has exactly one result (the finalizer of SplitMix64).
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The number that [`mix`] made this of.
fn unmix(value: u64) -> u64 {
    let value = (value ^ (value >> 31) ^ (value >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    let value = (value ^ (value >> 27) ^ (value >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    value ^ (value >> 30) ^ (value >> 60)
}

/// A chance between 0 and 1 for the `count`-th event of a seed.
pub(crate) fn chance(seed: u64, count: u64) -> f64 {
    let bits = mix(mix(seed).wrapping_add(count)) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// Hash of bytes, for comparing bodies (FNV-1a).
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Letters of the id of row `index` in the family of ids named by `salt`.
pub(crate) fn id(salt: u64, index: u64) -> [u8; ID_LETTERS] {
    let code = mix(index ^ mix(salt));
    let mut letters = [0; ID_LETTERS];
    let (number, rest) = letters.split_at_mut(NUMBER_LETTERS);
    write_letters(code, number);
    write_letters(mix(code ^ salt), rest);
    letters
}

/// The row that an id belongs to, unless it was made by something else.
pub(crate) fn index_of(salt: u64, letters: &[u8]) -> Option<u64> {
    let number = letters.get(..NUMBER_LETTERS)?;
    let mut code: u64 = 0;
    for letter in number.iter().rev() {
        let digit = LETTERS.iter().position(|known| known == letter)?;
        code = code.checked_mul(62)?.checked_add(digit as u64)?;
    }
    let index = unmix(code) ^ mix(salt);
    (id(salt, index) == letters).then_some(index)
}

fn write_letters(mut number: u64, out: &mut [u8]) {
    for letter in out {
        *letter = LETTERS[(number % 62) as usize];
        number /= 62;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_row() {
        for index in [0, 1, 77, 49_999_999, u64::MAX] {
            assert_eq!(index_of(9, &id(9, index)), Some(index));
        }
        assert_eq!(index_of(9, &id(8, 1)), None);
        assert_eq!(index_of(9, b"short"), None);
        assert_eq!(index_of(9, b"no id of anybody 12345"), None);
    }

    #[test]
    fn mixing_can_be_undone() {
        for value in [0, 1, 1 << 40, u64::MAX] {
            assert_eq!(unmix(mix(value)), value);
        }
    }

    #[test]
    fn chances_are_spread() {
        let hits = (0..10_000).filter(|count| chance(7, *count) < 0.05).count();
        assert!((400..600).contains(&hits), "{hits}");
    }
}

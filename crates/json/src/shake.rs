//! SHAKE-128 of short messages, many at a time: the ids of rows.
//!
//! Every child row has an id that is the SHAKE-128 of its parent's id, its table and its index (spec/normalize.md
//! §4.1), and at one hash per row this is the costliest thing in loading nested data. The messages are short and of
//! equal layout, so four or eight of them are hashed side by side in vector registers. One permutation is written
//! once, as a macro over vector types; the machine's best kernel is chosen at run time and all of them give the same
//! bytes. Start with [`ChildIds`] for batches, [`shake128`] for a single message.
#![allow(
    unsafe_code,
    reason = "vector intrinsics and functions of runtime-detected CPU features; nowhere else"
)]

/// Bytes that one step of SHAKE-128 takes in.
const RATE: usize = 168;
const RATE_WORDS: usize = RATE / 8;
const LANES: usize = 8;

/// Bytes of an id before it becomes text.
pub const ID_BYTES: usize = 10;
/// Characters of an id.
pub const ID_CHARS: usize = 14;
/// An id as text: base64 without padding.
pub type Id = [u8; ID_CHARS];

/// Message of all lanes, transposed: word by word, lane by lane.
#[derive(Clone)]
#[repr(align(64))]
struct Blocks([[u64; LANES]; RATE_WORDS]);

/// First two words of the digests of all lanes.
#[repr(align(64))]
struct Digests([[u64; LANES]; 2]);

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Keccak-f[1600] on `$s`, an array of 25 words of any width. `$xor` of two, `$xor5` of five words, `$rotate!` left,
/// `$chi(a, b, c)` = a ^ (!b & c), `$splat` of a round constant.
macro_rules! keccak {
    ($s:ident, $xor:expr, $xor5:expr, $rotate:ident, $chi:expr, $splat:expr) => {{
        for constant in ROUND_CONSTANTS {
            // Theta: the parity of each column, mixed into its neighbours.
            let c0 = $xor5($s[0], $s[5], $s[10], $s[15], $s[20]);
            let c1 = $xor5($s[1], $s[6], $s[11], $s[16], $s[21]);
            let c2 = $xor5($s[2], $s[7], $s[12], $s[17], $s[22]);
            let c3 = $xor5($s[3], $s[8], $s[13], $s[18], $s[23]);
            let c4 = $xor5($s[4], $s[9], $s[14], $s[19], $s[24]);
            let d0 = $xor(c4, $rotate!(c1, 1));
            let d1 = $xor(c0, $rotate!(c2, 1));
            let d2 = $xor(c1, $rotate!(c3, 1));
            let d3 = $xor(c2, $rotate!(c4, 1));
            let d4 = $xor(c3, $rotate!(c0, 1));
            // Rho and pi: every word is rotated and moved.
            let b0 = $xor($s[0], d0);
            let b1 = $rotate!($xor($s[6], d1), 44);
            let b2 = $rotate!($xor($s[12], d2), 43);
            let b3 = $rotate!($xor($s[18], d3), 21);
            let b4 = $rotate!($xor($s[24], d4), 14);
            let b5 = $rotate!($xor($s[3], d3), 28);
            let b6 = $rotate!($xor($s[9], d4), 20);
            let b7 = $rotate!($xor($s[10], d0), 3);
            let b8 = $rotate!($xor($s[16], d1), 45);
            let b9 = $rotate!($xor($s[22], d2), 61);
            let b10 = $rotate!($xor($s[1], d1), 1);
            let b11 = $rotate!($xor($s[7], d2), 6);
            let b12 = $rotate!($xor($s[13], d3), 25);
            let b13 = $rotate!($xor($s[19], d4), 8);
            let b14 = $rotate!($xor($s[20], d0), 18);
            let b15 = $rotate!($xor($s[4], d4), 27);
            let b16 = $rotate!($xor($s[5], d0), 36);
            let b17 = $rotate!($xor($s[11], d1), 10);
            let b18 = $rotate!($xor($s[17], d2), 15);
            let b19 = $rotate!($xor($s[23], d3), 56);
            let b20 = $rotate!($xor($s[2], d2), 62);
            let b21 = $rotate!($xor($s[8], d3), 55);
            let b22 = $rotate!($xor($s[14], d4), 39);
            let b23 = $rotate!($xor($s[15], d0), 41);
            let b24 = $rotate!($xor($s[21], d1), 2);
            // Chi and iota.
            $s[0] = $xor($chi(b0, b1, b2), $splat(constant));
            $s[1] = $chi(b1, b2, b3);
            $s[2] = $chi(b2, b3, b4);
            $s[3] = $chi(b3, b4, b0);
            $s[4] = $chi(b4, b0, b1);
            $s[5] = $chi(b5, b6, b7);
            $s[6] = $chi(b6, b7, b8);
            $s[7] = $chi(b7, b8, b9);
            $s[8] = $chi(b8, b9, b5);
            $s[9] = $chi(b9, b5, b6);
            $s[10] = $chi(b10, b11, b12);
            $s[11] = $chi(b11, b12, b13);
            $s[12] = $chi(b12, b13, b14);
            $s[13] = $chi(b13, b14, b10);
            $s[14] = $chi(b14, b10, b11);
            $s[15] = $chi(b15, b16, b17);
            $s[16] = $chi(b16, b17, b18);
            $s[17] = $chi(b17, b18, b19);
            $s[18] = $chi(b18, b19, b15);
            $s[19] = $chi(b19, b15, b16);
            $s[20] = $chi(b20, b21, b22);
            $s[21] = $chi(b21, b22, b23);
            $s[22] = $chi(b22, b23, b24);
            $s[23] = $chi(b23, b24, b20);
            $s[24] = $chi(b24, b20, b21);
        }
    }};
}

macro_rules! rotate_word {
    ($word:expr, $by:literal) => {
        u64::rotate_left($word, $by)
    };
}

fn permute(state: &mut [u64; 25]) {
    keccak!(
        state,
        |a, b| a ^ b,
        |a, b, c, d, e| a ^ b ^ c ^ d ^ e,
        rotate_word,
        |a: u64, b: u64, c: u64| a ^ (!b & c),
        |constant: u64| constant
    );
}

/// The first `N` bytes of SHAKE-128 of a message of any length; `N` is at most 168.
pub fn shake128<const N: usize>(message: &[u8]) -> [u8; N] {
    const { assert!(N <= RATE) };
    let mut state = [0; 25];
    let mut blocks = message.chunks_exact(RATE);
    for block in &mut blocks {
        absorb(&mut state, block);
        permute(&mut state);
    }
    let mut last = [0; RATE];
    let rest = blocks.remainder();
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x1f;
    last[RATE - 1] ^= 0x80;
    absorb(&mut state, &last);
    permute(&mut state);
    std::array::from_fn(|i| state[i / 8].to_le_bytes()[i % 8])
}

fn absorb(state: &mut [u64; 25], block: &[u8]) {
    let (words, _) = block.as_chunks::<8>();
    for (word, bytes) in state.iter_mut().zip(words) {
        *word ^= u64::from_le_bytes(*bytes);
    }
}

/// The id of a message: ten bytes of SHAKE-128 as text.
pub fn id_of(message: &[u8]) -> Id {
    id_text(shake128::<ID_BYTES>(message))
}

/// The id of one child row, see [`ChildIds`].
pub fn child_id(parent: &[u8], table: &str, index: i64) -> Id {
    id_of(&child_message(parent, table, index))
}

fn child_message(parent: &[u8], table: &str, index: i64) -> Vec<u8> {
    let mut message = Vec::with_capacity(RATE);
    message.extend_from_slice(parent);
    message.push(b'_');
    message.extend_from_slice(table.as_bytes());
    message.push(b'_');
    message.extend_from_slice(index.to_string().as_bytes());
    message
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Two characters for each group of twelve bits.
static PAIRS: [[u8; 2]; 4096] = {
    let mut pairs = [[0; 2]; 4096];
    let mut bits = 0;
    while bits < pairs.len() {
        pairs[bits] = [BASE64[bits >> 6], BASE64[bits & 63]];
        bits += 1;
    }
    pairs
};

/// Standard base64 of ten bytes without its padding.
#[inline]
pub fn id_text(bytes: [u8; ID_BYTES]) -> Id {
    let [head @ .., b8, b9] = bytes;
    let head = u64::from_be_bytes(head);
    // Five pairs are in the first 60 bits; 20 bits are left, and four zeros make two more pairs of them.
    let rest = (head & 15) << 20 | u64::from(b8) << 12 | u64::from(b9) << 4;
    let groups = [
        head >> 52,
        head >> 40,
        head >> 28,
        head >> 16,
        head >> 4,
        rest >> 12,
        rest,
    ];
    let mut text = [0; ID_CHARS];
    for (pair, group) in text.as_chunks_mut::<2>().0.iter_mut().zip(groups) {
        *pair = PAIRS[(group & 0xfff) as usize];
    }
    text
}

/// Code that hashes eight messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// One message after the other, on any machine.
    Scalar,
    /// Four at a time.
    Avx2,
    /// Eight at a time.
    Avx512,
}

impl Kernel {
    /// All kernels, slowest first.
    pub const ALL: [Kernel; 3] = [Kernel::Scalar, Kernel::Avx2, Kernel::Avx512];

    /// The fastest that this machine has.
    pub fn best() -> Self {
        let mut kernels = Kernel::ALL.into_iter().rev();
        kernels
            .find(|kernel| kernel.is_available())
            .unwrap_or(Kernel::Scalar)
    }

    /// True when this machine has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            Kernel::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => std::arch::is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// Hashes all lanes. A kernel that the machine lacks is replaced by the scalar one.
    fn run(self, blocks: &Blocks, digests: &mut Digests) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the function needs AVX-512F, which was detected.
            Kernel::Avx512 if self.is_available() => unsafe { x86::avx512(blocks, digests) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the function needs AVX2, which was detected.
            Kernel::Avx2 if self.is_available() => unsafe { x86::avx2(blocks, digests) },
            _ => scalar(blocks, digests),
        }
    }
}

fn scalar(blocks: &Blocks, digests: &mut Digests) {
    for lane in 0..LANES {
        let mut state = [0; 25];
        for (word, lanes) in state.iter_mut().zip(&blocks.0) {
            *word = lanes[lane];
        }
        permute(&mut state);
        digests.0[0][lane] = state[0];
        digests.0[1][lane] = state[1];
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Blocks, Digests, ROUND_CONSTANTS};

    macro_rules! rotate_512 {
        ($words:expr, $by:literal) => {
            _mm512_rol_epi64::<$by>($words)
        };
    }

    macro_rules! rotate_256 {
        ($words:expr, $by:literal) => {{
            let words = $words;
            _mm256_or_si256(
                _mm256_slli_epi64::<$by>(words),
                _mm256_srli_epi64::<{ 64 - $by }>(words),
            )
        }};
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn avx512(blocks: &Blocks, digests: &mut Digests) {
        let mut state = [_mm512_setzero_si512(); 25];
        for (words, lanes) in state.iter_mut().zip(&blocks.0) {
            // SAFETY: `lanes` is 64 readable bytes; the load needs no alignment.
            *words = unsafe { _mm512_loadu_si512(lanes.as_ptr().cast()) };
        }
        permute_512(&mut state);
        for (lanes, words) in digests.0.iter_mut().zip(state) {
            // SAFETY: `lanes` is 64 writable bytes; the store needs no alignment.
            unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), words) };
        }
    }

    #[target_feature(enable = "avx512f")]
    fn permute_512(state: &mut [__m512i; 25]) {
        keccak!(
            state,
            |a, b| _mm512_xor_si512(a, b),
            |a, b, c, d, e| {
                let abc = _mm512_ternarylogic_epi64::<0x96>(a, b, c);
                _mm512_ternarylogic_epi64::<0x96>(abc, d, e)
            },
            rotate_512,
            |a, b, c| _mm512_ternarylogic_epi64::<0xD2>(a, b, c),
            |constant: u64| _mm512_set1_epi64(constant as i64)
        );
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(blocks: &Blocks, digests: &mut Digests) {
        for half in 0..2 {
            let mut state = [_mm256_setzero_si256(); 25];
            for (words, lanes) in state.iter_mut().zip(&blocks.0) {
                // SAFETY: four of the eight words from `4 * half` on, 32 readable bytes; no alignment is needed.
                *words = unsafe { _mm256_loadu_si256(lanes[4 * half..].as_ptr().cast()) };
            }
            permute_256(&mut state);
            for (lanes, words) in digests.0.iter_mut().zip(state) {
                // SAFETY: as above, 32 writable bytes.
                unsafe { _mm256_storeu_si256(lanes[4 * half..].as_mut_ptr().cast(), words) };
            }
        }
    }

    #[target_feature(enable = "avx2")]
    fn permute_256(state: &mut [__m256i; 25]) {
        keccak!(
            state,
            |a, b| _mm256_xor_si256(a, b),
            |a, b, c, d, e| {
                let abc = _mm256_xor_si256(_mm256_xor_si256(a, b), c);
                _mm256_xor_si256(_mm256_xor_si256(abc, d), e)
            },
            rotate_256,
            |a, b, c| _mm256_xor_si256(a, _mm256_andnot_si256(b, c)),
            |constant: u64| _mm256_set1_epi64x(constant as i64)
        );
    }
}

/// Longest index as text: a sign and 19 digits.
const INDEX_CHARS_MAX: usize = 20;
/// Words in which an index and the padding behind it can lie.
const TAIL_WORDS: usize = 4;

/// Makes the ids of the rows of one child table: SHAKE-128 of `PARENT_TABLE_INDEX`.
///
/// The table's name is laid out once; per row only the parent's id and the index are written into a lane. Parents
/// whose id is not 14 bytes long, and names that do not fit into one block, are hashed one by one.
pub struct ChildIds {
    table: String,
    kernel: Kernel,
    blocks: Blocks,
    /// Words of the message from that with the first character of the index on, without the index.
    tail: [u64; TAIL_WORDS],
    /// Offset of the index; `None` when the message may not fit.
    index_at: Option<usize>,
    filled: usize,
}

impl ChildIds {
    /// Ids of rows of `table`, by the machine's best kernel.
    pub fn new(table: &str) -> Self {
        ChildIds::with_kernel(table, Kernel::best())
    }

    /// Ids of rows of `table`, by a kernel of choice.
    pub fn with_kernel(table: &str, kernel: Kernel) -> Self {
        let prefix = child_prefix(table);
        let fits = prefix.len() + 8 * TAIL_WORDS < RATE;
        let mut block = [0; RATE];
        if fits {
            block[..prefix.len()].copy_from_slice(&prefix);
        }
        block[RATE - 1] = 0x80;
        let words = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| block[8 * at + i]));
        let tail_at = if fits { prefix.len() / 8 } else { 0 };
        ChildIds {
            table: table.to_owned(),
            kernel,
            blocks: Blocks(std::array::from_fn(|word| [words(word); LANES])),
            tail: std::array::from_fn(|i| words(tail_at + i)),
            index_at: fits.then_some(prefix.len()),
            filled: 0,
        }
    }

    /// Appends the ids of `rows` (parent's id, index in its list) to `out`, 14 bytes each.
    pub fn extend<'a>(
        &mut self,
        rows: impl IntoIterator<Item = (&'a [u8], i64)>,
        out: &mut Vec<u8>,
    ) {
        for (parent, index) in rows {
            match (self.index_at, <&Id>::try_from(parent)) {
                (Some(index_at), Ok(parent)) => self.add(parent, index, index_at, out),
                _ => {
                    self.flush(out);
                    out.extend_from_slice(&child_id(parent, &self.table, index));
                }
            }
        }
        self.flush(out);
    }

    #[inline]
    fn add(&mut self, parent: &Id, index: i64, index_at: usize, out: &mut Vec<u8>) {
        let lane = self.filled;
        let blocks = &mut self.blocks.0;
        let [head @ .., p8, p9, p10, p11, p12, p13] = *parent;
        blocks[0][lane] = u64::from_le_bytes(head);
        let end = u64::from_le_bytes([p8, p9, p10, p11, p12, p13, 0, 0]);
        blocks[1][lane] = blocks[1][lane] >> 48 << 48 | end;
        let tail = index_tail(self.tail, index_at % 8, index);
        for (words, word) in blocks[index_at / 8..].iter_mut().zip(tail) {
            words[lane] = word;
        }
        self.filled += 1;
        if self.filled == LANES {
            self.flush(out);
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.filled == 0 {
            return;
        }
        let mut digests = Digests([[0; LANES]; 2]);
        self.kernel.run(&self.blocks, &mut digests);
        let mut ids = [[0; ID_CHARS]; LANES];
        for (lane, id) in ids.iter_mut().enumerate() {
            let [b0, b1, b2, b3, b4, b5, b6, b7] = digests.0[0][lane].to_le_bytes();
            let [b8, b9, ..] = digests.0[1][lane].to_le_bytes();
            *id = id_text([b0, b1, b2, b3, b4, b5, b6, b7, b8, b9]);
        }
        out.extend_from_slice(ids[..self.filled].as_flattened());
        self.filled = 0;
    }
}

/// The message before its index, with a parent of zeros.
fn child_prefix(table: &str) -> Vec<u8> {
    let mut prefix = vec![0; ID_CHARS];
    prefix.push(b'_');
    prefix.extend_from_slice(table.as_bytes());
    prefix.push(b'_');
    prefix
}

/// `tail` with the index at byte `at` and the first byte of the padding behind it.
#[inline]
fn index_tail(tail: [u64; TAIL_WORDS], at: usize, index: i64) -> [u64; TAIL_WORDS] {
    let mut tail = tail;
    if let 0..10 = index {
        let shifted = (0x1f_u128 << 8 | (b'0' as u128 + index as u128)) << (8 * at);
        tail[0] |= shifted as u64;
        tail[1] |= (shifted >> 64) as u64;
        return tail;
    }
    let mut text = [0; INDEX_CHARS_MAX];
    let digits = decimal(index, &mut text);
    for (i, byte) in digits.iter().chain(&[0x1f]).enumerate() {
        tail[(at + i) / 8] |= u64::from(*byte) << (8 * ((at + i) % 8));
    }
    tail
}

fn decimal(index: i64, text: &mut [u8; INDEX_CHARS_MAX]) -> &[u8] {
    let mut rest = index.unsigned_abs();
    let mut first = text.len();
    loop {
        first -= 1;
        text[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if index < 0 {
        first -= 1;
        text[first] = b'-';
    }
    &text[first..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::parse_value;
    use crate::text::write_sorted;
    use crate::value::Value;

    const GOLDEN: &str = include_str!("../../../fixtures/golden/ids.jsonl");

    fn available() -> impl Iterator<Item = Kernel> {
        Kernel::ALL
            .into_iter()
            .filter(|kernel| kernel.is_available())
    }

    fn lines(function: &str) -> Vec<serde_json::Value> {
        let lines = GOLDEN
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &serde_json::Value| line["fn"] == function)
            .collect()
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        // First bytes of SHAKE128(""), from FIPS 202's examples.
        assert_eq!(shake128::<4>(b""), [0x7f, 0x9c, 0x2b, 0xa4]);
        assert_eq!(id_of(br#"{"id":1}"#), *b"z5jIxXIbUnmbKw");
    }

    #[test]
    fn child_ids_are_those_of_dlt() {
        for line in lines("nested") {
            let (parent, table) = (
                line["parent"].as_str().unwrap(),
                line["table"].as_str().unwrap(),
            );
            let index = line["idx"].as_i64().unwrap();
            let expected = line["out"].as_str().unwrap().as_bytes();
            assert_eq!(child_id(parent.as_bytes(), table, index), expected);
            for kernel in available() {
                let mut ids = Vec::new();
                let mut maker = ChildIds::with_kernel(table, kernel);
                maker.extend([(parent.as_bytes(), index); 11], &mut ids);
                assert_eq!(ids, expected.repeat(11), "{kernel:?}");
            }
        }
    }

    #[test]
    fn row_hashes_are_those_of_dlt_for_plain_json() {
        for line in lines("row") {
            let row = line["row"].to_string();
            if line["subset"].is_null() && !row.contains("\"$") {
                let Value::Object(mut members) = parse_value(row.as_bytes()).unwrap() else {
                    panic!("a row is an object")
                };
                members.retain(|(key, _)| !key.starts_with("_dlt"));
                let mut text = String::new();
                write_sorted(&Value::Object(members), &mut text);
                assert_eq!(
                    id_of(text.as_bytes()),
                    line["out"].as_str().unwrap().as_bytes(),
                    "{text}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn all_kernels_make_the_same_ids(
            table in "[a-z_é]{1,150}",
            rows in prop::collection::vec(("[a-zA-Z0-9+/]{14}|[a-zé]{0,30}", prop_oneof![0i64..12, any::<i64>()]), 0..40),
        ) {
            let expected: Vec<u8> = rows.iter().flat_map(|(parent, index)| child_id(parent.as_bytes(), &table, *index)).collect();
            for kernel in available() {
                let mut ids = Vec::new();
                let rows = rows.iter().map(|(parent, index)| (parent.as_bytes(), *index));
                ChildIds::with_kernel(&table, kernel).extend(rows, &mut ids);
                prop_assert_eq!(&ids, &expected);
            }
        }

        #[test]
        fn an_id_is_base64(bytes: [u8; ID_BYTES]) {
            use base64::Engine;
            let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes);
            prop_assert_eq!(text.as_bytes(), id_text(bytes));
        }
    }
}

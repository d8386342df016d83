//! SHA-256 (FIPS 180-4, section 6.2), in plain Rust.
//!
//! Files are read once and hashed once, so a few hundred megabytes a second are enough, and whoever uses one of the libraries with checkpoints does not
//! compile nine further crates for it. The `sha2` crate is the reference in the tests.

/// A digest of bytes that come in pieces.
///
/// ```
/// use gibbsian_checkpoint::Sha256;
///
/// let mut sha = Sha256::new();
/// sha.update(b"a");
/// sha.update(b"bc");
/// assert_eq!(sha.hexadecimal(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
/// ```
#[derive(Clone, Debug)]
pub struct Sha256 {
    state: [u32; 8],
    /// What is not yet a whole block.
    rest: [u8; BLOCK],
    n_bytes: u64,
}

const BLOCK: usize = 64;

/// The first 32 bits of the fractional parts of the square roots of the first eight primes (5.3.3).
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (4.2.2).
#[rustfmt::skip]
const K: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

impl Sha256 {
    /// The digest of nothing yet.
    pub fn new() -> Self {
        Self {
            state: START,
            rest: [0; BLOCK],
            n_bytes: 0,
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        let n_rest = (self.n_bytes % BLOCK as u64) as usize;
        self.n_bytes += bytes.len() as u64;
        if n_rest > 0 {
            let (first, others) = bytes.split_at(bytes.len().min(BLOCK - n_rest));
            self.rest[n_rest..n_rest + first.len()].copy_from_slice(first);
            if n_rest + first.len() < BLOCK {
                return;
            }
            compress(&mut self.state, &self.rest);
            bytes = others;
        }
        let (blocks, last) = bytes.as_chunks::<BLOCK>();
        for block in blocks {
            compress(&mut self.state, block);
        }
        self.rest[..last.len()].copy_from_slice(last);
    }

    /// The digest.
    pub fn finish(mut self) -> [u8; 32] {
        let n_bits = self.n_bytes.wrapping_mul(8);
        // A one, zeros, and the number of bits in the last eight bytes of a block (5.1.1).
        let n_rest = (self.n_bytes % BLOCK as u64) as usize;
        let n_zeros = (2 * BLOCK - 9 - n_rest) % BLOCK;
        let mut end = [0; 2 * BLOCK];
        end[0] = 0x80;
        end[1 + n_zeros..9 + n_zeros].copy_from_slice(&n_bits.to_be_bytes());
        self.update(&end[..9 + n_zeros]);
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(self.state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }

    /// The digest as 64 digits.
    pub fn hexadecimal(self) -> String {
        self.finish().iter().map(|b| format!("{b:02x}")).collect()
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// One block of the message (6.2.2).
fn compress(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    let mut w = [0_u32; 64];
    for (w, bytes) in w.iter_mut().zip(block.as_chunks::<4>().0) {
        *w = u32::from_be_bytes(*bytes);
    }
    for t in 16..64 {
        let (a, b) = (w[t - 15], w[t - 2]);
        let sigma_0 = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
        let sigma_1 = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
        w[t] = sigma_1
            .wrapping_add(w[t - 7])
            .wrapping_add(sigma_0)
            .wrapping_add(w[t - 16]);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (k, w) in K.iter().zip(w) {
        let sum_1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let t_1 = h
            .wrapping_add(sum_1)
            .wrapping_add(choice)
            .wrapping_add(*k)
            .wrapping_add(w);
        let sum_0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        (h, g, f, e) = (g, f, e, d.wrapping_add(t_1));
        (d, c, b, a) = (c, b, a, t_1.wrapping_add(sum_0.wrapping_add(majority)));
    }
    for (s, v) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *s = s.wrapping_add(v);
    }
}

#[cfg(test)]
mod tests {
    use sha2::Digest;

    use super::*;

    /// All lengths around one and two blocks, in one piece and in two.
    #[test]
    fn digests_are_those_of_the_reference() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| (i * i / 7) as u8).collect();
        for n in (0..300).chain([999, 1000]) {
            let expected: [u8; 32] = sha2::Sha256::digest(&bytes[..n]).into();
            for cut in [0, 1, n / 2, n.min(64), n] {
                let mut sha = Sha256::new();
                sha.update(&bytes[..cut.min(n)]);
                sha.update(&bytes[cut.min(n)..n]);
                assert_eq!(sha.finish(), expected, "{n} bytes, cut at {cut}");
            }
        }
    }

    #[test]
    fn a_million_letters_have_the_digest_of_the_standard() {
        let mut sha = Sha256::new();
        (0..1000).for_each(|_| sha.update(&[b'a'; 1000]));
        assert_eq!(
            sha.hexadecimal(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }
}

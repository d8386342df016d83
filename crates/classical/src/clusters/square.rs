//! Cluster moves of two symbols on a periodic square lattice with one coupling and no field.
//!
//! **All clusters.** Rows are words of 64 sites. Which bonds are satisfied is two exclusive ors a word, and which of them are active is drawn for all at once
//! ([`LaneRng::fill_below`]). Active bonds along a row cut it into runs; only runs are numbered and joined, half as many as sites at the critical coupling. Of several
//! bonds between the same two runs the first is enough. A run never has a larger root, and runs are numbered as they lie, so one pass in order finds the roots, the sizes and the turns.
//!
//! **One cluster.** Sites wait in a queue and not on a stack: the site that is looked at next was put there a while ago and does not depend on the one before, so that
//! the processor works on several. Neighbours are compared and turned without a branch, because whether one joins cannot be predicted. They are compared by 32 bits
//! and in the rare tie by 32 more.

use gibbsian_core::StreamRng;
use gibbsian_core::simd::LaneRng;
use rand::{Rng, RngExt};

use super::forest::{settle, unite};
use super::report::{Partition, Turn};
use crate::graph::{Boundary, Graph};

/// A periodic square lattice of two symbols and its law.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Square {
    rows: usize,
    columns: usize,
    likes_equal: bool,
    threshold: u64,
}

/// What a sweep works in.
#[derive(Clone, Debug, Default)]
pub(super) struct SquareMemory {
    symbols: Vec<u64>,
    /// Bonds to the right, then bonds down, in words as the symbols.
    satisfied: Vec<u64>,
    active: Vec<u64>,
    /// Sites that no active bond joins to their left neighbour, and those in the first column.
    starts: Vec<u64>,
    /// For each word the number of runs that start in earlier ones.
    before: Vec<u32>,
    /// For each site the number of runs that start in its word up to there: site `k` of word `w` is in run `before[w] + rank[w][k] − 1`.
    rank: Vec<[u8; 64]>,
    /// For each run one more than its last site; there is a place for no run before the first.
    end: Vec<u32>,
    /// For each run its parent, and the size of the tree.
    parent: Vec<u32>,
    size: Vec<u32>,
    /// For each run whether it is turned, after a place for no run.
    turned: Vec<u8>,
}

/// Places behind the last run, so that any rank in any word is a place.
const PADDING: usize = 256;

impl Square {
    /// The lattice of this graph, if it is one whose bonds all have this law.
    pub(super) fn new(graph: &Graph, likes_equal: bool, threshold: u64) -> Option<Self> {
        let lattice = graph.as_lattice()?;
        let [rows, columns] = lattice.shape[..] else {
            return None;
        };
        let is_torus = lattice.boundaries.iter().all(|b| *b == Boundary::Periodic);
        is_torus.then_some(Square {
            rows,
            columns,
            likes_equal,
            threshold,
        })
    }

    /// Whether [`Square::sweep`] can serve it.
    pub(super) fn has_whole_words(&self) -> bool {
        self.columns.is_multiple_of(64)
    }

    /// Whether [`Square::turn`] can serve it.
    pub(super) fn can_turn(&self) -> bool {
        self.likes_equal && self.columns.is_power_of_two()
    }

    /// Draws all bonds and turns clusters.
    pub(super) fn sweep(
        &self,
        symbols: &mut [u8],
        memory: &mut SquareMemory,
        lanes: &mut LaneRng,
        rng: &mut StreamRng,
    ) -> Partition {
        self.pack(symbols, &mut memory.symbols);
        self.satisfy(&memory.symbols, &mut memory.satisfied);
        memory.active.resize(memory.satisfied.len(), 0);
        lanes.fill_below([&memory.satisfied], [self.threshold], &mut memory.active);
        let n_runs = self.join(memory);
        let partition = self.settle_all(memory, n_runs, rng);
        let words = symbols.as_chunks_mut::<64>().0.iter_mut();
        for (symbols, (before, rank)) in words.zip(memory.before.iter().zip(&memory.rank)) {
            let turned = places(&memory.turned, *before);
            for (symbol, rank) in symbols.iter_mut().zip(rank) {
                *symbol ^= turned[usize::from(*rank)];
            }
        }
        partition
    }

    /// Symbols as bits.
    fn pack(&self, symbols: &[u8], words: &mut Vec<u64>) {
        words.clear();
        for symbols in symbols.as_chunks::<64>().0 {
            let mut word = 0;
            for (k, eight) in symbols.as_chunks::<8>().0.iter().enumerate() {
                // Byte i is shifted to bit 56 + i; no two of the other products meet.
                let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
                word |= bits << (8 * k);
            }
            words.push(word);
        }
    }

    /// Which bonds are satisfied: to the right, then down.
    fn satisfy(&self, symbols: &[u64], satisfied: &mut Vec<u64>) {
        let per_row = self.columns / 64;
        let flip = if self.likes_equal { u64::MAX } else { 0 };
        satisfied.clear();
        for row in symbols.chunks(per_row) {
            for (k, word) in row.iter().enumerate() {
                let right = word >> 1 | row[(k + 1) % per_row] << 63;
                satisfied.push(word ^ right ^ flip);
            }
        }
        let below = symbols[per_row..].iter().chain(&symbols[..per_row]);
        satisfied.extend(symbols.iter().zip(below).map(|(word, below)| word ^ below ^ flip));
    }

    /// Numbers the runs, joins those that active bonds connect, and returns how many runs there are.
    fn join(&self, memory: &mut SquareMemory) -> usize {
        let n_sites = self.rows * self.columns;
        let (n_words, per_row) = (n_sites / 64, self.columns / 64);
        memory.starts.resize(n_words, 0);
        memory.before.resize(n_words, 0);
        memory.rank.resize(n_words, [0; 64]);
        memory.end.resize(n_sites + PADDING, 0);
        memory.parent.clear();
        let mut n_runs = 0;
        for row in 0..self.rows {
            let first_run = n_runs;
            // No bond leads to the first site of a row from its left.
            let mut carry = 0;
            for word in row * per_row..(row + 1) * per_row {
                let bonds = memory.active[word];
                memory.starts[word] = !(bonds << 1 | carry);
                carry = bonds >> 63;
                memory.before[word] = n_runs;
                n_runs += rank(memory.starts[word], &mut memory.rank[word]);
                let end = places_mut(&mut memory.end, memory.before[word]);
                for (k, rank) in memory.rank[word].iter().enumerate() {
                    // The last site of a run is the last to say so.
                    end[usize::from(*rank)] = (64 * word + k + 1) as u32;
                }
            }
            memory.parent.extend(first_run..n_runs);
            if carry == 1 {
                unite(&mut memory.parent, first_run, n_runs - 1);
            }
            if row > 0 {
                self.join_rows(memory, row - 1, row);
            }
        }
        self.join_rows(memory, self.rows - 1, 0);
        n_runs as usize
    }

    /// Joins the runs of two rows along the active bonds down from the first.
    fn join_rows(&self, memory: &mut SquareMemory, above: usize, here: usize) {
        let per_row = self.columns / 64;
        let (_, down) = memory.active.split_at(memory.starts.len());
        for (above, here) in (above * per_row..).zip(here * per_row..(here + 1) * per_row) {
            // A bond whose left neighbour is active too says nothing new where neither run starts.
            let mut bonds = down[above];
            bonds &= !(bonds << 1) | memory.starts[above] | memory.starts[here];
            let (run_above, run_here) = (memory.before[above], memory.before[here]);
            let (rank_above, rank_here) = (&memory.rank[above], &memory.rank[here]);
            while bonds != 0 {
                let k = bonds.trailing_zeros() as usize;
                bonds &= bonds - 1;
                let i = run_above + u32::from(rank_above[k]) - 1;
                let j = run_here + u32::from(rank_here[k]) - 1;
                unite(&mut memory.parent, i, j);
            }
        }
    }

    /// Finds the root of each run, and draws which trees are turned.
    fn settle_all(&self, memory: &mut SquareMemory, n_runs: usize, rng: &mut StreamRng) -> Partition {
        let SquareMemory {
            end,
            parent,
            size,
            turned,
            ..
        } = memory;
        size.clear();
        size.resize(n_runs, 0);
        turned.resize(self.rows * self.columns + PADDING, 0);
        let mut coins = 0;
        for run in 0..n_runs {
            if run % 64 == 0 {
                coins = rng.next_u64();
            }
            let root = settle(parent, run);
            size[root] += end[run + 1] - end[run];
            // Every run has a coin, and only those of roots are looked at.
            let coin = (coins >> (run % 64) & 1) as u8;
            // Both are read, because which it will be cannot be predicted.
            let of_root = turned[root + 1];
            turned[run + 1] = if root == run { coin } else { of_root };
        }
        Partition::of_sizes(self.rows * self.columns, size)
    }

    /// Grows one cluster and turns it.
    pub(super) fn turn(&self, symbols: &mut [u8], queue: &mut Vec<u32>, rng: &mut StreamRng) -> Turn {
        let (n, columns) = (symbols.len(), self.columns);
        // One place more than can be used: the site behind the last is written and not counted.
        queue.resize(n + 1, 0);
        let first = rng.random_range(0..n);
        let own = symbols[first];
        symbols[first] ^= 1;
        queue[0] = first as u32;
        let (mut next, mut end) = (0, 1);
        let (high, low) = ((self.threshold >> 32) as u32, self.threshold as u32);
        while next < end {
            let site = queue[next] as usize;
            next += 1;
            let column = site & (columns - 1);
            let neighbours = [
                if site < columns {
                    site + n - columns
                } else {
                    site - columns
                },
                if site + columns < n {
                    site + columns
                } else {
                    site + columns - n
                },
                if column == 0 { site + columns - 1 } else { site - 1 },
                if column == columns - 1 {
                    site + 1 - columns
                } else {
                    site + 1
                },
            ];
            let (a, b) = (rng.next_u64(), rng.next_u64());
            let words = [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32];
            let mut is_below = words.map(|word| word < high);
            if words.contains(&high) {
                for (word, is_below) in words.iter().zip(&mut is_below) {
                    *is_below |= *word == high && rng.next_u32() < low;
                }
            }
            for (&neighbour, is_below) in neighbours.iter().zip(is_below) {
                let joins = (symbols[neighbour] == own) & is_below;
                symbols[neighbour] ^= u8::from(joins);
                queue[end] = neighbour as u32;
                end += usize::from(joins);
            }
        }
        Turn {
            size: end as u64,
            accepted: true,
            probability: 1.0,
        }
    }
}

/// The places of a word, behind those of the runs before it.
#[inline]
fn places<T>(of_runs: &[T], before: u32) -> &[T; PADDING] {
    of_runs[before as usize..].first_chunk().expect("padding")
}

/// The same, to be written.
#[inline]
fn places_mut<T>(of_runs: &mut [T], before: u32) -> &mut [T; PADDING] {
    of_runs[before as usize..].first_chunk_mut().expect("padding")
}

/// Counts the bits of a word up to each place, and returns how many there are.
#[inline]
fn rank(word: u64, rank: &mut [u8; 64]) -> u32 {
    let mut n = 0;
    for (rank, byte) in rank.as_chunks_mut::<8>().0.iter_mut().zip(word.to_le_bytes()) {
        let counts = COUNTS[usize::from(byte)].wrapping_add(n * 0x0101_0101_0101_0101);
        *rank = counts.to_le_bytes();
        n = counts >> 56;
    }
    n as u32
}

/// Byte `k` of entry `b` is the number of bits among the lowest `k + 1` of `b`.
static COUNTS: [u64; 256] = {
    let mut counts = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut k = 0;
        while k < 8 {
            let lowest = byte as u64 & ((2 << k) - 1);
            counts[byte] |= (lowest.count_ones() as u64) << (8 * k);
            k += 1;
        }
        byte += 1;
    }
    counts
};

#[cfg(test)]
mod tests;

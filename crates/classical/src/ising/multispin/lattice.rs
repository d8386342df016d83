//! Where the spins lie.

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::simd::{LaneRng, Vectorized, vectorized};
use gibbsian_core::{Discrete, Error, Record, Result, Snapshot, Streams, Values};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rayon::prelude::*;

use super::rule::{CHUNK, Rule, Sites, Sorted, Turns};
use crate::graph::Boundary;
use crate::ising::Ising;

/// Words of one colour that one thread redraws with one stream.
const STRIP: usize = 16 * CHUNK;

/// Chains in bits.
#[derive(Clone, Debug)]
pub struct MultiSpinState {
    layout: Layout,
    n_chains: usize,
    rule: Rule,
    blocks: Vec<Block>,
}

/// The chains of a block of rows.
#[derive(Clone, Debug)]
struct Block {
    /// Words a row.
    width: usize,
    /// The rows of each colour, one after the other.
    colours: [Vec<u64>; 2],
    /// The neighbours to one side, of the colour that is redrawn.
    side: Vec<u64>,
    /// All bits of the words of odd rows.
    is_next: Vec<u64>,
}

/// What a strip works in.
#[derive(Clone, Debug)]
struct Memory {
    /// Rows above and below that are not in one piece.
    ends: [[u64; CHUNK]; 2],
    sorted: Sorted,
}

impl Default for Memory {
    fn default() -> Self {
        Memory {
            ends: [[0; CHUNK]; 2],
            sorted: Sorted::default(),
        }
    }
}

/// How the sites of a chain are spread over bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    rows: usize,
    columns: usize,
}

impl Layout {
    /// The layout of this model, and its coupling and field.
    fn of(model: &Ising) -> Result<(Self, f64, f64)> {
        let refuse = |value: String| {
            let requirement = "a periodic square lattice with even sides, at most 128 columns or a multiple of 128, \
                one coupling and one field; make the sides even, or take the general kernels Gibbs and Metropolis";
            Err(Error::parameter("model", value, requirement))
        };
        let (couplings, fields) = (model.couplings(), model.fields());
        let Some(lattice) = model.graph().as_lattice() else {
            return refuse("no lattice".to_owned());
        };
        let [rows, columns] = lattice.shape[..] else {
            return refuse(format!("a lattice of shape {:?}", lattice.shape));
        };
        let fits = rows.is_multiple_of(2) && columns.is_multiple_of(2);
        if !fits || (columns > 128 && !columns.is_multiple_of(128)) {
            return refuse(format!("{rows} by {columns} sites"));
        }
        if lattice.boundaries.contains(&Boundary::Open) {
            return refuse("an open lattice".to_owned());
        }
        if couplings.iter().any(|j| *j != couplings[0]) || fields.iter().any(|h| *h != fields[0]) {
            return refuse("a lattice with different couplings or fields".to_owned());
        }
        Ok((Layout { rows, columns }, couplings[0], fields[0]))
    }

    /// Sites of one colour in a row.
    fn half(self) -> usize {
        self.columns / 2
    }

    /// The number of chains in a word, or one where a row needs a word or more.
    fn chains_in_a_word(self) -> usize {
        (64 / self.half()).max(1)
    }

    /// Words that `n` chains need for a row.
    fn width(self, n_chains: usize) -> usize {
        n_chains.div_ceil(self.chains_in_a_word()) * self.half().div_ceil(64)
    }

    /// The colour of a site, and its word and bit in the rows of that colour.
    fn place(self, width: usize, chain: usize, site: usize) -> (usize, usize, usize) {
        let (row, column) = (site / self.columns, site % self.columns);
        let bit = chain % self.chains_in_a_word() * self.half() + column / 2;
        let word = row * width + chain / self.chains_in_a_word() * self.half().div_ceil(64) + bit / 64;
        ((row + column) % 2, word, bit % 64)
    }
}

/// Finds for every site of one colour the neighbour of the other in the place beside its own.
///
/// Bit `k` of row `r` is at column `2k + (r + colour) mod 2`, and of the other colour at the column to its left or to its right: the neighbour is the bit before or the
/// next, by turns. Both are found for all words and one is chosen, which is faster than to go row by row.
struct Shift<'a> {
    half: usize,
    /// All bits of the words in whose rows the neighbour is the next bit.
    is_next: &'a [u64],
    /// Chooses the other rows.
    flip: u64,
    other: &'a [u64],
    side: &'a mut [u64],
}

impl Vectorized for Shift<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (half, flip, n) = (self.half, self.flip, self.other.len());
        let (other, is_next, side) = (self.other, &self.is_next[..n], &mut self.side[..n]);
        if half < 64 {
            // Rings of `half` bits.
            let first = (0..64 / half).fold(0, |bits, f| bits | 1 << (f * half));
            let last = first << (half - 1);
            // Bits behind the last field must not be moved into it.
            let not_first = u64::MAX >> (64 - 64 / half * half) & !first;
            for q in 0..n {
                let word = other[q];
                let next = (word & not_first) >> 1 | (word & first) << (half - 1);
                let before = (word & !last) << 1 | (word & last) >> (half - 1);
                let choice = is_next[q] ^ flip;
                side[q] = (next & choice) | (before & !choice);
            }
            return;
        }
        // Rings of words, one behind the other: as if all were one, and then the ends of each.
        let choose = |q: usize, word: u64, word_before: u64, next_word: u64| {
            let next = word >> 1 | next_word << 63;
            let before = word << 1 | word_before >> 63;
            let choice = is_next[q] ^ flip;
            (next & choice) | (before & !choice)
        };
        for q in 1..n - 1 {
            side[q] = choose(q, other[q], other[q - 1], other[q + 1]);
        }
        let ring = half / 64;
        for first in (0..n).step_by(ring) {
            let last = first + ring - 1;
            side[first] = choose(
                first,
                other[first],
                other[last],
                other[first + usize::from(ring > 1)],
            );
            if ring > 1 {
                side[last] = choose(last, other[last], other[last - 1], other[first]);
            }
        }
    }
}

impl MultiSpinState {
    /// Chains at the rows of `x`, under the rule that `rule` makes of the coupling and the field.
    ///
    /// # Errors
    /// A model that is no such lattice, or rows that are none of its states.
    pub(super) fn new(model: &Ising, x: ArrayView2<f64>, rule: impl Fn(f64, f64) -> Turns) -> Result<Self> {
        let (layout, coupling, field) = Layout::of(model)?;
        model.check_states("x", x)?;
        let blocks = (0..x.nrows()).step_by(BLOCK_ROWS).map(|first| {
            let n_chains = BLOCK_ROWS.min(x.nrows() - first);
            let width = layout.width(n_chains);
            let empty = vec![0; layout.rows * width];
            Block {
                width,
                colours: [empty.clone(), empty.clone()],
                is_next: (0..empty.len())
                    .map(|q| if q / width % 2 == 1 { u64::MAX } else { 0 })
                    .collect(),
                side: empty,
            }
        });
        let mut state = MultiSpinState {
            layout,
            n_chains: x.nrows(),
            rule: Rule::new(&rule(coupling, field)),
            blocks: blocks.collect(),
        };
        for ((b, site), &value) in x.indexed_iter() {
            let block = &mut state.blocks[b / BLOCK_ROWS];
            let (colour, word, bit) = layout.place(block.width, b % BLOCK_ROWS, site);
            block.colours[colour][word] |= u64::from(value > 0.0) << bit;
        }
        Ok(state)
    }

    /// The rule of another model on the same lattice instead.
    ///
    /// # Panics
    /// When the model is no lattice that the kernel can serve.
    pub(super) fn refresh(&mut self, model: &Ising, rule: impl Fn(f64, f64) -> Turns) {
        let (_, coupling, field) = Layout::of(model).expect("the model is a lattice that can be swept");
        self.rule = Rule::new(&rule(coupling, field));
    }

    pub(super) fn positions(&self) -> CowArray<'_, f64, Ix2> {
        let n_sites = self.layout.rows * self.layout.columns;
        let spin = |(b, site): (usize, usize)| {
            let block = &self.blocks[b / BLOCK_ROWS];
            let (colour, word, bit) = self.layout.place(block.width, b % BLOCK_ROWS, site);
            if block.colours[colour][word] >> bit & 1 == 1 {
                1.0
            } else {
                -1.0
            }
        };
        Array2::from_shape_fn((self.n_chains, n_sites), spin).into()
    }

    /// Advances all chains by some sweeps.
    pub(super) fn sweep(&mut self, n_sweeps: usize, streams: Streams) {
        let (layout, rule) = (self.layout, &self.rule);
        let sweep = |b: usize, block: &mut Block| block.sweep(layout, rule, n_sweeps, streams.part(b as u64));
        if let [block] = self.blocks.as_mut_slice() {
            return sweep(0, block);
        }
        self.blocks
            .par_iter_mut()
            .enumerate()
            .for_each(|(b, block)| sweep(b, block));
    }
}

impl Block {
    fn sweep(&mut self, layout: Layout, rule: &Rule, n_sweeps: usize, streams: Streams) {
        let n_words = self.side.len();
        // A strip goes on with its stream through all sweeps.
        let mut strips: Vec<(LaneRng, Box<Memory>)> = (0..n_words.div_ceil(STRIP))
            .map(|strip| (LaneRng::new(streams, strip), Box::default()))
            .collect();
        for _ in 0..n_sweeps {
            for colour in 0..2 {
                self.redraw(colour, layout, rule, &mut strips);
            }
        }
    }

    /// Redraws one colour.
    fn redraw(&mut self, colour: usize, layout: Layout, rule: &Rule, strips: &mut [(LaneRng, Box<Memory>)]) {
        let (width, n_words) = (self.width, self.side.len());
        let [even, odd] = &mut self.colours;
        let (own, other) = if colour == 0 { (even, &*odd) } else { (odd, &*even) };
        vectorized(Shift {
            half: layout.half(),
            is_next: &self.is_next,
            flip: if colour == 0 { 0 } else { u64::MAX },
            other,
            side: &mut self.side,
        });
        let side = &self.side;
        let redraw = |strip: usize, own: &mut [u64], (lanes, memory): &mut (LaneRng, Box<Memory>)| {
            for (k, own) in own.chunks_mut(CHUNK).enumerate() {
                let first = strip * STRIP + k * CHUNK;
                let n = own.len();
                let Memory {
                    ends: [above, below],
                    sorted,
                } = &mut **memory;
                let above = ring(other, first + n_words - width, n, above);
                let below = ring(other, first + width, n, below);
                let neighbours = [&other[first..first + n], &side[first..first + n], above, below];
                rule.turn(Sites { own, neighbours }, sorted, lanes);
            }
        };
        if let [strip] = strips {
            return redraw(0, own, strip);
        }
        let pieces = own.par_chunks_mut(STRIP).zip(strips).enumerate();
        pieces.for_each(|(strip, (own, generator))| redraw(strip, own, generator));
    }
}

/// The `n` words from `first` on of a ring, copied where they are not in one piece.
fn ring<'a>(words: &'a [u64], first: usize, n: usize, memory: &'a mut [u64; CHUNK]) -> &'a [u64] {
    let first = first % words.len();
    if first + n <= words.len() {
        return &words[first..first + n];
    }
    let mut filled = 0;
    while filled < n {
        let start = (first + filled) % words.len();
        let piece = (n - filled).min(words.len() - start);
        memory[filled..filled + piece].copy_from_slice(&words[start..start + piece]);
        filled += piece;
    }
    &memory[..n]
}

impl Snapshot for MultiSpinState {
    /// `even` and `odd`: the bits of each colour, block after block.
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        for (colour, name) in ["even", "odd"].into_iter().enumerate() {
            let words: Vec<u64> = self
                .blocks
                .iter()
                .flat_map(|b| b.colours[colour].clone())
                .collect();
            record.put(name, &[words.len()], Values::U64(words));
        }
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let n_words: usize = self.blocks.iter().map(|block| block.side.len()).sum();
        let colours = [record.u64s("even", &[n_words])?, record.u64s("odd", &[n_words])?];
        let mut first = 0;
        for block in &mut self.blocks {
            let end = first + block.side.len();
            for (own, saved) in block.colours.iter_mut().zip(colours) {
                own.copy_from_slice(&saved[first..end]);
            }
            first = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsian_core::Seed;
    use rand::Rng;

    #[test]
    fn the_neighbour_beside_a_site_is_the_other_one_of_its_row() {
        let mut rng = Seed::new(1).rng();
        for (columns, n_chains) in [
            (2, 70),
            (6, 25),
            (12, 32),
            (64, 3),
            (70, 2),
            (128, 3),
            (256, 2),
            (384, 1),
        ] {
            let layout = Layout { rows: 4, columns };
            let (half, width) = (layout.half(), layout.width(n_chains));
            let n = layout.rows * width;
            // Bits that belong to no chain are set at random too.
            let other: Vec<u64> = (0..n).map(|_| rng.next_u64()).collect();
            let is_next: Vec<u64> = (0..n)
                .map(|q| if q / width % 2 == 1 { u64::MAX } else { 0 })
                .collect();
            for (colour, flip) in [(0, 0), (1, u64::MAX)] {
                let mut side = vec![0; n];
                vectorized(Shift {
                    half,
                    is_next: &is_next,
                    flip,
                    other: &other,
                    side: &mut side,
                });
                for (chain, site) in (0..n_chains).flat_map(|c| (0..4 * columns).map(move |s| (c, s))) {
                    let (own_colour, word, bit) = layout.place(width, chain, site);
                    if own_colour != colour {
                        continue;
                    }
                    let (row, column) = (site / columns, site % columns);
                    let ends = [(column + 1) % columns, (column + columns - 1) % columns];
                    let beside = ends
                        .into_iter()
                        .find(|end| end / 2 != column / 2)
                        .unwrap_or(ends[0]);
                    let (_, from, from_bit) = layout.place(width, chain, row * columns + beside);
                    let (found, expected) = (side[word] >> bit & 1, other[from] >> from_bit & 1);
                    assert_eq!(
                        found, expected,
                        "{columns} columns, chain {chain}, row {row}, column {column}"
                    );
                }
            }
        }
    }
}

//! What cluster kernels carry from step to step.

use gibbsian_core::parallel::BLOCK_ROWS;
use gibbsian_core::{Discrete, Error, Record, Result, Snapshot, Values};
use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use rayon::prelude::*;

use super::ClusterModel;
use super::law::BondLaw;
use super::square::SquareMemory;

/// Chains in one byte a site, and the laws of the bonds, which stay what they are from step to step.
///
/// [`SwendsenWang`](crate::SwendsenWang) and [`Wolff`](crate::Wolff) share it, so that their steps can follow each other on the same chains.
#[derive(Clone, Debug)]
pub struct ClusterState {
    n_sites: usize,
    /// Places in the alphabet, one row of sites after the other.
    symbols: Vec<u8>,
    alphabet: Vec<f64>,
    law: BondLaw,
    /// Of each block of chains, for its steps to work in; no part of the state.
    memory: Vec<Memory>,
}

/// What a step works in; each vector is sized by its first user and kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) parent: Vec<u32>,
    pub(super) size: Vec<u32>,
    pub(super) gain: Vec<f64>,
    pub(super) marked: Vec<bool>,
    pub(super) queue: Vec<u32>,
    pub(super) square: SquareMemory,
}

impl ClusterState {
    /// Chains at the rows of `x`.
    ///
    /// # Errors
    /// Rows that are no states of the model, or a model with more than 256 symbols or 2³² sites.
    pub(super) fn new<M: ClusterModel + ?Sized>(model: &M, x: ArrayView2<f64>) -> Result<Self> {
        model.check_states("x", x)?;
        let alphabet = model.alphabet(0).to_vec();
        if alphabet.len() > 256 {
            let requirement = "at most 256 for cluster moves";
            return Err(Error::parameter(
                "the number of symbols",
                alphabet.len(),
                requirement,
            ));
        }
        if u32::try_from(model.dim()).is_err() {
            let requirement = "below 2^32 for cluster moves";
            return Err(Error::parameter("the number of sites", model.dim(), requirement));
        }
        Ok(ClusterState {
            n_sites: model.dim(),
            symbols: symbols_of(model, x),
            alphabet,
            law: BondLaw::new(model),
            memory: vec![Memory::default(); x.nrows().div_ceil(BLOCK_ROWS)],
        })
    }

    /// The laws of the bonds of this model instead.
    pub(super) fn refresh<M: ClusterModel + ?Sized>(&mut self, model: &M) {
        self.law = BondLaw::new(model);
    }

    pub(super) fn positions(&self) -> CowArray<'_, f64, Ix2> {
        let symbols = ArrayView2::from_shape((self.n_chains(), self.n_sites), &self.symbols);
        let symbols = symbols.expect("whole rows of sites");
        symbols.mapv(|symbol| self.alphabet[usize::from(symbol)]).into()
    }

    fn n_chains(&self) -> usize {
        self.symbols.len() / self.n_sites
    }

    /// Calls `f(block, chain, ..)` for each chain, blocks in parallel, and returns what it says, in the order of the chains. A generator that `start` makes
    /// of the number of a block serves its chains one after the other.
    pub(super) fn map_chains<R, T: Send>(
        &mut self,
        start: impl Fn(&BondLaw, usize) -> R + Sync,
        f: impl Fn(&BondLaw, &mut [u8], &mut Memory, &mut R) -> T + Sync,
    ) -> Vec<T> {
        let (n_sites, law) = (self.n_sites, &self.law);
        let step = |block: usize, symbols: &mut [u8], memory: &mut Memory| -> Vec<T> {
            let mut rng = start(law, block);
            let chains = symbols.chunks_mut(n_sites);
            chains.map(|chain| f(law, chain, memory, &mut rng)).collect()
        };
        if let [memory] = self.memory.as_mut_slice() {
            return step(0, &mut self.symbols, memory);
        }
        let blocks = self.symbols.par_chunks_mut(BLOCK_ROWS * n_sites);
        let reports: Vec<Vec<T>> = blocks
            .zip(&mut self.memory)
            .enumerate()
            .map(|(block, (symbols, memory))| step(block, symbols, memory))
            .collect();
        reports.into_iter().flatten().collect()
    }
}

/// Places in the alphabet, row by row, of states that have been checked.
pub(super) fn symbols_of<M: Discrete + ?Sized>(model: &M, x: ArrayView2<f64>) -> Vec<u8> {
    let alphabet = model.alphabet(0);
    let place = |value: &f64| alphabet.iter().position(|symbol| symbol == value);
    x.iter()
        .map(|value| place(value).expect("a symbol of the alphabet") as u8)
        .collect()
}

impl Snapshot for ClusterState {
    /// `symbols` `(B, D)`, places in the alphabet.
    fn snapshot(&self) -> Record {
        let mut record = Record::new();
        let shape = [self.n_chains(), self.n_sites];
        record.put("symbols", &shape, Values::U8(self.symbols.clone()));
        record
    }

    fn restore(&mut self, record: &Record) -> Result<()> {
        let symbols = record.bytes("symbols", &[self.n_chains(), self.n_sites])?;
        let n_symbols = self.alphabet.len();
        if let Some(symbol) = symbols.iter().find(|symbol| usize::from(**symbol) >= n_symbols) {
            return Err(Error::format(
                "snapshot entry `symbols`",
                format!("symbol {symbol}"),
                format!("numbers below {n_symbols}"),
            ));
        }
        self.symbols.copy_from_slice(symbols);
        Ok(())
    }
}

impl ClusterState {
    /// The chains, one a row.
    pub fn states(&self) -> Array2<f64> {
        self.positions().into_owned()
    }
}

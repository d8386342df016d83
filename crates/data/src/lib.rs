//! Data for energy-based and score-based models: strict readers, pictures, minibatches, and toys whose law is known exactly.
//!
//! Files come from strangers, so the readers believe nothing: [`idx`], [`npy`], [`table`] `npz` and `png`, the last two behind features as gzip is, refuse, by
//! name, everything that is not exactly what the format promises, and never allocate more than the bytes that are really there justify. Pictures stay
//! bytes in memory ([`images`]) and become numbers a minibatch at a time, in one of three ways that the literature uses
//! and that give different likelihoods ([`view`]). [`minibatch`] and [`split`] say which rows are seen when; both depend on a seed
//! and a position only, so they are the same on every machine and after every restart. [`patterns`] has small binary
//! distributions with every probability known, against which learning and sampling can be judged without estimation.
//!
//! ```
//! use gibbsian_core::dataset::{BatchOrder, Dataset};
//! use gibbsian_core::{Seed, Streams};
//! use gibbsian_data::{Images, LastBatch, Minibatches, StochasticBinarised};
//!
//! // Five pictures of 2 × 3 grey pixels.
//! let images = Images::new(5, 2, 3, (0..30).map(|i| 8 * i).collect())?;
//! let data = StochasticBinarised::new(images);
//! let seed = Seed::new(1);
//! let mut order = Minibatches::new(data.n_points(), 2, LastBatch::Keep, seed.child("order"))?;
//! for step in 0..order.steps_per_epoch() {
//!     let streams = Streams::draw(&mut seed.child("binarise").nth(step).rng());
//!     let x = data.rows(order.batch(step), streams);
//!     assert!(x.iter().all(|&x| x == 0.0 || x == 1.0));
//! }
//! # Ok::<(), gibbsian_core::Error>(())
//! ```

#![deny(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod fashion;
pub mod idx;
pub mod images;
pub mod labelled_table;
pub mod minibatch;
pub mod mnist;
pub mod npy;
#[cfg(feature = "npz")]
pub mod npz;
pub mod patterns;
#[cfg(feature = "png")]
pub mod png;
pub mod split;
pub mod table;
pub mod view;

mod bytes;
mod source;
mod toss;
mod uniform;

pub use bytes::read_bytes;
pub use fashion::load_fashion;
pub use idx::{Idx, decode_idx, read_idx};
pub use images::{Images, LabelledImages, Labels};
pub use labelled_table::LabelledTable;
pub use minibatch::{LastBatch, Minibatches, Shuffle};
pub use mnist::Mnist;
pub use npy::{
    NpyNumber, decode_npy, decode_npy_bytes, decode_npy_matrix, encode_npy, read_npy, read_npy_bytes,
    read_npy_matrix, write_npy,
};
#[cfg(feature = "npz")]
pub use npz::{Npz, NpzWriter};
pub use patterns::{Patterns, bars_and_stripes, labelled_shifter};
#[cfg(feature = "png")]
pub use png::{decode_png, read_png};
pub use split::{HoldOut, cross_validation, hold_out};
pub use table::{Header, Table, decode_table, encode_table, read_table};
pub use view::{Means, StochasticBinarised, Threshold};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

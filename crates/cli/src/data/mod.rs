//! From a file of data to what a model is trained on and judged by.
//!
//! [`keys`] is the section `[data]` of a configuration; [`file`](mod@file) reads what is there, [`delimited`] text among it, [`bits`] requires zeros and ones; [`survey`] looks at columns and has opinions about them; [`select`](mod@select)
//! leaves out what is not used; [`prepare`] splits, and refuses what would be learnt wrongly; [`judged`] reads what is to be judged; [`transform`] scales and binarises; [`view`] is what training sees.

pub(crate) mod bits;
pub(crate) mod delimited;
pub(crate) mod file;
pub(crate) mod judged;
pub(crate) mod keys;
pub(crate) mod prepare;
pub(crate) mod select;
pub(crate) mod survey;
pub(crate) mod transform;
pub(crate) mod view;

pub(crate) use file::{DataFile, Rows};
pub(crate) use keys::{Binarise, DataKeys, Missing, Scale};
pub(crate) use prepare::Prepared;
pub(crate) use transform::Transform;

//! Mistakes that people make, and what they are told: the argument, its value, what is allowed, and what helps.
//!
//! Every test makes one mistake at the place where people make it and keeps the whole message as a snapshot. A message that changes is read
//! again, here, as its reader would.

mod classical;
mod data;
mod densities;
mod diffusion;
mod partition;
mod samplers;
mod training;

/// The message of what must be refused.
#[track_caller]
fn refused<T>(result: gibbsian::Result<T>) -> String {
    match result {
        Ok(_) => panic!("the mistake went through"),
        Err(error) => error.to_string(),
    }
}

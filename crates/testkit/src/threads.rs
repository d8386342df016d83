//! The same bits on any number of threads.

use std::sync::OnceLock;

use ndarray::Array1;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::agreement::identical;
use crate::verdict::Verdict;

/// The numbers of threads on which results are compared: fewer and more than a machine has, powers of two and not.
pub const COUNTS: [usize; 5] = [1, 2, 3, 4, 8];

/// Requires `run` to return the same bits on 1, 2, 3, 4 and 8 threads.
///
/// # Errors
/// A number of threads on which some bit differs from the result on one thread.
pub fn same_on_any_number(law: &str, run: impl Fn() -> Array1<f64> + Sync) -> Verdict {
    let reference = pools()[0].install(&run);
    for (pool, n) in pools().iter().zip(COUNTS).skip(1) {
        identical(law, &pool.install(&run), &reference)
            .map_err(|f| f.within(format_args!("on {n} threads")))?;
    }
    Ok(())
}

/// One pool a count, made once a process.
fn pools() -> &'static [ThreadPool] {
    static POOLS: OnceLock<Vec<ThreadPool>> = OnceLock::new();
    POOLS.get_or_init(|| {
        COUNTS
            .iter()
            .map(|&n| {
                ThreadPoolBuilder::new()
                    .num_threads(n)
                    .build()
                    .unwrap_or_else(|e| panic!("cannot start {n} threads: {e}"))
            })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_result_that_knows_the_number_of_threads_is_caught() {
        assert!(same_on_any_number("law", || array![1.0]).is_ok());
        let failure = same_on_any_number("law", || array![rayon::current_num_threads() as f64]).unwrap_err();
        assert!(failure.to_string().contains("on 2 threads"), "{failure}");
    }
}

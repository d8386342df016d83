//! Independent pieces of work, each on its share of the threads.
//!
//! Training a small network leaves a second thread idle for much of its time, because a step is too short to be shared. Trainings that do not need each other use all threads when they run side by side. No result depends on it:
//! what a piece of work returns is the same on any number of threads.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Result;

/// A piece of work that needs no other.
pub type Task<'a, T> = Box<dyn FnOnce() -> Result<T> + Send + 'a>;

/// Runs the tasks, as many at a time as there are threads, and returns what they return, in their order.
///
/// The threads of the pool that calls are dealt out evenly: with fewer tasks than threads a task has several.
///
/// # Errors
/// That of the first task that fails, after all have run; or threads cannot be started.
///
/// # Panics
/// A task panics: its panic goes on here.
pub fn side_by_side<T: Send>(tasks: Vec<Task<'_, T>>) -> Result<Vec<T>> {
    let n_threads = rayon::current_num_threads();
    let n_workers = n_threads.min(tasks.len());
    if n_workers < 2 {
        return tasks.into_iter().map(|task| task()).collect();
    }
    // The shares differ by one at most and have the sum `n_threads`.
    let pools: Vec<ThreadPool> = (0..n_workers)
        .map(|worker| pool((n_threads + worker) / n_workers))
        .collect::<Result<_>>()?;
    let n_tasks = tasks.len();
    let waiting = Mutex::new(tasks.into_iter().enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        let mut done = Vec::new();
        while let Some((place, task)) = next() {
            done.push((place, task()));
        }
        done
    };
    let done = thread::scope(|scope| {
        let workers: Vec<_> = pools
            .iter()
            .map(|pool| scope.spawn(|| pool.install(work)))
            .collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.flatten().collect::<Vec<_>>()
    });
    let mut in_order: Vec<Option<Result<T>>> = (0..n_tasks).map(|_| None).collect();
    for (place, result) in done {
        in_order[place] = Some(result);
    }
    in_order.into_iter().flatten().collect()
}

/// Two tasks [side by side](side_by_side).
///
/// # Errors
/// As for many.
///
/// # Panics
/// As for many.
pub fn both<T: Send>(
    first: impl FnOnce() -> Result<T> + Send,
    second: impl FnOnce() -> Result<T> + Send,
) -> Result<(T, T)> {
    let mut found = side_by_side(vec![Box::new(first), Box::new(second)])?;
    let second = found.pop().expect("two results of two tasks");
    let first = found.pop().expect("two results of two tasks");
    Ok((first, second))
}

fn pool(n_threads: usize) -> Result<ThreadPool> {
    ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .stack_size(crate::runner::STACK)
        .build()
        .map_err(|reason| format!("cannot start the threads: {reason}").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    fn in_pool<T: Send>(n_threads: usize, work: impl FnOnce() -> T + Send) -> T {
        pool(n_threads).unwrap().install(work)
    }

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        for n_threads in [1, 2, 3, 8] {
            let tasks = (0..7_usize)
                .map(|i| Box::new(move || Ok(i)) as Task<'_, usize>)
                .collect();
            let found = in_pool(n_threads, || side_by_side(tasks)).unwrap();
            assert_eq!(found, [0, 1, 2, 3, 4, 5, 6], "{n_threads} threads");
        }
    }

    #[test]
    fn threads_are_dealt_out() {
        let threads = |n_threads, n_tasks| {
            let tasks = (0..n_tasks).map(|_| {
                let task: Task<'_, usize> = Box::new(|| Ok(rayon::current_num_threads()));
                task
            });
            let tasks = tasks.collect();
            in_pool(n_threads, || side_by_side(tasks)).unwrap()
        };
        assert_eq!(threads(1, 3), [1, 1, 1]);
        assert_eq!(threads(2, 5), [1; 5]);
        assert!(threads(8, 2).iter().all(|n| *n == 4));
        assert!(threads(5, 2).iter().all(|n| [2, 3].contains(n)));
    }

    /// Each waits for the other, so that one after the other they would never end.
    #[test]
    fn two_tasks_run_at_the_same_time() {
        let both = Barrier::new(2);
        let meet = || -> Task<'_, bool> { Box::new(|| Ok(both.wait().is_leader())) };
        let leads = in_pool(2, || side_by_side(vec![meet(), meet()])).unwrap();
        assert_eq!(leads.iter().filter(|leads| **leads).count(), 1);
    }

    #[test]
    fn the_first_error_is_returned_and_a_panic_goes_on() {
        let tasks = |n_threads| {
            let fails = |i: usize| -> Task<'_, ()> { Box::new(move || Err(format!("task {i}").into())) };
            let tasks = vec![Box::new(|| Ok(())) as Task<'_, ()>, fails(1), fails(2)];
            in_pool(n_threads, || side_by_side(tasks))
                .unwrap_err()
                .to_string()
        };
        assert_eq!([tasks(1), tasks(2)], ["task 1", "task 1"]);
        let panics: Vec<Task<'_, ()>> = vec![Box::new(|| Ok(())), Box::new(|| panic!("no such thing"))];
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            in_pool(2, || side_by_side(panics))
        }));
        let payload = caught.unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"no such thing"));
    }
}

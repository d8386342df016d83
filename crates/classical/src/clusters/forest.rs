//! Sets that are joined: trees whose roots are their smallest members.

use std::mem::swap;

/// Joins the trees of two members.
///
/// Both are followed upwards at once, the one with the larger parent first, and what is passed is tied to the other's smaller parent (Rem's algorithm with splicing, in
/// Patwary, Blair and Manne 2010). It ends where the two meet, which is often at once.
#[inline]
pub(crate) fn unite(parent: &mut [u32], mut i: u32, mut j: u32) {
    loop {
        let (mut above_i, mut above_j) = (parent[i as usize], parent[j as usize]);
        if above_i == above_j {
            return;
        }
        if above_i > above_j {
            swap(&mut i, &mut j);
            swap(&mut above_i, &mut above_j);
        }
        parent[j as usize] = above_i;
        if j == above_j {
            return;
        }
        j = above_j;
    }
}

/// The root of a member, when all smaller members know theirs already; the member then knows it too.
#[inline]
pub(crate) fn settle(parent: &mut [u32], member: usize) -> usize {
    // A parent is never larger than its child.
    let root = parent[parent[member] as usize];
    parent[member] = root;
    root as usize
}

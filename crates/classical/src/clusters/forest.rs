//! Sets that are joined: trees whose roots are their smallest members.

/// Joins the trees of two members.
#[inline]
pub(super) fn unite(parent: &mut [u32], i: u32, j: u32) {
    let (i, j) = (find(parent, i), find(parent, j));
    parent[i.max(j) as usize] = i.min(j);
}

/// The root of the tree that a member is in, to which half the way there is shortened (Tarjan and van Leeuwen 1984).
#[inline]
fn find(parent: &mut [u32], mut member: u32) -> u32 {
    loop {
        let above = parent[member as usize];
        if above == member {
            return member;
        }
        let root = parent[above as usize];
        parent[member as usize] = root;
        member = root;
    }
}

/// The root of a member, when all smaller members know theirs already; the member then knows it too.
#[inline]
pub(super) fn settle(parent: &mut [u32], member: usize) -> usize {
    // A parent is never larger than its child.
    let root = parent[parent[member] as usize];
    parent[member] = root;
    root as usize
}

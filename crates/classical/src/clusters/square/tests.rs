use super::*;
use gibbsian_core::{Seed, Streams};

/// The law of any coupling, and symbols drawn at will.
fn start(rows: usize, columns: usize, likes_equal: bool, seed: u64) -> (Graph, Square, Vec<u8>) {
    let graph = Graph::lattice(&[rows, columns], Boundary::Periodic).unwrap();
    let square = Square::new(&graph, likes_equal, u64::MAX / 5 * 3).unwrap();
    let mut rng = Seed::new(seed).rng();
    let symbols = (0..rows * columns).map(|_| u8::from(rng.random::<f64>() < 0.4));
    (graph, square, symbols.collect())
}

#[test]
fn clusters_are_what_the_active_bonds_connect() {
    for (rows, columns, likes_equal) in [(2, 64, true), (5, 64, true), (3, 128, false), (64, 192, true)] {
        for seed in 0..5 {
            let (graph, square, before) = start(rows, columns, likes_equal, seed);
            let mut memory = SquareMemory::default();
            let mut symbols = before.clone();
            let (mut lanes, mut rng) = (LaneRng::new(Streams::from_key(seed), 0), Seed::new(seed).rng());
            let partition = square.sweep(&mut symbols, &mut memory, &mut lanes, &mut rng);

            // The same bonds on the graph: to the right and down from each site.
            let n = rows * columns;
            let bit = |bonds: &[u64], site: usize| bonds[site / 64] >> (site % 64) & 1 == 1;
            let (right, down) = memory.active.split_at(n / 64);
            let (satisfied_right, satisfied_down) = memory.satisfied.split_at(n / 64);
            let mut parent: Vec<u32> = (0..n as u32).collect();
            for site in 0..n {
                let to_the_right = site / columns * columns + (site + 1) % columns;
                for (active, satisfied, other) in [
                    (right, satisfied_right, to_the_right),
                    (down, satisfied_down, (site + columns) % n),
                ] {
                    assert!(graph.neighbours(site).iter().any(|n| n.site == other));
                    assert_eq!(
                        bit(satisfied, site),
                        (before[site] == before[other]) == likes_equal
                    );
                    assert!(!bit(active, site) || bit(satisfied, site));
                    if bit(active, site) {
                        unite(&mut parent, site as u32, other as u32);
                    }
                }
            }
            let mut sizes = vec![0; n];
            for site in 0..n {
                let root = settle(&mut parent, site);
                sizes[root] += 1;
                let turned = |site: usize| before[site] != symbols[site];
                assert_eq!(turned(site), turned(root), "site {site} of the cluster of {root}");
            }
            assert_eq!(partition, Partition::of_sizes(n, &sizes));
        }
    }
}

#[test]
fn a_turned_cluster_has_equal_symbols_and_is_connected() {
    for (rows, columns) in [(2, 2), (3, 8), (64, 64), (5, 128)] {
        for seed in 0..20 {
            let (graph, square, before) = start(rows, columns, true, seed);
            let (mut symbols, mut queue) = (before.clone(), Vec::new());
            let turn = square.turn(&mut symbols, &mut queue, &mut Seed::new(seed).rng());
            let cluster: Vec<usize> = (0..before.len()).filter(|&i| before[i] != symbols[i]).collect();
            assert_eq!(turn.size as usize, cluster.len());
            assert!(cluster.iter().all(|&i| before[i] == before[cluster[0]]));
            let mut reached = vec![cluster[0]];
            let mut next = 0;
            while next < reached.len() {
                for n in graph.neighbours(reached[next]) {
                    if cluster.contains(&n.site) && !reached.contains(&n.site) {
                        reached.push(n.site);
                    }
                }
                next += 1;
            }
            assert_eq!(reached.len(), cluster.len());
        }
    }
}

#[test]
fn coins_are_fair_and_belong_to_clusters() {
    // Of many clusters about one half is turned.
    let (_, square, before) = start(64, 64, true, 7);
    let mut symbols = before.clone();
    let mut memory = SquareMemory::default();
    let (mut lanes, mut rng) = (LaneRng::new(Streams::from_key(1), 0), Seed::new(1).rng());
    let partition = square.sweep(&mut symbols, &mut memory, &mut lanes, &mut rng);
    let roots = |run: &usize| memory.parent[*run] as usize == *run;
    let n_turned = (0..memory.size.len())
        .filter(roots)
        .filter(|&run| memory.turned[run] == 1)
        .count();
    let n = partition.n_clusters as f64;
    assert!(
        (n_turned as f64 - n / 2.0).abs() < 5.0 * (n / 4.0).sqrt(),
        "{n_turned} of {n}"
    );
}
